/*
 * test_file.c - reading and writing against a hostile file system.
 *
 * The system calls that file.c makes are defined here again: each can be told to fail, to be
 * interrupted, to move few bytes at a time or to let something happen just before it.
 */
#define _DEFAULT_SOURCE /* syscall */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"

/* ---- system calls under control --------------------------------------------------------- */

enum call {
    CALL_OPEN,
    CALL_PREAD,
    CALL_READ,
    CALL_WRITE,
    CALL_FSYNC,
    CALL_CLOSE,
    CALL_FSTAT,
    CALLS
};

static struct fault {
    int countdown;        /* strikes at the call that brings it to 0 */
    int number;           /* errno; 0 lets the call go on */
    void (*action)(void); /* before that */
} faults[CALLS];
static int strikes_seen;
static size_t most_bytes = SIZE_MAX; /* of one transfer */

static void fail_call(enum call call, int countdown, int number)
{
    faults[call] = (struct fault){countdown, number, NULL};
    strikes_seen = 0;
}

static bool strikes(enum call call)
{
    struct fault *fault = &faults[call];
    if (fault->countdown == 0 || --fault->countdown > 0) {
        return false;
    }
    strikes_seen++;
    if (fault->action != NULL) {
        fault->action();
    }
    errno = fault->number;
    return fault->number != 0;
}

static size_t at_most(size_t count)
{
    return count < most_bytes ? count : most_bytes;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    return strikes(CALL_OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t pread(int descriptor, void *dst, size_t count, off_t offset)
{
    return strikes(CALL_PREAD)
               ? -1
               : (ssize_t)syscall(SYS_pread64, descriptor, dst, at_most(count), offset);
}

ssize_t read(int descriptor, void *dst, size_t count)
{
    return strikes(CALL_READ) ? -1
                              : (ssize_t)syscall(SYS_read, descriptor, dst, at_most(count));
}

ssize_t write(int descriptor, const void *src, size_t count)
{
    return strikes(CALL_WRITE) ? -1
                               : (ssize_t)syscall(SYS_write, descriptor, src, at_most(count));
}

int fsync(int descriptor)
{
    return strikes(CALL_FSYNC) ? -1 : (int)syscall(SYS_fsync, descriptor);
}

int close(int descriptor)
{
    int result = (int)syscall(SYS_close, descriptor);
    return strikes(CALL_CLOSE) ? -1 : result;
}

int fstat(int descriptor, struct stat *facts)
{
    return strikes(CALL_FSTAT) ? -1 : (int)syscall(SYS_fstat, descriptor, facts);
}

/* ---- paths of one test ------------------------------------------------------------------ */

static char folder[64];
static char path[256];

static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *joined = paths[next++ % 4];
    (void)snprintf(joined, sizeof paths[0], "%s/%s", folder, name);
    return joined;
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", temp_make());
    (void)snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memset(faults, 0, sizeof faults);
    most_bytes = SIZE_MAX;
    (void)memory_fail_at(0, false);
    temp_remove();
    return 0;
}

static void put(const char *where, const char *content)
{
    spur_error error = {0};
    assert_ok(file_replace(where, content, strlen(content), &error), error);
}

static void assert_content(const char *where, const char *content)
{
    spur_error error = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    assert_ok(file_load(where, 1 << 24, SPUR_IMAGE, &bytes, &size, &error), error);
    assert_int_equal(size, strlen(content));
    assert_string_equal((char *)bytes, content);
    memory_free(bytes);
}

/* Number of entries of the test's folder, to see left-over temporary files. */
static int count_entries(void)
{
    DIR *listing = opendir(folder);
    int count = 0;
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(listing);
    return count;
}

static void assert_message(const spur_error *error, const char *expected)
{
    if (strstr(error->message, expected) == NULL) {
        fail_msg("message '%s', expected '...%s...'", error->message, expected);
    }
}

/* ---- reading ---------------------------------------------------------------------------- */

static void open_fails(const char *where, spur_status status, const char *message)
{
    spur_error error = {0};
    file *opened = NULL;
    assert_int_equal(file_open(where, SPUR_IMAGE, &opened, &error), status);
    assert_null(opened);
    assert_string_equal(error.message, message);
}

static void make_socket(const char *where)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(descriptor);
}

