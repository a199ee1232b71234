/*
 * part_file.c - pwrite into a file that is made with its full size, fdatasync, rename.
 *
 * The trap: a name is durable only when its folder is synced, so that happens after making the
 * file, too; else a database could list pieces of a file that a power loss has taken away.
 */
#include "io/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"

enum {
    REASON_SIZE = 128,
    TRANSFER_LIMIT = 1 << 30,
    COMPARE_SIZE = 4096
};

struct part_file {
    int descriptor;
    char *path, *part;
};

static spur_status fail_write(const char *path, const char *what, int number, spur_error *error)
{
    char reason[REASON_SIZE];
    if (strerror_r(number, reason, sizeof reason) != 0) {
        (void)snprintf(reason, sizeof reason, "error %d", number);
    }
    return error_set(error, SPUR_RESOURCE, "%s: %s: %s", path, what, reason);
}

static spur_status part_name(const char *path, char **out, spur_error *error)
{
    spur_status status;
    text_buffer name = {NULL, 0, 0};
    TRY(text_add(&name, path, strlen(path), error));
    TRY(text_add(&name, ".part", 5, error));
    *out = name.data;
    name.data = NULL;
done:
    text_buffer_free(&name);
    return status;
}

static spur_status part_file_new(const char *path, int flags, part_file **out,
                                 spur_error *error)
{
    spur_status status;
    part_file *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->descriptor = -1;
    TRY(memory_copy_text(path, strlen(path), &made->path, error));
    TRY(part_name(path, &made->part, error));
    do {
        made->descriptor = open(made->part, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0666);
    } while (made->descriptor < 0 && errno == EINTR);
    if (made->descriptor < 0) {
        status = fail_write(made->part, "cannot be opened for writing", errno, error);
        goto done;
    }
    *out = made;
    made = NULL;
done:
    part_file_close(made);
    return status;
}

void part_file_close(part_file *block)
{
    if (block != NULL) {
        if (block->descriptor >= 0) {
            (void)close(block->descriptor); /* what counts was synced before */
        }
        memory_free(block->path);
        memory_free(block->part);
        memory_free(block);
    }
}

spur_status part_file_create(const char *path, const void *start, size_t length, uint64_t size,
                             part_file **out, spur_error *error)
{
    spur_status status;
    part_file *made = NULL;
    TRY(part_file_new(path, O_CREAT | O_TRUNC, &made, error));
    if (ftruncate(made->descriptor, (off_t)size) != 0) {
        status = fail_write(made->part, "cannot be made as large as it must be", errno, error);
        goto done;
    }
    TRY(part_file_write(made, 0, start, length, error));
    TRY(part_file_sync(made, error));
    TRY(file_sync_folder(made->part, error));
    *out = made;
    made = NULL;
done:
    part_file_close(made);
    return status;
}

static spur_status compare_start(const part_file *from, const unsigned char *start,
                                 size_t length, spur_error *error)
{
    unsigned char found[COMPARE_SIZE];
    for (size_t at = 0; at < length;) {
        size_t step = length - at < sizeof found ? length - at : sizeof found;
        spur_status status = part_file_read(from, at, found, step, error);
        if (status != SPUR_OK) {
            return status;
        }
        if (memcmp(found, start + at, step) != 0) {
            return error_set(error, SPUR_DATASET,
                             "%s: its header is not the one that was written; use --restart",
                             from->part);
        }
        at += step;
    }
    return SPUR_OK;
}

spur_status part_file_continue(const char *path, const void *start, size_t length,
                               uint64_t size, part_file **out, spur_error *error)
{
    spur_status status;
    part_file *made = NULL;
    struct stat facts;
    if (!part_file_exists(path)) {
        FAIL(SPUR_DATASET, "%s.part: is missing; use --restart to make it again", path);
    }
    TRY(part_file_new(path, 0, &made, error));
    if (fstat(made->descriptor, &facts) != 0 || (uint64_t)facts.st_size != size) {
        FAIL(SPUR_DATASET,
             "%s: has another size than the %llu bytes it was made with; use --restart",
             made->part, (unsigned long long)size);
    }
    TRY(compare_start(made, start, length, error));
    *out = made;
    made = NULL;
done:
    part_file_close(made);
    return status;
}

spur_status part_file_write(part_file *into, uint64_t offset, const void *bytes, size_t length,
                            spur_error *error)
{
    const unsigned char *src = bytes;
    while (length > 0) {
        size_t step = length < TRANSFER_LIMIT ? length : TRANSFER_LIMIT;
        ssize_t count = pwrite(into->descriptor, src, step, (off_t)offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return fail_write(into->part, "cannot be written", count == 0 ? ENOSPC : errno,
                              error);
        }
        src += count;
        offset += (uint64_t)count;
        length -= (size_t)count;
    }
    return SPUR_OK;
}

spur_status part_file_read(const part_file *from, uint64_t offset, void *dst, size_t length,
                           spur_error *error)
{
    unsigned char *into = dst;
    while (length > 0) {
        size_t step = length < TRANSFER_LIMIT ? length : TRANSFER_LIMIT;
        ssize_t count = pread(from->descriptor, into, step, (off_t)offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return error_set(error, SPUR_DATASET, "%s: cannot be read at byte %llu", from->part,
                             (unsigned long long)offset);
        }
        into += count;
        offset += (uint64_t)count;
        length -= (size_t)count;
    }
    return SPUR_OK;
}

spur_status part_file_sync(part_file *into, spur_error *error)
{
    int result;
    do {
        result = fdatasync(into->descriptor);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? SPUR_OK
                       : fail_write(into->part, "cannot be synced to disk", errno, error);
}

spur_status part_file_finish(part_file *into, spur_error *error)
{
    spur_status status;
    TRY(part_file_sync(into, error));
    if (rename(into->part, into->path) != 0) {
        status = fail_write(into->path, "cannot be put in place", errno, error);
        goto done;
    }
    TRY(file_sync_folder(into->path, error));
done:
    return status;
}

bool part_file_exists(const char *path)
{
    char *part = NULL;
    bool exists = part_name(path, &part, NULL) == SPUR_OK && file_kind_of(part) == FILE_REGULAR;
    memory_free(part);
    return exists;
}

spur_status part_file_remove(const char *path, spur_error *error)
{
    spur_status status;
    char *part = NULL;
    TRY(part_name(path, &part, error));
    const char *const names[] = {path, part};
    for (size_t i = 0; i < 2; i++) {
        if (unlink(names[i]) != 0 && errno != ENOENT && errno != ENOTDIR) {
            status = fail_write(names[i], "cannot be removed", errno, error);
            goto done;
        }
    }
done:
    memory_free(part);
    return status;
}
