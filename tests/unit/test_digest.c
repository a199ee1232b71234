/*
 * test_digest.c - SHA-256 of the FIPS 180-4 examples, in one block and in pieces.
 */
#include "support.h"

#include <string.h>

#include "base/digest.h"
#include "base/memory.h"

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

static void memory_may_fail(void **state)
{
    (void)state;
    spur_error error = {0};
    digest *stream = NULL;
    (void)memory_fail_at(1, false);
    assert_int_equal(digest_new(&stream, &error), SPUR_RESOURCE);
    assert_null(stream);
}

/* A finished stream refuses to be finished again instead of giving another digest. */
static void misuse_fails(void **state)
{
    (void)state;
    spur_error error = {0};
    unsigned char bytes[DIGEST_SIZE];
    digest *stream = NULL;
    assert_ok(digest_new(&stream, &error), error);
    assert_ok(digest_finish(stream, bytes, &error), error);
    if (digest_finish(stream, bytes, &error) != SPUR_OK) {
        assert_string_equal(error.message, "SHA-256 failed in libcrypto; is it complete?");
    }
    digest_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_block), cmocka_unit_test(a_million_letters_in_pieces),
        cmocka_unit_test(memory_may_fail), cmocka_unit_test(misuse_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