static void what_is_no_file_is_named(void **state)
{
    (void)state;
    put(path, "x");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(symlink("loop", in_folder("loop")), 0);
    assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
    make_socket(in_folder("socket"));
    char long_name[5000];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    open_fails(in_folder("missing"), SPUR_IMAGE, "no such file");
    open_fails(in_folder("file/below"), SPUR_IMAGE, "no such file");
    open_fails("", SPUR_IMAGE, "no such file");
    open_fails(in_folder("dangling"), SPUR_IMAGE, "is a symlink to a missing file");
    open_fails(in_folder("loop"), SPUR_IMAGE, "is a loop of symlinks");
    open_fails(in_folder("fifo"), SPUR_IMAGE, "is a FIFO, not a regular file");
    open_fails(in_folder("socket"), SPUR_IMAGE, "is a socket, not a regular file");
    open_fails(folder, SPUR_IMAGE, "is a folder, not a file");
    open_fails("/dev/zero", SPUR_IMAGE, "is a device, not a regular file");
    open_fails(long_name, SPUR_IMAGE, "path is too long");
}

static void permission_is_named(void **state)
{
    (void)state;
    put(path, "x");
    assert_int_equal(chmod(path, 0), 0);
    bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(seteuid(65534), 0);
    }
    spur_error error = {0};
    file *opened = NULL;
    spur_status status = file_open(path, SPUR_DATASET, &opened, &error);
    spur_status write_status = file_replace("/proc/spur", "x", 1, NULL);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_int_equal(status, SPUR_DATASET);
    assert_string_equal(error.message, "permission denied");
    assert_int_equal(write_status, SPUR_RESOURCE);
}

static void open_is_retried_or_explained(void **state)
{
    (void)state;
    put(path, "x");
    spur_error error = {0};
    file *opened = NULL;
    fail_call(CALL_OPEN, 1, EINTR);
    assert_ok(file_open(path, SPUR_IMAGE, &opened, &error), error);
    assert_int_equal(strikes_seen, 1);
    file_close(opened);
    fail_call(CALL_OPEN, 1, ENOMEM);
    open_fails(path, SPUR_RESOURCE, "out of memory while opening the file");
    fail_call(CALL_OPEN, 1, EIO);
    open_fails(path, SPUR_IMAGE, "cannot be opened: Input/output error");
    fail_call(CALL_OPEN, 1, 99999);
    open_fails(path, SPUR_IMAGE, "cannot be opened: error 99999");
    fail_call(CALL_OPEN, 1, EPERM);
    open_fails(path, SPUR_IMAGE, "permission denied");
    fail_call(CALL_OPEN, 1, ENFILE);
    open_fails(path, SPUR_RESOURCE, "too many open files; raise 'ulimit -n'");
    fail_call(CALL_FSTAT, 1, EIO);
    open_fails(path, SPUR_IMAGE, "cannot be inspected: Input/output error");
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    spur_status status = file_open(path, SPUR_IMAGE, &opened, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, SPUR_RESOURCE);
    assert_string_equal(error.message, "too many open files; raise 'ulimit -n'");
}

static void parts_are_read_exactly(void **state)
{
    (void)state;
    put(path, "0123456789");
    spur_error error = {0};
    file *opened = NULL;
    char part[16] = "";
    assert_ok(file_open(path, SPUR_MODEL, &opened, &error), error);
    assert_int_equal(file_size(opened), 10);
    most_bytes = 3;
    fail_call(CALL_PREAD, 2, EINTR);
    assert_ok(file_read_at(opened, 1, part, 8, &error), error);
    assert_string_equal(part, "12345678");
    assert_int_equal(strikes_seen, 1);
    assert_ok(file_read_at(opened, 10, part, 0, &error), error);
    assert_int_equal(file_read_at(opened, 3, part, 8, &error), SPUR_MODEL);
    assert_string_equal(error.message, "changed while reading");
    assert_int_equal(file_read_at(opened, UINT64_MAX, part, 8, &error), SPUR_MODEL);
    assert_int_equal(file_read_at(opened, 11, part, 0, &error), SPUR_MODEL);
    fail_call(CALL_PREAD, 2, EIO);
    assert_int_equal(file_read_at(opened, 1, part, 8, &error), SPUR_MODEL);
    assert_string_equal(error.message, "read error at byte 4: Input/output error");
    assert_ok(file_check_unchanged(opened, &error), error);
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(file_read_at(opened, 1, part, 8, &error), SPUR_MODEL);
    assert_string_equal(error.message, "changed while reading");
    assert_int_equal(file_check_unchanged(opened, &error), SPUR_MODEL);
    assert_string_equal(error.message, "changed while reading");
    file_close(opened);
    file_close(NULL);
}

