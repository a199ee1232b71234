/*
 * file.c - reading regular files with pread, writing by temporary name, fsync and rename.
 *
 * The trap of reading: open() of a FIFO waits for a writer and a mapped file that is cut short
 * kills the process; hence O_NONBLOCK, a look at what was opened, and no mapping. The trap of
 * writing: rename() over a device would replace the device, so special files are written in
 * place.
 */
#include "io/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    REASON_SIZE = 128,         /* errno's text */
    TRANSFER_LIMIT = 1 << 30,  /* one read or write call; Linux moves less than 2 GiB */
    BUFFER_SIZE = 64 * 1024,   /* of a writer */
    TEMPORARY_ATTEMPTS = 10000 /* left-overs of killed runs may hold the first names */
};

static const char *reason_of(int number, char reason[REASON_SIZE])
{
    if (strerror_r(number, reason, REASON_SIZE) != 0) {
        (void)snprintf(reason, REASON_SIZE, "error %d", number);
    }
    return reason;
}

static int open_retrying(const char *path, int flags, mode_t mode)
{
    int descriptor;
    do {
        descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* ---- reading ---------------------------------------------------------------------------- */

struct file {
    int descriptor;
    spur_status code;
    uint64_t size;
    struct timespec modified;
};

static const char *kind_text(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return "is a folder, not a file";
    }
    if (S_ISFIFO(mode)) {
        return "is a FIFO, not a regular file";
    }
    if (S_ISSOCK(mode)) {
        return "is a socket, not a regular file";
    }
    return "is a device, not a regular file";
}

/* What stands at a path that open() says is missing or has nobody behind it. */
static spur_status fail_by_look(const char *path, int number, spur_status code,
                                spur_error *error)
{
    struct stat facts;
    if (number == ENXIO && stat(path, &facts) == 0) {
        return error_set(error, code, "%s", kind_text(facts.st_mode));
    }
    if (number == ENOENT && lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode)) {
        return error_set(error, code, "is a symlink to a missing file");
    }
    return error_set(error, code, "no such file");
}

static spur_status fail_open(const char *path, int number, spur_status code, spur_error *error)
{
    char reason[REASON_SIZE];
    switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
        return fail_by_look(path, number, code, error);
    case EACCES:
    case EPERM:
        return error_set(error, code, "permission denied");
    case ELOOP:
        return error_set(error, code, "is a loop of symlinks");
    case ENAMETOOLONG:
        return error_set(error, code, "path is too long");
    case EMFILE:
    case ENFILE:
        return error_set(error, SPUR_RESOURCE, "too many open files; raise 'ulimit -n'");
    case ENOMEM:
        return error_set(error, SPUR_RESOURCE, "out of memory while opening the file");
    default:
        return error_set(error, code, "cannot be opened: %s", reason_of(number, reason));
    }
}

/* Takes size and time; refuses what is not a regular file. */
static spur_status inspect_opened(file *from, spur_error *error)
{
    struct stat facts;
    if (fstat(from->descriptor, &facts) != 0) {
        char reason[REASON_SIZE];
        return error_set(error, from->code, "cannot be inspected: %s",
                         reason_of(errno, reason));
    }
    if (!S_ISREG(facts.st_mode)) {
        return error_set(error, from->code, "%s", kind_text(facts.st_mode));
    }
    from->size = (uint64_t)facts.st_size;
    from->modified = facts.st_mtim;
    return SPUR_OK;
}

spur_status file_open(const char *path, spur_status code, file **out, spur_error *error)
{
    spur_status status;
    file *opened = NULL;
    TRY(memory_new_zeroed(1, sizeof *opened, &opened, error));
    opened->code = code;
    opened->descriptor = open_retrying(path, O_RDONLY | O_NONBLOCK, 0);
    if (opened->descriptor < 0) {
        status = fail_open(path, errno, code, error);
        goto done;
    }
    TRY(inspect_opened(opened, error));
    *out = opened;
    opened = NULL;
done:
    file_close(opened);
    return status;
}

