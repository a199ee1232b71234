/*
 * clip_text.h - text as CLIP sees it: code points, normal form, pieces.
 *
 * Unicode data are libutf8proc's. Everything is linear in the text, whatever it holds.
 */
#ifndef MODELS_CLIP_TEXT_H
#define MODELS_CLIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Unicode code points; zero-initialise, free with points_free. */
typedef struct points {
    int32_t *data;
    size_t length, capacity;
} points;

void points_free(points *block);

/* The code points of well-formed UTF-8. */
spur_status points_decode(const char *text, size_t length, points *out,
                          spur_error *error) SPUR_MUST_USE;

/* NFC, every run of white space to one space, each code point to lower case. */
spur_status points_normalize(const int32_t *src, size_t length, points *out,
                             spur_error *error) SPUR_MUST_USE;

/* One piece of normalised text: [start, end). */
typedef struct text_piece {
    size_t start, end;
    bool is_special; /* one of the literals <|startoftext|> and <|endoftext|> */
} text_piece;

/* The first piece at or after `from`: one of 's 't 're 've 'm 'll 'd, a run of letters, one
 * numeral, or a run of anything else; white space is skipped. with_specials: the two literals
 * are pieces of their own where a piece begins. False when no piece is left. */
bool text_piece_next(const int32_t *text, size_t length, size_t from, bool with_specials,
                     text_piece *out);

#endif