static void touching_is_a_change(void **state)
{
    (void)state;
    put(path, "0123456789");
    spur_error error = {0};
    file *opened = NULL;
    assert_ok(file_open(path, SPUR_MODEL, &opened, &error), error);
    const struct timespec seconds[2] = {{1000, 0}, {1000, 0}},
                          nanoseconds[2] = {{1000, 1}, {1000, 1}};
    assert_int_equal(utimensat(AT_FDCWD, path, seconds, 0), 0);
    assert_int_equal(file_check_unchanged(opened, &error), SPUR_MODEL);
    file_close(opened);
    assert_ok(file_open(path, SPUR_MODEL, &opened, &error), error);
    assert_ok(file_check_unchanged(opened, &error), error);
    assert_int_equal(utimensat(AT_FDCWD, path, nanoseconds, 0), 0);
    assert_int_equal(file_check_unchanged(opened, &error), SPUR_MODEL);
    fail_call(CALL_FSTAT, 1, EIO);
    assert_int_equal(file_check_unchanged(opened, &error), SPUR_MODEL);
    file_close(opened);
}

static void files_load_within_the_limit(void **state)
{
    (void)state;
    spur_error error = {0};
    unsigned char *bytes = NULL;
    size_t size = 99;
    put(path, "");
    assert_content(path, "");
    put(path, "12345");
    assert_ok(file_load(path, 5, SPUR_IMAGE, &bytes, &size, &error), error);
    assert_int_equal(size, 5);
    assert_string_equal((char *)bytes, "12345");
    memory_free(bytes);
    bytes = NULL;
    assert_int_equal(file_load(path, 4, SPUR_IMAGE, &bytes, &size, &error), SPUR_IMAGE);
    assert_string_equal(error.message, "is too large: more than the limit of 4 bytes");
    assert_null(bytes);
    assert_int_equal(file_load(in_folder("no"), 4, SPUR_DATASET, &bytes, &size, &error),
                     SPUR_DATASET);
    fail_call(CALL_PREAD, 1, EIO);
    assert_int_equal(file_load(path, 5, SPUR_IMAGE, &bytes, &size, &error), SPUR_IMAGE);
    assert_string_equal(error.message, "read error at byte 0: Input/output error");
    spur_status status = SPUR_RESOURCE;
    for (size_t n = 1; status == SPUR_RESOURCE; n++) {
        (void)memory_fail_at(n, false);
        status = file_load(path, 5, SPUR_IMAGE, &bytes, &size, &error);
        assert_true(status == SPUR_OK || n <= 2);
    }
    assert_ok(status, error);
    memory_free(bytes);
}

static void append_byte(void)
{
    FILE *stream = fopen(path, "ab");
    (void)fputc('+', stream);
    (void)fclose(stream);
}

static void append_byte_again(void)
{
    append_byte();
    faults[CALL_PREAD].countdown = 1;
}

static void cut_file(void)
{
    (void)truncate(path, 2);
}

static void one_change_is_retried_two_are_not(void **state)
{
    (void)state;
    put(path, "12345");
    faults[CALL_PREAD] = (struct fault){1, 0, append_byte};
    assert_content(path, "12345+");
    faults[CALL_PREAD] = (struct fault){1, 0, cut_file};
    assert_content(path, "12");
    put(path, "12345");
    faults[CALL_PREAD] = (struct fault){1, 0, append_byte_again};
    spur_error error = {0};
    unsigned char *bytes = NULL;
    size_t size;
    assert_int_equal(file_load(path, 99, SPUR_IMAGE, &bytes, &size, &error), SPUR_IMAGE);
    assert_string_equal(error.message, "changed while reading");
    assert_null(bytes);
}

/* ---- streams ---------------------------------------------------------------------------- */

