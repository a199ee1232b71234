/*
 * store_digest.c - a fixed encoding of rows for SHA-256: little-endian, every text with its
 * length, floats by their bits.
 */
#include "io/store_digest.h"

#include <string.h>

spur_status digest_u64(text_buffer *into, uint64_t value, spur_error *error)
{
    char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(unsigned char)(value >> (8 * i) & 0xFF);
    }
    return text_add(into, bytes, sizeof bytes, error);
}

static spur_status digest_float(text_buffer *into, float value, spur_error *error)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return digest_u64(into, bits, error);
}

spur_status digest_text(text_buffer *into, const char *text, spur_error *error)
{
    spur_status status;
    size_t length = text == NULL ? 0 : strlen(text);
    TRY(digest_u64(into, text == NULL ? UINT64_MAX : length, error));
    TRY(length == 0 ? SPUR_OK : text_add(into, text, length, error));
done:
    return status;
}

static spur_status digest_score(text_buffer *into, const store_row *row, spur_error *error)
{
    spur_status status;
    TRY(digest_float(into, row->logit, error));
    TRY(digest_u64(into, row->patch, error));
    for (size_t i = 0; i < 4; i++) {
        TRY(digest_float(into, row->box[i], error));
    }
    TRY(digest_u64(into, row->has_other, error));
    if (row->has_other) {
        TRY(digest_u64(into, row->other_class, error));
        TRY(digest_float(into, row->other_logit, error));
    }
    TRY(digest_u64(into, row->best_count, error));
    for (size_t i = 0; i < row->best_count; i++) {
        TRY(digest_u64(into, row->best[i].class_index, error));
        TRY(digest_float(into, row->best[i].logit, error));
    }
done:
    return status;
}

static spur_status digest_picture(text_buffer *into, const store_row *row, spur_error *error)
{
    spur_status status;
    unsigned flags = (unsigned)row->has_alpha | (unsigned)row->is_animated << 1 |
                     (unsigned)row->is_truncated << 2 | (unsigned)row->has_digest << 3;
    TRY(digest_text(into, row->format, error));
    TRY(digest_u64(into, row->width, error));
    TRY(digest_u64(into, row->height, error));
    TRY(digest_u64(into, row->orientation, error));
    TRY(digest_u64(into, flags, error));
    TRY(digest_u64(into, row->warnings, error));
    if (row->has_digest) {
        TRY(text_add(into, (const char *)row->file_digest, STORE_DIGEST_SIZE, error));
    }
done:
    return status;
}

spur_status digest_row(text_buffer *into, const store_row *row, spur_error *error)
{
    spur_status status;
    uint64_t weight_bits;
    memcpy(&weight_bits, &row->weight, sizeof weight_bits);
    TRY(digest_u64(into, row->row, error));
    TRY(text_add(into, (const char *)row->image_id, STORE_ID_SIZE, error));
    TRY(digest_text(into, row->file_name, error));
    TRY(digest_u64(into, row->class_index, error));
    TRY(digest_text(into, row->group, error));
    TRY(digest_text(into, row->extra, error));
    TRY(digest_u64(into, weight_bits, error));
    TRY(digest_text(into, row->reason, error));
    TRY(digest_picture(into, row, error));
    if (row->reason == NULL) {
        TRY(digest_score(into, row, error));
    }
done:
    return status;
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output
 * bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

uint64_t digest_cell(size_t class_index, bool is_own, size_t bin)
{
    uint64_t key = (uint64_t)class_index << 12 | (uint64_t)is_own << 11 | (uint64_t)bin;
    /* Odd, so that no change of a count can vanish modulo 2^64. */
    return mix(mix(key + 0x9E3779B97F4A7C15u) + key) | 1;
}
