/*
 * part_file.h - a file of known size, written piece by piece over several runs of a program.
 *
 * It is called PATH.part until it is finished, then PATH: a file called PATH is whole. Which
 * pieces are there is the caller's to remember, after part_file_sync.
 */
#ifndef IO_PART_FILE_H
#define IO_PART_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct part_file part_file;

/* A new PATH.part of `size` bytes that begins with `start`; one that is there is dropped. */
spur_status part_file_create(const char *path, const void *start, size_t length, uint64_t size,
                             part_file **out, spur_error *error) SPUR_MUST_USE;
/* The PATH.part that is there; SPUR_DATASET when it is missing, has another size or does not
 * begin with `start`. */
spur_status part_file_continue(const char *path, const void *start, size_t length,
                               uint64_t size, part_file **out, spur_error *error) SPUR_MUST_USE;
/* Failures to write are SPUR_RESOURCE and name the file. */
spur_status part_file_write(part_file *into, uint64_t offset, const void *bytes, size_t length,
                            spur_error *error) SPUR_MUST_USE;
spur_status part_file_read(const part_file *from, uint64_t offset, void *dst, size_t length,
                           spur_error *error) SPUR_MUST_USE;
/* On return everything written so far survives a power loss. */
spur_status part_file_sync(part_file *into, spur_error *error) SPUR_MUST_USE;
/* Syncs and renames to PATH. */
spur_status part_file_finish(part_file *into, spur_error *error) SPUR_MUST_USE;
/* Leaves PATH.part as it is. */
void part_file_close(part_file *block);

/* True when there is a PATH.part. */
bool part_file_exists(const char *path);
/* Removes PATH and PATH.part, whichever are there. */
spur_status part_file_remove(const char *path, spur_error *error) SPUR_MUST_USE;

#endif