/* A pipe that a child fills with `count` letters in two pieces. */
static int open_pipe(size_t count, pid_t *child)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        char *letters = malloc(count + 1);
        memset(letters, 'x', count + 1);
        const struct timespec pause = {0, 20000000};
        bool is_good = letters != NULL && write(ends[1], letters, count / 2) >= 0;
        (void)nanosleep(&pause, NULL);
        is_good = is_good && write(ends[1], letters, count - count / 2) >= 0;
        free(letters);
        _exit(is_good ? 0 : 1);
    }
    (void)close(ends[1]);
    return ends[0];
}

static void streams_load_to_their_end(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 1000, 100000, 300000};
    for (size_t i = 0; i < 5; i++) {
        spur_error error = {0};
        unsigned char *bytes = NULL;
        size_t size = 0;
        pid_t child;
        int descriptor = open_pipe(counts[i], &child);
        assert_int_equal(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0); /* EAGAIN is met */
        fail_call(CALL_READ, 1, EINTR);
        assert_ok(file_load_stream(descriptor, counts[i], SPUR_DATASET, &bytes, &size, &error),
                  error);
        assert_int_equal(strikes_seen, 1);
        assert_int_equal(size, counts[i]);
        for (size_t j = 0; j < size; j++) {
            assert_int_equal(bytes[j], 'x');
        }
        assert_int_equal(bytes[size], 0);
        memory_free(bytes);
        (void)close(descriptor);
        (void)waitpid(child, NULL, 0);
    }
}

static void streams_are_limited(void **state)
{
    (void)state;
    spur_error error = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    pid_t child;
    (void)signal(SIGPIPE, SIG_IGN);
    int descriptor = open_pipe(1000, &child);
    assert_int_equal(file_load_stream(descriptor, 999, SPUR_DATASET, &bytes, &size, &error),
                     SPUR_DATASET);
    assert_string_equal(error.message, "is too large: more than the limit of 999 bytes");
    (void)close(descriptor);
    (void)waitpid(child, NULL, 0);
    descriptor = open(folder, O_RDONLY);
    assert_int_equal(file_load_stream(descriptor, 9, SPUR_DATASET, &bytes, &size, &error),
                     SPUR_DATASET);
    assert_string_equal(error.message, "read error at byte 0: Is a directory");
    (void)close(descriptor);
    descriptor = open("/dev/null", O_RDONLY);
    (void)memory_fail_at(1, false);
    assert_int_equal(file_load_stream(descriptor, 9, SPUR_DATASET, &bytes, &size, &error),
                     SPUR_RESOURCE);
    assert_null(bytes);
    (void)close(descriptor);
}

/* ---- writing ---------------------------------------------------------------------------- */

static void writing_replaces_whole_files(void **state)
{
    (void)state;
    spur_error error = {0};
    struct stat facts;
    mode_t before = umask(027);
    put(path, "old");
    (void)umask(before);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    file_writer *into = NULL;
    assert_ok(file_create(path, &into, &error), error);
    assert_ok(file_write(into, "new ", 4, &error), error);
    assert_content(path, "old");
    assert_ok(file_write(into, NULL, 0, &error), error);
    assert_ok(file_write(into, "text", 4, &error), error);
    assert_ok(file_commit(into, &error), error);
    assert_content(path, "new text");
    file_writer_close(into);
    assert_ok(file_create(path, &into, &error), error);
    assert_ok(file_write(into, "never", 5, &error), error);
    file_writer_close(into);
    file_writer_close(NULL);
    assert_content(path, "new text");
    assert_int_equal(count_entries(), 1);
}

static void large_and_small_pieces_keep_their_order(void **state)
{
    (void)state;
    spur_error error = {0};
    file_writer *into = NULL;
    char *expected = malloc(600001);
    assert_non_null(expected);
    for (size_t i = 0; i < 600000; i++) {
        expected[i] = (char)('a' + i * i % 26);
    }
    expected[600000] = '\0';
    most_bytes = 50000; /* short writes */
    assert_ok(file_create(path, &into, &error), error);
    for (size_t at = 0, piece = 1; at < 600000; at += piece, piece = (piece * 3) % 200003) {
        piece = piece < 600000 - at ? piece : 600000 - at;
        assert_ok(file_write(into, expected + at, piece, &error), error);
    }
    assert_ok(file_commit(into, &error), error);
    file_writer_close(into);
    assert_content(path, expected);
    free(expected);
}

