/*
 * store_digest.h - the bytes a batch's digest is taken over, and the checksum of histograms.
 */
#ifndef IO_STORE_DIGEST_H
#define IO_STORE_DIGEST_H

#include "base/digest.h"
#include "base/text.h"
#include "io/store.h"

/* Appends a field: its length and its bytes; NULL differs from empty. */
spur_status digest_text(text_buffer *into, const char *text, spur_error *error) SPUR_MUST_USE;
spur_status digest_u64(text_buffer *into, uint64_t value, spur_error *error) SPUR_MUST_USE;

/* Appends every stored field of a row. */
spur_status digest_row(text_buffer *into, const store_row *row,
                       spur_error *error) SPUR_MUST_USE;

/* Weight of one image in cell (class, own or other, bin). The sum of count * weight over all
 * cells, modulo 2^64, must equal the sum the batches carry: it can be kept while counting and
 * notices a count or a key that changed. */
uint64_t digest_cell(size_t class_index, bool is_own, size_t bin);

#endif
