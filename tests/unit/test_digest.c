/*
 * test_digest.c - SHA-256 and SHA-1 of the FIPS 180-4 examples, in one block and in pieces.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "support.h"

#include <dlfcn.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/digest.h"
#include "base/memory.h"

/* ---- libcrypto's functions, defined here again so that they can refuse ------------------- */

static const char *refused = "";

/* The library's own function of this name. */
static void find_real(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    assert_non_null(found);
    memcpy(function, &found, sizeof found);
}

int EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *type, ENGINE *engine)
{
    int (*real)(EVP_MD_CTX *, const EVP_MD *, ENGINE *);
    find_real("EVP_DigestInit_ex", &real);
    return strcmp(refused, "init") == 0 ? 0 : real(context, type, engine);
}

int EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t length)
{
    int (*real)(EVP_MD_CTX *, const void *, size_t);
    find_real("EVP_DigestUpdate", &real);
    return strcmp(refused, "update") == 0 ? 0 : real(context, bytes, length);
}

int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned *size)
{
    int (*real)(EVP_MD_CTX *, unsigned char *, unsigned *);
    find_real("EVP_DigestFinal_ex", &real);
    return strcmp(refused, "final") == 0 ? 0 : real(context, out, size);
}

int EVP_Digest(const void *bytes, size_t length, unsigned char *out, unsigned *size,
               const EVP_MD *type, ENGINE *engine)
{
    int (*real)(const void *, size_t, unsigned char *, unsigned *, const EVP_MD *, ENGINE *);
    find_real("EVP_Digest", &real);
    return strcmp(refused, "whole") == 0 ? 0 : real(bytes, length, out, size, type, engine);
}

/* ---- tests ------------------------------------------------------------------------------ */

static const struct {
    const char *text, *hex;
} known[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
             {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
             {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};

static void one_block(void **state)
{
    (void)state;
    spur_error error = {0};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char bytes[DIGEST_SIZE];
        char hex[DIGEST_HEX_SIZE];
        assert_ok(digest_of(known[i].text, strlen(known[i].text), bytes, &error), error);
        digest_hex(bytes, sizeof bytes, hex);
        assert_string_equal(hex, known[i].hex);
    }
}

static void a_million_letters_in_pieces(void **state)
{
    (void)state;
    spur_error error = {0};
    char piece[1000];
    memset(piece, 'a', sizeof piece);
    digest *stream = NULL;
    assert_ok(digest_new(&stream, &error), error);
    for (int i = 0; i < 1000; i++) {
        assert_ok(digest_add(stream, piece, sizeof piece, &error), error);
        assert_ok(digest_add(stream, NULL, 0, &error), error);
    }
    unsigned char bytes[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    assert_ok(digest_finish(stream, bytes, &error), error);
    digest_hex(bytes, sizeof bytes, hex);
    assert_string_equal(hex,
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    digest_free(stream);
    digest_free(NULL);
}

static void sha1_of_the_example(void **state)
{
    (void)state;
    spur_error error = {0};
    digest *stream = NULL;
    unsigned char bytes[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    assert_ok(digest_new_sha1(&stream, &error), error);
    assert_ok(digest_add(stream, "abc", 3, &error), error);
    assert_ok(digest_finish(stream, bytes, &error), error);
    digest_hex(bytes, DIGEST_SHA1_SIZE, hex);
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest_free(stream);
}

static void memory_may_fail(void **state)
{
    (void)state;
    spur_error error = {0};
    digest *stream = NULL;
    (void)memory_fail_at(1, false);
    assert_int_equal(digest_new(&stream, &error), SPUR_RESOURCE);
    assert_null(stream);
}

static void refusals_are_told(void **state)
{
    (void)state;
    static const char *const steps[] = {"init", "update", "final", "whole"};
    for (size_t i = 0; i < 4; i++) {
        spur_error error = {0};
        unsigned char bytes[DIGEST_SIZE];
        digest *stream = NULL;
        refused = steps[i];
        spur_status status = digest_new(&stream, &error);
        assert_int_equal(status, i == 0 ? SPUR_RESOURCE : SPUR_OK);
        if (stream != NULL) {
            status = digest_add(stream, "a", 1, &error);
            assert_int_equal(status, i == 1 ? SPUR_RESOURCE : SPUR_OK);
            status = digest_finish(stream, bytes, &error);
            assert_int_equal(status, i == 2 ? SPUR_RESOURCE : SPUR_OK);
        }
        digest_free(stream);
        status = digest_of("a", 1, bytes, &error);
        refused = "";
        assert_true(status == (i == 3 ? SPUR_RESOURCE : SPUR_OK) || i < 3);
        assert_string_equal(error.message, "a digest failed in libcrypto; is it complete?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_block), cmocka_unit_test(a_million_letters_in_pieces),
        cmocka_unit_test(sha1_of_the_example), cmocka_unit_test(memory_may_fail),
        cmocka_unit_test(refusals_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
