/*
 * digest.c - SHA-256 (and Git's SHA-1) by OpenSSL's EVP interface.
 *
 * EVP may refuse (a FIPS provider without the algorithm, no memory), so every step is checked.
 */
#include "base/digest.h"

#include <openssl/evp.h>

#include "base/memory.h"

struct digest {
    EVP_MD_CTX *context;
};

static spur_status fail_digest(spur_error *error)
{
    return error_set(error, SPUR_RESOURCE, "a digest failed in libcrypto; is it complete?");
}

static spur_status new_digest(const EVP_MD *kind, digest **out, spur_error *error)
{
    spur_status status;
    digest *block = NULL;
    TRY(memory_new_zeroed(1, sizeof *block, &block, error));
    block->context = EVP_MD_CTX_new();
    if (block->context == NULL || EVP_DigestInit_ex(block->context, kind, NULL) != 1) {
        status = fail_digest(error);
        goto done;
    }
    *out = block;
    block = NULL;
done:
    digest_free(block);
    return status;
}

spur_status digest_new(digest **out, spur_error *error)
{
    return new_digest(EVP_sha256(), out, error);
}

spur_status digest_new_sha1(digest **out, spur_error *error)
{
    return new_digest(EVP_sha1(), out, error);
}

spur_status digest_add(digest *into, const void *bytes, size_t length, spur_error *error)
{
    return EVP_DigestUpdate(into->context, bytes, length) == 1 ? SPUR_OK : fail_digest(error);
}

spur_status digest_finish(digest *from, unsigned char out[DIGEST_SIZE], spur_error *error)
{
    return EVP_DigestFinal_ex(from->context, out, NULL) == 1 ? SPUR_OK : fail_digest(error);
}

void digest_free(digest *block)
{
    if (block != NULL) {
        EVP_MD_CTX_free(block->context);
        memory_free(block);
    }
}

spur_status digest_of(const void *bytes, size_t length, unsigned char out[DIGEST_SIZE],
                      spur_error *error)
{
    return EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) == 1 ? SPUR_OK
                                                                         : fail_digest(error);
}

void digest_hex(const unsigned char *bytes, size_t length, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}