uint64_t file_size(const file *from)
{
    return from->size;
}

static spur_status fail_changed(const file *from, spur_error *error)
{
    return error_set(error, from->code, "changed while reading");
}

/* *changed tells a file that became shorter from a read error. */
static spur_status read_exactly(const file *from, uint64_t offset, unsigned char *dst,
                                size_t length, bool *changed, spur_error *error)
{
    *changed = offset > from->size || length > from->size - offset;
    while (length > 0 && !*changed) {
        size_t wanted = length < TRANSFER_LIMIT ? length : TRANSFER_LIMIT;
        ssize_t count = pread(from->descriptor, dst, wanted, (off_t)offset);
        if (count > 0) {
            dst += count;
            offset += (uint64_t)count;
            length -= (size_t)count;
        } else if (count == 0) {
            *changed = true;
        } else if (errno != EINTR) {
            char reason[REASON_SIZE];
            return error_set(error, from->code, "read error at byte %" PRIu64 ": %s", offset,
                             reason_of(errno, reason));
        }
    }
    return *changed ? fail_changed(from, error) : SPUR_OK;
}

spur_status file_read_at(const file *from, uint64_t offset, void *dst, size_t length,
                         spur_error *error)
{
    bool changed;
    return read_exactly(from, offset, dst, length, &changed, error);
}

static bool is_unchanged(const file *from)
{
    struct stat facts;
    return fstat(from->descriptor, &facts) == 0 && (uint64_t)facts.st_size == from->size &&
           facts.st_mtim.tv_sec == from->modified.tv_sec &&
           facts.st_mtim.tv_nsec == from->modified.tv_nsec;
}

spur_status file_check_unchanged(const file *from, spur_error *error)
{
    return is_unchanged(from) ? SPUR_OK : fail_changed(from, error);
}

void file_close(file *from)
{
    if (from != NULL) {
        if (from->descriptor >= 0) {
            (void)close(from->descriptor); /* nothing was written: nothing can be lost */
        }
        memory_free(from);
    }
}

/* ---- whole files ------------------------------------------------------------------------ */

static spur_status fail_too_large(uint64_t limit, spur_status code, spur_error *error)
{
    return error_set(error, code, "is too large: more than the limit of %" PRIu64 " bytes",
                     limit);
}

/* One attempt; *changed asks for another one. */
static spur_status load_once(const char *path, uint64_t limit, spur_status code,
                             unsigned char **bytes, size_t *size, bool *changed,
                             spur_error *error)
{
    spur_status status;
    file *from = NULL;
    unsigned char *block = NULL;
    *changed = false;
    TRY(file_open(path, code, &from, error));
    assert(from != NULL);
    if (from->size > limit) {
        status = fail_too_large(limit, code, error);
        goto done;
    }
    size_t length = (size_t)from->size;
    TRY(memory_new(length + 1, 1, &block, error));
    TRY(read_exactly(from, 0, block, length, changed, error));
    *changed = !is_unchanged(from);
    if (*changed) {
        status = fail_changed(from, error);
        goto done;
    }
    block[length] = '\0';
    *bytes = block;
    *size = length;
    block = NULL;
done:
    memory_free(block);
    file_close(from);
    return status;
}

spur_status file_load(const char *path, uint64_t limit, spur_status code, unsigned char **bytes,
                      size_t *size, spur_error *error)
{
    bool changed;
    spur_status status = load_once(path, limit, code, bytes, size, &changed, error);
    if (status != SPUR_OK && changed) {
        status = load_once(path, limit, code, bytes, size, &changed, error);
    }
    return status;
}

/* Waits until a descriptor that somebody made non-blocking can go on. */
static void wait_ready(int descriptor, short events)
{
    struct pollfd wanted = {.fd = descriptor, .events = events};
    (void)poll(&wanted, 1, -1); /* interrupted or broken: the next call says so */
}

