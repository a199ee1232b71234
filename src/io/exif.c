/*
 * exif.c - a bounded reader of one TIFF tag, and of its twin in XMP.
 *
 * Cameras and editors write damaged EXIF all the time and the pixels are fine: nothing here
 * fails, a block that cannot be read has no orientation. Entries are looked at one by one
 * while they lie inside the block, so a wrong entry count or an unreadable earlier entry does
 * not hide the tag. Signed and unsigned SHORT and LONG count; the last such tag wins.
 */
#include "io/exif.h"

#include <stdint.h>
#include <string.h>

enum {
    TAG_ORIENTATION = 0x0112,
    ENTRY_SIZE = 12,
    HEADER_SIZE = 8
};

/* A TIFF block and its byte order. */
typedef struct tiff {
    const unsigned char *bytes;
    size_t size;
    bool is_little;
} tiff;

static uint32_t tiff_number(const tiff *from, size_t at, size_t width)
{
    uint32_t value = 0;
    for (size_t i = 0; i < width; i++) {
        size_t place = from->is_little ? width - 1 - i : i;
        value = value << 8 | from->bytes[at + place];
    }
    return value;
}

static bool tiff_open(const unsigned char *block, size_t size, tiff *out)
{
    static const char prefix[6] = "Exif\0";
    if (size >= sizeof prefix && memcmp(block, prefix, sizeof prefix) == 0) {
        block += sizeof prefix;
        size -= sizeof prefix;
    }
    if (size < HEADER_SIZE) {
        return false;
    }
    *out = (tiff){block, size, block[0] == 'I'};
    return (memcmp(block, "II*", 4) == 0) || (memcmp(block, "MM\0*", 4) == 0);
}

static unsigned orientation_sane(uint32_t value)
{
    return value >= 1 && value <= 8 ? (unsigned)value : 1;
}

static size_t type_width(uint32_t type)
{
    static const unsigned char widths[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
    return type < sizeof widths ? widths[type] : 0;
}

/* Reads the entry at `at`; false unless it is a readable orientation. */
static bool entry_orientation(const tiff *from, size_t at, unsigned *orientation)
{
    if (tiff_number(from, at, 2) != TAG_ORIENTATION) {
        return false;
    }
    size_t width = type_width(tiff_number(from, at + 2, 2));
    uint64_t count = tiff_number(from, at + 4, 4);
    size_t value = at + 8;
    if (width == 0 || count == 0) {
        return false;
    }
    if (count * width > 4) {
        value = tiff_number(from, value, 4);
        if (value > from->size || count * width > from->size - value) {
            return false;
        }
    }
    uint32_t type = tiff_number(from, at + 2, 2);
    bool is_integer = type == 3 || type == 4 || type == 8 || type == 9;
    *orientation = is_integer ? orientation_sane(tiff_number(from, value, width)) : 1;
    return true;
}

bool exif_orientation(const unsigned char *block, size_t size, unsigned *orientation)
{
    tiff from;
    if (!tiff_open(block, size, &from)) {
        return false;
    }
    size_t directory = tiff_number(&from, 4, 4);
    if (directory > from.size - 2) {
        return false;
    }
    size_t count = tiff_number(&from, directory, 2);
    bool is_found = false;
    for (size_t i = 0, at = directory + 2; i < count; i++, at += ENTRY_SIZE) {
        if (from.size - at < ENTRY_SIZE) {
            break;
        }
        is_found |= entry_orientation(&from, at, orientation);
    }
    return is_found;
}

bool xmp_orientation(const unsigned char *packet, size_t size, unsigned *orientation)
{
    static const char name[] = "tiff:Orientation";
    const size_t length = sizeof name - 1;
    for (size_t at = 0; size >= length + 2 && at <= size - length - 2; at++) {
        const unsigned char *here = packet + at;
        if (here[0] != 't' || memcmp(here, name, length) != 0) {
            continue;
        }
        size_t digit = at + length + 1;
        if (here[length] == '=' && packet[digit] == '"') {
            digit++;
        } else if (here[length] != '>') {
            continue;
        }
        if (digit < size && packet[digit] >= '0' && packet[digit] <= '9') {
            *orientation = orientation_sane((uint32_t)(packet[digit] - '0'));
            return true;
        }
    }
    return false;
}

unsigned orientation_find(const orientation_source *from)
{
    unsigned orientation = 1;
    if (from->exif != NULL && exif_orientation(from->exif, from->exif_size, &orientation)) {
        return orientation;
    }
    if (from->xmp != NULL && xmp_orientation(from->xmp, from->xmp_size, &orientation)) {
        return orientation;
    }
    return 1;
}
