/*
 * file.h - files read with pread and written by temporary name, fsync and rename.
 *
 * Inputs are opened without blocking and must be regular files (a FIFO, device, socket or
 * folder is an error that names what it is); nothing is ever memory-mapped. A file whose size
 * or modification time changes while it is read is "changed while reading".
 *
 * The status of a failure is the caller's: `code` says what a bad or missing file means here
 * (SPUR_IMAGE, SPUR_DATASET, SPUR_MODEL ...).
 */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct file file;

/* Opens a regular file for reading. The path is not copied into messages: callers prefix it. */
spur_status file_open(const char *path, spur_status code, file **out,
                      spur_error *error) SPUR_MUST_USE;
uint64_t file_size(const file *from);
/* Exactly `length` bytes at `offset`; short reads and EINTR are retried; past the end or a
 * file that shrank: "changed while reading". */
spur_status file_read_at(const file *from, uint64_t offset, void *dst, size_t length,
                         spur_error *error) SPUR_MUST_USE;
/* SPUR_OK while size and modification time are those seen at opening. */
spur_status file_check_unchanged(const file *from, spur_error *error) SPUR_MUST_USE;
void file_close(file *from);

/* The whole file in one block with a NUL behind it (not counted in *size). Larger than
 * `limit` bytes is an error. One retry when it changed while reading. */
spur_status file_load(const char *path, uint64_t limit, spur_status code, unsigned char **bytes,
                      size_t *size, spur_error *error) SPUR_MUST_USE;
/* The same from an open descriptor that may be a pipe (standard input). */
spur_status file_load_stream(int descriptor, uint64_t limit, spur_status code,
                             unsigned char **bytes, size_t *size,
                             spur_error *error) SPUR_MUST_USE;

/* Writing: bytes go to a temporary name beside `path`; commit syncs, renames and syncs the
 * folder; close without commit removes the temporary file. Failures are SPUR_RESOURCE and
 * name the path. Path "-" writes to standard output. */
typedef struct file_writer file_writer;
spur_status file_create(const char *path, file_writer **out, spur_error *error) SPUR_MUST_USE;
spur_status file_write(file_writer *into, const void *bytes, size_t length,
                       spur_error *error) SPUR_MUST_USE;
spur_status file_commit(file_writer *into, spur_error *error) SPUR_MUST_USE;
void file_writer_close(file_writer *into);

/* create, write, commit, close. */
spur_status file_replace(const char *path, const void *bytes, size_t length,
                         spur_error *error) SPUR_MUST_USE;

/* Makes the name of a new or renamed file durable: syncs the folder it is in. */
spur_status file_sync_folder(const char *path, spur_error *error) SPUR_MUST_USE;

/* The same without waiting for the disk: for files that can be made again. After a loss of
 * power the file may be empty. */
spur_status file_replace_quickly(const char *path, const void *bytes, size_t length,
                                 spur_error *error) SPUR_MUST_USE;

/* "folder/name" (name alone when folder is empty). */
spur_status file_join(const char *folder, const char *name, char **out,
                      spur_error *error) SPUR_MUST_USE;
/* Makes the folder and its parents; an existing folder is fine. */
spur_status file_make_folder(const char *path, spur_error *error) SPUR_MUST_USE;

enum file_kind {
    FILE_MISSING,
    FILE_REGULAR,
    FILE_FOLDER,
    FILE_OTHER
};
enum file_kind file_kind_of(const char *path);

#endif