/* read() with retries: bytes read, 0 at the end, -1 with errno. */
static ssize_t read_some(int descriptor, unsigned char *dst, size_t length)
{
    for (;;) {
        ssize_t count =
            read(descriptor, dst, length < TRANSFER_LIMIT ? length : TRANSFER_LIMIT);
        if (count >= 0) {
            return count;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait_ready(descriptor, POLLIN);
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

spur_status file_load_stream(int descriptor, uint64_t limit, spur_status code,
                             unsigned char **bytes, size_t *size, spur_error *error)
{
    spur_status status;
    unsigned char *block = NULL;
    size_t length = 0, capacity = 0;
    for (;;) {
        TRY(memory_grow(&block, &capacity, length + BUFFER_SIZE, 1, error));
        ssize_t count = read_some(descriptor, block + length, capacity - length - 1);
        if (count < 0) {
            char reason[REASON_SIZE];
            FAIL(code, "read error at byte %zu: %s", length, reason_of(errno, reason));
        }
        if (count == 0) {
            break;
        }
        length += (size_t)count;
        if (length > limit) {
            status = fail_too_large(limit, code, error);
            goto done;
        }
    }
    block[length] = '\0';
    *bytes = block;
    *size = length;
    block = NULL;
done:
    memory_free(block);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------- */

struct file_writer {
    int descriptor;     /* -1 once closed */
    bool is_broken;     /* a write failed: must not be put in place */
    bool is_synced;     /* commit waits for the disk */
    bool is_replacing;  /* by temporary name; false for standard output and special files */
    char *path;         /* as the caller gave it, for messages */
    char *target;       /* the path behind symlinks */
    char *temporary;    /* exists while not NULL */
    size_t folder_size; /* bytes of `target` up to and with the last '/' */
    uint64_t written;
    size_t used; /* bytes waiting in `buffer` */
    unsigned char buffer[BUFFER_SIZE];
};

static spur_status fail_write(const char *path, const char *what, int number, spur_error *error)
{
    char reason[REASON_SIZE];
    return error_set(error, SPUR_RESOURCE, "%s: %s: %s", path, what, reason_of(number, reason));
}

/* Sets `target` to the path behind symlinks, so that a link stays a link. */
static spur_status resolve_target(file_writer *into, spur_error *error)
{
    char resolved[PATH_MAX];
    struct stat facts;
    const char *target = into->path;
    if (lstat(into->path, &facts) == 0 && S_ISLNK(facts.st_mode) &&
        realpath(into->path, resolved) != NULL) {
        target = resolved;
    }
    const char *slash = strrchr(target, '/');
    into->folder_size = slash == NULL ? 0 : (size_t)(slash - target) + 1;
    return memory_copy_text(target, strlen(target), &into->target, error);
}

/* Tries names in the target's folder that are short whatever the target's own name is. */
static spur_status open_temporary(file_writer *into, spur_error *error)
{
    enum {
        NAME_SIZE = 64
    };
    spur_status status;
    char *name = NULL;
    TRY(memory_new(into->folder_size + NAME_SIZE, 1, &name, error));
    memcpy(name, into->target, into->folder_size);
    for (int i = 0; i < TEMPORARY_ATTEMPTS; i++) {
        (void)snprintf(name + into->folder_size, NAME_SIZE, ".spur-%ld-%d.tmp", (long)getpid(),
                       i);
        into->descriptor = open_retrying(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (into->descriptor >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (into->descriptor < 0) {
        status = fail_write(into->path, "cannot be created", errno, error);
        goto done;
    }
    into->temporary = name;
    name = NULL;
done:
    memory_free(name);
    return status;
}

/* Devices and FIFOs are written where they are. */
static spur_status open_special(file_writer *into, spur_error *error)
{
    into->descriptor = open_retrying(into->path, O_WRONLY, 0);
    return into->descriptor >= 0
               ? SPUR_OK
               : fail_write(into->path, "cannot be opened for writing", errno, error);
}

static spur_status open_output(file_writer *into, spur_error *error)
{
    struct stat facts;
    bool exists = stat(into->path, &facts) == 0;
    if (!exists && errno != ENOENT) {
        return fail_write(into->path, "cannot be created", errno, error);
    }
    if (exists && S_ISDIR(facts.st_mode)) {
        return error_set(error, SPUR_RESOURCE, "%s: is a folder; give the name of a file",
                         into->path);
    }
    if (exists && !S_ISREG(facts.st_mode)) {
        return open_special(into, error);
    }
    into->is_replacing = true;
    spur_status status = resolve_target(into, error);
    return status == SPUR_OK ? open_temporary(into, error) : status;
}

spur_status file_create(const char *path, file_writer **out, spur_error *error)
{
    spur_status status;
    file_writer *into = NULL;
    TRY(memory_new_zeroed(1, sizeof *into, &into, error));
    into->descriptor = -1;
    into->is_synced = true;
    bool is_standard = strcmp(path, "-") == 0;
    const char *shown = is_standard ? "standard output" : path;
    TRY(memory_copy_text(shown, strlen(shown), &into->path, error));
    if (is_standard) {
        into->descriptor = STDOUT_FILENO;
    } else {
        TRY(open_output(into, error));
    }
    *out = into;
    into = NULL;
done:
    file_writer_close(into);
    return status;
}

static spur_status write_all(file_writer *into, const unsigned char *src, size_t length,
                             spur_error *error)
{
    while (length > 0) {
        size_t wanted = length < TRANSFER_LIMIT ? length : TRANSFER_LIMIT;
        ssize_t count = write(into->descriptor, src, wanted);
        if (count >= 0) {
            src += count;
            length -= (size_t)count;
            into->written += (uint64_t)count;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait_ready(into->descriptor, POLLOUT);
        } else if (errno != EINTR) {
            char what[64];
            int number = errno;
            into->is_broken = true;
            (void)snprintf(what, sizeof what, "cannot be written after %" PRIu64 " bytes",
                           into->written);
            return fail_write(into->path, what, number, error);
        }
    }
    return SPUR_OK;
}

static spur_status flush_buffer(file_writer *into, spur_error *error)
{
    size_t used = into->used;
    into->used = 0;
    return write_all(into, into->buffer, used, error);
}

spur_status file_write(file_writer *into, const void *bytes, size_t length, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (length > BUFFER_SIZE - into->used) {
        TRY(flush_buffer(into, error));
    }
    if (length >= BUFFER_SIZE) {
        TRY(write_all(into, bytes, length, error));
    } else if (length > 0) {
        memcpy(into->buffer + into->used, bytes, length);
        into->used += length;
    }
done:
    return status;
}

/* fsync, and the close whose error is the last chance to hear of a lost write (NFS). */
static spur_status sync_and_close(file_writer *into, spur_error *error)
{
    int result;
    do {
        result = into->is_synced ? fsync(into->descriptor) : 0;
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return fail_write(into->path, "cannot be synced to disk", errno, error);
    }
    result = close(into->descriptor);
    into->descriptor = -1;
    if (result != 0 && errno != EINTR) { /* after EINTR Linux has closed it */
        return fail_write(into->path, "cannot be closed", errno, error);
    }
    return SPUR_OK;
}

/* File systems that cannot sync a folder say EINVAL, and a folder may be writable without
 * being readable: neither is a failure of the write. */
spur_status file_sync_folder(const char *path, spur_error *error)
{
    spur_status status;
    char *folder = NULL;
    int descriptor = -1;
    const char *slash = strrchr(path, '/');
    TRY(memory_copy_text(slash == NULL ? "." : path,
                         slash == NULL ? 1 : (size_t)(slash - path) + 1, &folder, error));
    descriptor = open_retrying(folder, O_RDONLY | O_DIRECTORY, 0);
    if (descriptor < 0 && errno != EACCES) {
        status = fail_write(path, "its folder cannot be opened to sync", errno, error);
    } else if (descriptor >= 0 && fsync(descriptor) != 0 && errno != EINVAL) {
        status = fail_write(path, "its folder cannot be synced to disk", errno, error);
    }
done:
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    memory_free(folder);
    return status;
}

spur_status file_commit(file_writer *into, spur_error *error)
{
    spur_status status;
    if (into->is_broken) {
        FAIL(SPUR_RESOURCE, "%s: is incomplete: an earlier write failed", into->path);
    }
    TRY(flush_buffer(into, error));
    if (!into->is_replacing) {
        goto done;
    }
    TRY(sync_and_close(into, error));
    if (rename(into->temporary, into->target) != 0) {
        status = fail_write(into->path, "cannot be put in place", errno, error);
        goto done;
    }
    memory_free(into->temporary);
    into->temporary = NULL;
    TRY(file_sync_folder(into->target, error));
done:
    return status;
}

void file_writer_close(file_writer *into)
{
    if (into == NULL) {
        return;
    }
    if (into->descriptor >= 0 && into->descriptor != STDOUT_FILENO) {
        (void)close(into->descriptor);
    }
    if (into->temporary != NULL) {
        (void)unlink(into->temporary);
    }
    memory_free(into->temporary);
    memory_free(into->target);
    memory_free(into->path);
    memory_free(into);
}

static spur_status replace(const char *path, const void *bytes, size_t length, bool is_synced,
                           spur_error *error)
{
    spur_status status;
    file_writer *into = NULL;
    TRY(file_create(path, &into, error));
    into->is_synced = is_synced;
    TRY(file_write(into, bytes, length, error));
    TRY(file_commit(into, error));
done:
    file_writer_close(into);
    return status;
}

spur_status file_replace(const char *path, const void *bytes, size_t length, spur_error *error)
{
    return replace(path, bytes, length, true, error);
}

spur_status file_replace_quickly(const char *path, const void *bytes, size_t length,
                                 spur_error *error)
{
    return replace(path, bytes, length, false, error);
}

/* ---- paths ------------------------------------------------------------------------------ */

spur_status file_join(const char *folder, const char *name, char **out, spur_error *error)
{
    spur_status status;
    text_buffer path = {NULL, 0, 0};
    size_t length = strlen(folder);
    TRY(text_add(&path, folder, length, error));
    if (length > 0 && folder[length - 1] != '/') {
        TRY(text_add(&path, "/", 1, error));
    }
    TRY(text_add(&path, name, strlen(name), error));
    *out = path.data;
    path.data = NULL;
done:
    text_buffer_free(&path);
    return status;
}

static spur_status make_one_folder(const char *path, spur_error *error)
{
    if (mkdir(path, 0777) == 0) {
        return SPUR_OK;
    }
    int number = errno;
    enum file_kind kind = file_kind_of(path);
    if (kind == FILE_FOLDER) {
        return SPUR_OK; /* whatever mkdir said: it may be EROFS before EEXIST */
    }
    if (kind != FILE_MISSING && number == EEXIST) {
        return error_set(error, SPUR_RESOURCE, "%s: is in the way: it is not a folder", path);
    }
    return fail_write(path, "the folder cannot be created", number, error);
}

/* Makes the folder that ends before the i-th byte of `path`, where a slash stands. */
static spur_status make_parent(char *path, size_t i, spur_error *error)
{
    path[i] = '\0';
    spur_status status = make_one_folder(path, error);
    path[i] = '/';
    return status;
}

spur_status file_make_folder(const char *path, spur_error *error)
{
    char *part = NULL;
    size_t length = strlen(path);
    spur_status status = memory_copy_text(path, length, &part, error);
    for (size_t i = 1; i < length && status == SPUR_OK; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            status = make_parent(part, i, error);
        }
    }
    memory_free(part);
    return status == SPUR_OK ? make_one_folder(path, error) : status;
}

enum file_kind file_kind_of(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? FILE_MISSING : FILE_OTHER;
    }
    if (S_ISREG(facts.st_mode)) {
        return FILE_REGULAR;
    }
    return S_ISDIR(facts.st_mode) ? FILE_FOLDER : FILE_OTHER;
}
