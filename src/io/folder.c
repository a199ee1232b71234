/*
 * folder.c - readdir, sorted.
 */
#include "io/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int compare_names(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(*a, *b);
}

void folder_free(folder_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->names[i]);
    }
    memory_free(list->names);
    *list = (folder_list){NULL, 0};
}

static spur_status read_names(DIR *from, spur_status code, folder_list *list, spur_error *error)
{
    spur_status status;
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(from);
        if (entry == NULL) {
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        TRY(memory_grow(&list->names, &capacity, list->count + 1, sizeof(char *), error));
        TRY(memory_copy_text(name, strlen(name), &list->names[list->count], error));
        list->count++;
    }
    if (errno != 0) {
        FAIL(code, "the folder cannot be read to its end");
    }
    status = SPUR_OK;
done:
    return status;
}

spur_status folder_read(const char *path, spur_status code, folder_list *out, spur_error *error)
{
    spur_status status;
    folder_list list = {NULL, 0};
    DIR *from = opendir(path);
    if (from == NULL) {
        FAIL(code, "%s",
             errno == ENOENT    ? "no such folder"
             : errno == ENOTDIR ? "is not a folder"
             : errno == EACCES  ? "permission denied"
                                : "the folder cannot be opened");
    }
    TRY(read_names(from, code, &list, error));
    if (list.count > 0) {
        qsort(list.names, list.count, sizeof(char *), compare_names);
    }
    *out = list;
    list = (folder_list){NULL, 0};
done:
    folder_free(&list);
    if (from != NULL) {
        (void)closedir(from);
    }
    return status;
}