static void links_stay_links(void **state)
{
    (void)state;
    struct stat facts;
    assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
    put(in_folder("sub/real"), "old");
    assert_int_equal(symlink("sub/real", path), 0);
    put(path, "new");
    assert_int_equal(lstat(path, &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
    assert_content(in_folder("sub/real"), "new");
    assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
    put(in_folder("dangling"), "here");
    assert_content(in_folder("dangling"), "here");
}

static void left_over_temporary_names_are_passed_over(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, ".spur-%ld-%d.tmp", (long)getpid(), i);
        FILE *stream = fopen(in_folder(name), "w");
        assert_non_null(stream);
        (void)fclose(stream);
    }
    put(path, "new");
    assert_content(path, "new");
    assert_int_equal(count_entries(), 4);
}

static void names_without_folder_are_written(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    put("bare", "text");
    assert_int_equal(chdir(before), 0);
    assert_content(in_folder("bare"), "text");
}

/* Writes with whatever fault is set; the old file must be intact and nothing left over. */
static void replace_fails(const char *message)
{
    spur_error error = {0};
    assert_int_equal(file_replace(path, "new", 3, &error), SPUR_RESOURCE);
    assert_int_equal(strikes_seen, 1);
    assert_message(&error, path);
    assert_message(&error, message);
    memset(faults, 0, sizeof faults);
    assert_content(path, "old");
    assert_int_equal(count_entries(), 1);
}

static void failures_leave_the_old_file(void **state)
{
    (void)state;
    put(path, "old");
    fail_call(CALL_OPEN, 1, EROFS);
    replace_fails("file: cannot be created: Read-only file system");
    fail_call(CALL_WRITE, 1, ENOSPC);
    replace_fails("file: cannot be written after 0 bytes: No space left on device");
    fail_call(CALL_WRITE, 1, EIO);
    replace_fails("file: cannot be written after 0 bytes: Input/output error");
    fail_call(CALL_FSYNC, 1, EIO);
    replace_fails("file: cannot be synced to disk: Input/output error");
    fail_call(CALL_CLOSE, 1, EDQUOT);
    replace_fails("file: cannot be closed: Disk quota exceeded");
}

/* After the rename the new file is there, but not promised to survive a power cut. */
static void folder_sync_failures_are_told(void **state)
{
    (void)state;
    spur_error error = {0};
    fail_call(CALL_FSYNC, 2, EIO);
    assert_int_equal(file_replace(path, "new", 3, &error), SPUR_RESOURCE);
    assert_message(&error, "file: its folder cannot be synced to disk: Input/output error");
    fail_call(CALL_OPEN, 2, EIO);
    assert_int_equal(file_replace(path, "new", 3, &error), SPUR_RESOURCE);
    assert_message(&error, "file: its folder cannot be opened to sync: Input/output error");
    fail_call(CALL_FSYNC, 2, EINVAL);
    put(path, "new");
    assert_int_equal(strikes_seen, 1);
    fail_call(CALL_OPEN, 2, EACCES);
    put(path, "new");
    assert_int_equal(strikes_seen, 1);
}

static void interruptions_are_retried(void **state)
{
    (void)state;
    const enum call calls[] = {CALL_OPEN, CALL_WRITE, CALL_WRITE, CALL_FSYNC, CALL_CLOSE};
    const int numbers[] = {EINTR, EINTR, EAGAIN, EINTR, EINTR};
    for (size_t i = 0; i < 5; i++) {
        fail_call(calls[i], 1, numbers[i]);
        put(path, "text");
        assert_int_equal(strikes_seen, 1);
        assert_content(path, "text");
    }
}

static void size_limit_of_the_process_is_told(void **state)
{
    (void)state;
    put(path, "old");
    char block[5000];
    memset(block, 'x', sizeof block);
    struct rlimit before, low;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 3000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    spur_error error = {0};
    spur_status status = file_replace(path, block, sizeof block, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, SPUR_RESOURCE);
    assert_message(&error, "file: cannot be written after 3000 bytes: File too large");
    assert_content(path, "old");
    assert_int_equal(count_entries(), 1);
}

