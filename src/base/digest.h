/*
 * digest.h - SHA-256 (OpenSSL EVP) and its printed form.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#include "base/error.h"

enum {
    DIGEST_SIZE = 32,
    DIGEST_SHA1_SIZE = 20,
    DIGEST_HEX_SIZE = 65
};

/* SHA-256 of one block. */
spur_status digest_of(const void *bytes, size_t length, unsigned char out[DIGEST_SIZE],
                      spur_error *error) SPUR_MUST_USE;

/* SHA-256 of a stream of blocks. */
typedef struct digest digest;
spur_status digest_new(digest **out, spur_error *error) SPUR_MUST_USE;
/* SHA-1, only to check names of Git objects: digest_finish fills DIGEST_SHA1_SIZE bytes. */
spur_status digest_new_sha1(digest **out, spur_error *error) SPUR_MUST_USE;
spur_status digest_add(digest *into, const void *bytes, size_t length,
                       spur_error *error) SPUR_MUST_USE;
spur_status digest_finish(digest *from, unsigned char out[DIGEST_SIZE],
                          spur_error *error) SPUR_MUST_USE;
void digest_free(digest *block);

/* Lower-case hexadecimal with NUL: out holds 2 * length + 1 bytes. */
void digest_hex(const unsigned char *bytes, size_t length, char *out);

#endif
