/*
 * stale_files.c - a report's folders hold only what its pages show.
 */
#include "report/stale_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/folder.h"

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

bool stale_is_class_page(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && strcmp(name + digits, ".html") == 0;
}

bool stale_is_thumbnail(const char *name)
{
    return strspn(name, "0123456789abcdef") == 32 && strcmp(name + 32, ".webp") == 0;
}

bool stale_is_figure(const char *name)
{
    static const char *const ends[] = {".svg", ".csv", ".vl.json", ".dvc.json", ".png", ".pdf"};
    bool is_ours = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        is_ours = is_ours || ends_with(name, ends[i]);
    }
    return is_ours && name[0] != '.';
}

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

static spur_status remove_one(const char *folder, const char *name, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(file_join(folder, name, &path, error));
    if (unlink(path) != 0 && errno != ENOENT) {
        FAIL(SPUR_RESOURCE, "%s: cannot remove a file of an earlier report: %s", path,
             strerror(errno));
    }
done:
    memory_free(path);
    return status;
}

spur_status stale_files_remove(const char *folder, stale_is_ours is_ours,
                               const char *const *kept, size_t count, uint64_t *removed,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    folder_list there = {NULL, 0};
    if (file_kind_of(folder) != FILE_FOLDER) {
        return SPUR_OK;
    }
    TRY(folder_read(folder, SPUR_RESOURCE, &there, error));
    for (size_t i = 0; i < there.count; i++) {
        const char *name = there.names[i];
        bool is_kept =
            count > 0 && bsearch(&name, kept, count, sizeof *kept, compare_names) != NULL;
        if (is_ours(name) && !is_kept) {
            TRY(remove_one(folder, name, error));
            (*removed)++;
        }
    }
done:
    folder_free(&there);
    return status;
}