static void broken_writers_do_not_commit(void **state)
{
    (void)state;
    put(path, "old");
    spur_error error = {0};
    file_writer *into = NULL;
    char *block = calloc(1, 100000);
    assert_non_null(block);
    assert_ok(file_create(path, &into, &error), error);
    assert_ok(file_write(into, "abc", 3, &error), error);
    fail_call(CALL_WRITE, 1, ENOSPC);
    assert_int_equal(file_write(into, block, 100000, &error), SPUR_RESOURCE);
    assert_ok(file_write(into, "abc", 3, &error), error);
    assert_int_equal(file_commit(into, &error), SPUR_RESOURCE);
    assert_message(&error, "file: is incomplete: an earlier write failed");
    file_writer_close(into);
    assert_ok(file_create(path, &into, &error), error);
    fail_call(CALL_WRITE, 1, ENOSPC);
    assert_int_equal(file_write(into, block, 100000, &error), SPUR_RESOURCE);
    file_writer_close(into);
    free(block);
    assert_content(path, "old");
    assert_int_equal(count_entries(), 1);
}

static void make_target_a_folder(void)
{
    (void)mkdir(path, 0700);
}

static void what_cannot_be_replaced_is_named(void **state)
{
    (void)state;
    spur_error error = {0};
    faults[CALL_FSYNC] = (struct fault){1, 0, make_target_a_folder};
    assert_int_equal(file_replace(path, "x", 1, &error), SPUR_RESOURCE);
    assert_message(&error, "file: cannot be put in place: Is a directory");
    assert_int_equal(count_entries(), 1);
    assert_int_equal(file_replace(path, "x", 1, &error), SPUR_RESOURCE);
    assert_message(&error, "file: is a folder; give the name of a file");
    assert_int_equal(file_replace(in_folder("no/file"), "x", 1, &error), SPUR_RESOURCE);
    assert_message(&error, "no/file: cannot be created: No such file or directory");
    put(in_folder("plain"), "x");
    assert_int_equal(file_replace(in_folder("plain/file"), "x", 1, &error), SPUR_RESOURCE);
    assert_message(&error, "plain/file: cannot be created: Not a directory");
    make_socket(in_folder("socket"));
    assert_int_equal(file_replace(in_folder("socket"), "x", 1, &error), SPUR_RESOURCE);
    assert_message(&error, "socket: cannot be opened for writing: No such device or address");
}

static void special_files_are_written_in_place(void **state)
{
    (void)state;
    spur_error error = {0};
    struct stat facts;
    assert_int_equal(file_replace("/dev/full", "x", 1, &error), SPUR_RESOURCE);
    assert_string_equal(error.message, "/dev/full: cannot be written after 0 bytes: "
                                       "No space left on device");
    put("/dev/null", "x");
    assert_int_equal(stat("/dev/null", &facts), 0);
    assert_true(S_ISCHR(facts.st_mode));
    const char *fifo = in_folder("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK);
    char text[8] = "";
    put(fifo, "hello");
    assert_int_equal(read(reader, text, 7), 5);
    assert_string_equal(text, "hello");
    (void)close(reader);
}

static void dash_is_standard_output(void **state)
{
    (void)state;
    spur_error error = {0};
    int ends[2];
    char text[8] = "";
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    (void)close(ends[1]);
    spur_status status = file_replace("-", "hello", 5, &error);
    spur_status second = file_replace("-", "!", 1, &error); /* it has not been closed */
    ssize_t count = read(ends[0], text, 7);
    (void)close(ends[0]);
    (void)signal(SIGPIPE, SIG_IGN);
    spur_status third = file_replace("-", "!", 1, &error);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    assert_int_equal(status, SPUR_OK);
    assert_int_equal(second, SPUR_OK);
    assert_int_equal(count, 6);
    assert_string_equal(text, "hello!");
    assert_int_equal(third, SPUR_RESOURCE);
    assert_string_equal(error.message,
                        "standard output: cannot be written after 0 bytes: Broken pipe");
}

static void writing_survives_missing_memory(void **state)
{
    (void)state;
    spur_error error = {0};
    spur_status status = SPUR_RESOURCE;
    size_t n;
    put(path, "old");
    for (n = 1; status == SPUR_RESOURCE; n++) {
        (void)memory_fail_at(n, false);
        status = file_replace(path, "new", 3, &error);
        (void)memory_fail_at(0, false);
        assert_int_equal(count_entries(), 1);
    }
    assert_ok(status, error);
    assert_true(n >= 5);
    assert_content(path, "new");
}

/* ---- paths ------------------------------------------------------------------------------ */

static void paths_are_joined(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"a", "b", "a/b"},
                                           {"a/", "b", "a/b"},
                                           {"", "b", "b"},
                                           {"/", "b", "/b"},
                                           {"a", "", "a/"}};
    spur_error error = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *joined = NULL;
        assert_ok(file_join(cases[i][0], cases[i][1], &joined, &error), error);
        assert_string_equal(joined, cases[i][2]);
        memory_free(joined);
    }
    char *joined = NULL;
    (void)memory_fail_at(1, false);
    assert_int_equal(file_join("a", "b", &joined, &error), SPUR_RESOURCE);
    (void)memory_fail_at(2, false);
    assert_int_equal(file_join("longer than the first step", "b", &joined, &error), SPUR_OK);
    memory_free(joined);
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    spur_error error = {0};
    assert_ok(file_make_folder(in_folder("a/b//c/"), &error), error);
    assert_ok(file_make_folder(in_folder("a/b/c"), &error), error);
    assert_int_equal(file_kind_of(in_folder("a/b/c")), FILE_FOLDER);
    assert_ok(file_make_folder("/", &error), error);
    put(in_folder("a/plain"), "x");
    assert_int_equal(file_make_folder(in_folder("a/plain"), &error), SPUR_RESOURCE);
    assert_message(&error, "a/plain: is in the way: it is not a folder");
    assert_int_equal(file_make_folder(in_folder("a/plain/below"), &error), SPUR_RESOURCE);
    assert_message(&error, "a/plain: is in the way: it is not a folder");
    assert_int_equal(file_make_folder("", &error), SPUR_RESOURCE);
    assert_message(&error, "the folder cannot be created: No such file or directory");
    assert_int_equal(file_make_folder("/proc/spur", &error), SPUR_RESOURCE);
    assert_message(&error, "/proc/spur: the folder cannot be created: ");
    (void)memory_fail_at(1, false);
    assert_int_equal(file_make_folder(in_folder("m"), &error), SPUR_RESOURCE);
}

