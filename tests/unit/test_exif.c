/*
 * test_exif.c - orientation from well-formed, odd and damaged EXIF blocks and XMP packets.
 */
#include "support.h"

#include <string.h>

#include "io/exif.h"

/* "MM", one directory entry: tag, type, count, four bytes of value. */
#define BLOCK(tag_low, type, count, v0, v1, v2, v3)                                            \
    "MM\0*\0\0\0\10\0\1\1" tag_low "\0" type "\0\0\0" count v0 v1 v2 v3 "\0\0\0\0"

static unsigned read_block(const char *bytes, size_t size)
{
    unsigned orientation = 99;
    if (!exif_orientation((const unsigned char *)bytes, size, &orientation)) {
        return 0;
    }
    return orientation;
}

#define READ(bytes) read_block(bytes, sizeof(bytes) - 1)

static void integers_of_any_width_count(void **state)
{
    (void)state;
    assert_int_equal(READ(BLOCK("\x12", "\3", "\1", "\0", "\6", "\0", "\0")), 6);
    assert_int_equal(READ(BLOCK("\x12", "\4", "\1", "\0", "\0", "\0", "\7")), 7);
    assert_int_equal(READ(BLOCK("\x12", "\x8", "\1", "\0", "\3", "\0", "\0")), 3);
    assert_int_equal(READ(BLOCK("\x12", "\3", "\2", "\0", "\6", "\0", "\0")), 6);
    /* BYTE is no orientation, but the tag is there: XMP must not be asked. */
    assert_int_equal(READ(BLOCK("\x12", "\1", "\1", "\6", "\0", "\0", "\0")), 1);
    assert_int_equal(READ(BLOCK("\x13", "\3", "\1", "\0", "\6", "\0", "\0")), 0);
}

static void senseless_values_are_upright(void **state)
{
    (void)state;
    assert_int_equal(READ(BLOCK("\x12", "\3", "\1", "\0", "\0", "\0", "\0")), 1);
    assert_int_equal(READ(BLOCK("\x12", "\3", "\1", "\0", "\x9", "\0", "\0")), 1);
    assert_int_equal(READ(BLOCK("\x12", "\3", "\1", "\1", "\6", "\0", "\0")), 1);
}

static void both_byte_orders_and_the_prefix(void **state)
{
    (void)state;
    static const char little[] = "II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\5\0\0\0\0\0\0\0";
    static const char prefixed[] = "Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\5\0\0\0";
    assert_int_equal(READ(little), 5);
    assert_int_equal(READ(prefixed), 5);
}

static void damage_hides_nothing_readable(void **state)
{
    (void)state;
    /* 60000 entries in a block that holds one. */
    static const char many[] = "MM\0*\0\0\0\10\xEA\x60\1\x12\0\3\0\0\0\1\0\6\0\0";
    assert_int_equal(READ(many), 6);
    /* First entry's value lies far outside. */
    static const char far[] = "MM\0*\0\0\0\10\0\2\1\x0F\0\2\0\0\0\x20\x7F\0\0\0"
                              "\1\x12\0\3\0\0\0\1\0\6\0\0";
    assert_int_equal(READ(far), 6);
    /* The orientation itself says it lies outside, overflowing 32 bits. */
    assert_int_equal(READ(BLOCK("\x12", "\4", "\2", "\xFF", "\xFF", "\xFF", "\xFF")), 0);
}

static void unreadable_blocks_have_none(void **state)
{
    (void)state;
    static const char good[] = BLOCK("\x12", "\3", "\1", "\0", "\6", "\0", "\0");
    for (size_t size = 0; size < 22; size++) {
        assert_int_equal(read_block(good, size), 0);
    }
    assert_int_equal(read_block(good, 22), 6);
    assert_int_equal(READ("MM\0+\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"), 0);
    assert_int_equal(READ("IM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"), 0);
    assert_int_equal(READ("MM\0*\xFF\xFF\xFF\xFF\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"), 0);
}

static unsigned read_packet(const char *text)
{
    unsigned orientation = 0;
    (void)xmp_orientation((const unsigned char *)text, strlen(text), &orientation);
    return orientation;
}

static void xmp_attributes_and_elements(void **state)
{
    (void)state;
    assert_int_equal(read_packet("<x tiff:Orientation=\"6\"/>"), 6);
    assert_int_equal(read_packet("<tiff:Orientation>3</tiff:Orientation>"), 3);
    assert_int_equal(read_packet("tiff:Orientation='6' tiff:Orientation=\"8\""), 8);
    assert_int_equal(read_packet("tiff:Orientation=\"9\""), 1);
    assert_int_equal(read_packet("tiff:Orientation=\""), 0);
    assert_int_equal(read_packet("tiff:Orientation="), 0);
    assert_int_equal(read_packet("tiff:Orientation"), 0);
    assert_int_equal(read_packet(""), 0);
}

static void exif_wins_over_xmp(void **state)
{
    (void)state;
    static const char block[] = BLOCK("\x12", "\3", "\1", "\0", "\3", "\0", "\0");
    static const char other[] = BLOCK("\x13", "\3", "\1", "\0", "\3", "\0", "\0");
    static const char packet[] = "tiff:Orientation=\"6\"";
    orientation_source both = {.exif = (const unsigned char *)block,
                               .exif_size = sizeof block - 1,
                               .xmp = (const unsigned char *)packet,
                               .xmp_size = sizeof packet - 1};
    assert_int_equal(orientation_find(&both), 3);
    both.exif = (const unsigned char *)other;
    assert_int_equal(orientation_find(&both), 6);
    both.exif = NULL;
    assert_int_equal(orientation_find(&both), 6);
    both.xmp = NULL;
    assert_int_equal(orientation_find(&both), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_any_width_count),
        cmocka_unit_test(senseless_values_are_upright),
        cmocka_unit_test(both_byte_orders_and_the_prefix),
        cmocka_unit_test(damage_hides_nothing_readable),
        cmocka_unit_test(unreadable_blocks_have_none),
        cmocka_unit_test(xmp_attributes_and_elements),
        cmocka_unit_test(exif_wins_over_xmp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
