/*
 * run_lock.c - the lock of a run folder, and what kind of file system it stands on.
 */
#include "io/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"

enum {
    OWNER_SIZE = 400
};

struct run_lock {
    int descriptor;
};

/* One line of a small file below /proc, or "unknown". */
static void read_fact(const char *path, char *dst, size_t capacity)
{
    ssize_t length = -1;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        length = read(descriptor, dst, capacity - 1);
        (void)close(descriptor);
    }
    if (length <= 0) {
        (void)snprintf(dst, capacity, "unknown");
        return;
    }
    dst[length] = '\0';
    dst[strcspn(dst, "\r\n")] = '\0';
}

/* Writes who holds the lock. A failure here is harmless: the lock itself is taken. */
static void write_owner(int descriptor)
{
    char host[128];
    char boot[64];
    char owner[OWNER_SIZE];
    if (gethostname(host, sizeof host) != 0) {
        (void)snprintf(host, sizeof host, "unknown");
    }
    host[sizeof host - 1] = '\0';
    read_fact("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    int length = snprintf(owner, sizeof owner, "host %s process %ld boot %s\n", host,
                          (long)getpid(), boot);
    if (length > 0 && ftruncate(descriptor, 0) == 0) {
        (void)!pwrite(descriptor, owner, (size_t)length, 0);
    }
}

static spur_status fail_as_held(int descriptor, const char *folder, spur_error *error)
{
    char owner[OWNER_SIZE];
    ssize_t length = pread(descriptor, owner, sizeof owner - 1, 0);
    owner[length > 0 ? length : 0] = '\0';
    owner[strcspn(owner, "\r\n")] = '\0';
    return error_set(error, SPUR_RESOURCE,
                     "%s: another process is writing this run (%s); wait for it or use another "
                     "run folder",
                     folder, owner[0] == '\0' ? "it left no name" : owner);
}

static spur_status lock_descriptor(int descriptor, const char *folder, spur_error *error)
{
    int result;
    do {
        result = flock(descriptor, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return SPUR_OK;
    }
    if (errno == EWOULDBLOCK) {
        return fail_as_held(descriptor, folder, error);
    }
    return error_set(error, SPUR_RESOURCE, "%s/lock: cannot be locked: error %d", folder,
                     errno);
}

spur_status run_lock_take(const char *folder, run_lock **out, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    run_lock *lock = NULL;
    TRY(memory_new(1, sizeof *lock, &lock, error));
    lock->descriptor = -1;
    TRY(file_join(folder, "lock", &path, error));
    lock->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0666);
    if (lock->descriptor < 0) {
        FAIL(SPUR_RESOURCE, "%s: cannot be opened for writing: error %d (%s)", path, errno,
             errno == EROFS ? "read-only file system" : "check its permissions");
    }
    TRY(lock_descriptor(lock->descriptor, folder, error));
    write_owner(lock->descriptor);
    *out = lock;
    lock = NULL;
done:
    run_lock_release(lock);
    memory_free(path);
    return status;
}

void run_lock_release(run_lock *block)
{
    if (block != NULL) {
        if (block->descriptor >= 0) {
            (void)close(block->descriptor);
        }
        memory_free(block);
    }
}

bool run_folder_is_remote(const char *folder)
{
    /* NFS, SMB (three numbers), CIFS, AFS, 9P, Ceph, Lustre, GPFS, BeeGFS, FUSE (sshfs ...) */
    static const unsigned long remote[] = {0x6969,     0x517B,     0xFE534D42, 0xFF534D42,
                                           0x5346414F, 0x01021997, 0x00C36400, 0x0BD00BD0,
                                           0x47504653, 0x19830326, 0x65735546};
    struct statfs facts;
    if (statfs(folder, &facts) != 0) {
        return false;
    }
    unsigned long kind = (unsigned long)facts.f_type & 0xFFFFFFFFul;
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++) {
        if (kind == remote[i]) {
            return true;
        }
    }
    return false;
}