static void kinds_are_told(void **state)
{
    (void)state;
    put(path, "x");
    assert_int_equal(symlink("loop", in_folder("loop")), 0);
    assert_int_equal(symlink("file", in_folder("link")), 0);
    assert_int_equal(file_kind_of(path), FILE_REGULAR);
    assert_int_equal(file_kind_of(in_folder("link")), FILE_REGULAR);
    assert_int_equal(file_kind_of(folder), FILE_FOLDER);
    assert_int_equal(file_kind_of(in_folder("no")), FILE_MISSING);
    assert_int_equal(file_kind_of(in_folder("file/no")), FILE_MISSING);
    assert_int_equal(file_kind_of("/dev/null"), FILE_OTHER);
    assert_int_equal(file_kind_of(in_folder("loop")), FILE_OTHER);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {FILE_TEST(what_is_no_file_is_named),
                                       FILE_TEST(permission_is_named),
                                       FILE_TEST(open_is_retried_or_explained),
                                       FILE_TEST(parts_are_read_exactly),
                                       FILE_TEST(touching_is_a_change),
                                       FILE_TEST(files_load_within_the_limit),
                                       FILE_TEST(one_change_is_retried_two_are_not),
                                       FILE_TEST(streams_load_to_their_end),
                                       FILE_TEST(streams_are_limited),
                                       FILE_TEST(writing_replaces_whole_files),
                                       FILE_TEST(large_and_small_pieces_keep_their_order),
                                       FILE_TEST(links_stay_links),
                                       FILE_TEST(left_over_temporary_names_are_passed_over),
                                       FILE_TEST(names_without_folder_are_written),
                                       FILE_TEST(failures_leave_the_old_file),
                                       FILE_TEST(folder_sync_failures_are_told),
                                       FILE_TEST(interruptions_are_retried),
                                       FILE_TEST(size_limit_of_the_process_is_told),
                                       FILE_TEST(broken_writers_do_not_commit),
                                       FILE_TEST(what_cannot_be_replaced_is_named),
                                       FILE_TEST(special_files_are_written_in_place),
                                       FILE_TEST(dash_is_standard_output),
                                       FILE_TEST(writing_survives_missing_memory),
                                       FILE_TEST(paths_are_joined),
                                       FILE_TEST(folders_are_made_with_their_parents),
                                       FILE_TEST(kinds_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
