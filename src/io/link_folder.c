/*
 * link_folder.c - mkdirat, openat without following links, symlinkat.
 */
#include "io/link_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/folder.h"

struct link_folder {
    int descriptor;
    char *path; /* for messages */
};

static const char *reason_of(int number)
{
    switch (number) {
    case ELOOP:
        return "is a link; links are made only in folders";
    case ENOTDIR:
        return "is not a folder";
    case EACCES:
    case EPERM:
        return "permission denied";
    case ENOSPC:
        return "no space left on the device";
    case EROFS:
        return "the file system is read-only";
    case ENAMETOOLONG:
        return "the name is too long";
    default:
        return "cannot be made";
    }
}

static spur_status open_at(int parent, const char *name, int flags, char **path,
                           link_folder **out, spur_error *error)
{
    spur_status status;
    link_folder *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->path = *path;
    *path = NULL;
    made->descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    if (made->descriptor < 0) {
        int number = errno;
        struct stat facts;
        bool is_link = fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                       S_ISLNK(facts.st_mode) && flags != 0;
        FAIL(SPUR_RESOURCE, "%s: %s", made->path, reason_of(is_link ? ELOOP : number));
    }
    *out = made;
    made = NULL;
done:
    link_folder_close(made);
    return status;
}

spur_status link_folder_open(const char *path, link_folder **out, spur_error *error)
{
    spur_status status;
    char *copy = NULL;
    TRY(file_make_folder(path, error));
    TRY(memory_copy_text(path, strlen(path), &copy, error));
    TRY(open_at(AT_FDCWD, path, 0, &copy, out, error));
done:
    memory_free(copy);
    return status;
}

spur_status link_folder_below(const link_folder *parent, const char *name, link_folder **out,
                              spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(file_join(parent->path, name, &path, error));
    if (mkdirat(parent->descriptor, name, 0777) != 0 && errno != EEXIST) {
        FAIL(SPUR_RESOURCE, "%s: %s", path, reason_of(errno));
    }
    TRY(open_at(parent->descriptor, name, O_NOFOLLOW, &path, out, error));
done:
    memory_free(path);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

spur_status link_folder_check(const link_folder *folder, const char *const *names, size_t count,
                              spur_error *error)
{
    spur_status status;
    folder_list list = {NULL, 0};
    status = folder_read(folder->path, SPUR_RESOURCE, &list, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", folder->path);
        goto done;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (count == 0 ||
            bsearch(&list.names[i], names, count, sizeof *names, compare_names) == NULL) {
            FAIL(SPUR_RESOURCE,
                 "%s/%s: is there and does not belong to this subset; name an empty folder",
                 folder->path, list.names[i]);
        }
    }
done:
    folder_free(&list);
    return status;
}

/* True when `name` is a link to exactly `target`. */
static spur_status has_link(const link_folder *folder, const char *name, const char *target,
                            bool *out, spur_error *error)
{
    size_t length = strlen(target);
    char *found = NULL;
    spur_status status = memory_new(length + 1, 1, &found, error);
    if (status == SPUR_OK) {
        ssize_t size = readlinkat(folder->descriptor, name, found, length + 1);
        *out = size == (ssize_t)length && memcmp(found, target, length) == 0;
    }
    memory_free(found);
    return status;
}

spur_status link_folder_add(const link_folder *folder, const char *name, const char *target,
                            spur_error *error)
{
    spur_status status = SPUR_OK;
    bool is_same = false;
    if (symlinkat(target, folder->descriptor, name) == 0) {
        return SPUR_OK;
    }
    int number = errno;
    if (number == EEXIST) {
        TRY(has_link(folder, name, target, &is_same, error));
        if (!is_same) {
            FAIL(SPUR_RESOURCE, "%s/%s: is there; nothing is overwritten", folder->path, name);
        }
    } else {
        FAIL(SPUR_RESOURCE, "%s/%s: %s", folder->path, name, reason_of(number));
    }
done:
    return status;
}

void link_folder_close(link_folder *block)
{
    if (block != NULL) {
        if (block->descriptor > 0) {
            (void)close(block->descriptor);
        }
        memory_free(block->path);
        memory_free(block);
    }
}
