/*
 * zip.h - the members of a zip or zip64 archive.
 *
 * Only what PyTorch and NumPy write is read: no encryption, one disk, no comment, no bytes
 * outside the members, and compression only where the caller says so. Every byte range is
 * proven when the archive is opened. The central directory is the truth; local headers must
 * agree with it.
 */
#ifndef IO_ZIP_H
#define IO_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/file.h"

typedef struct zip_member {
    const char *name; /* not terminated */
    size_t name_length;
    uint64_t header; /* offset of the local header */
    uint64_t offset; /* of the bytes */
    uint64_t size;
    uint64_t stored; /* size in the archive: another one when deflated */
    uint32_t crc;
    uint16_t flags;
    bool is_deflated;
} zip_member;

typedef struct zip zip;

/* `from` must outlive the archive. */
spur_status zip_open(const file *from, zip **out, spur_error *error) SPUR_MUST_USE;
/* The same for archives whose members may be deflated. */
spur_status zip_open_deflated(const file *from, zip **out, spur_error *error) SPUR_MUST_USE;
void zip_close(zip *archive);

size_t zip_count(const zip *archive);
/* Members in byte-wise name order. */
const zip_member *zip_at(const zip *archive, size_t index);
const zip_member *zip_find(const zip *archive, const char *name, size_t length); /* or NULL */
/* The member whose local header comes first in the file. */
const zip_member *zip_first(const zip *archive);

/* The member's bytes; more than `limit` is an error. */
spur_status zip_load(const zip *archive, const zip_member *member, size_t limit,
                     unsigned char **bytes, spur_error *error) SPUR_MUST_USE;
/* The first `length` bytes of a member (at most its size). */
spur_status zip_read(const zip *archive, const zip_member *member, void *dst, size_t length,
                     spur_error *error) SPUR_MUST_USE;
/* Compares every member's bytes with its CRC-32. */
spur_status zip_check(const zip *archive, spur_error *error) SPUR_MUST_USE;

#endif
