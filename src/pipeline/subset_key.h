/*
 * subset_key.h - names of subsets: "clear-100", "mid-2.5pct", "rnd-100-s3".
 *
 * Names are made of what the images show. The paper's words "top" and "bot" are read and
 * printed on request; as it uses them in two opposite senses, the sense must be given.
 */
#ifndef PIPELINE_SUBSET_KEY_H
#define PIPELINE_SUBSET_KEY_H

#include "base/error.h"

enum {
    SUBSET_KEY_SIZE = 64,  /* bytes of a name with its NUL */
    SUBSET_PARTS = 1000000 /* a fraction of one is so many parts */
};

typedef enum subset_kind {
    SUBSET_CLEAR,  /* the k highest scores of a class */
    SUBSET_MID,    /* k scores in the middle */
    SUBSET_HIDDEN, /* the k lowest */
    SUBSET_RANDOM
} subset_kind;

enum {
    SUBSET_KIND_COUNT = 4
};

typedef struct subset_key {
    subset_kind kind;
    uint64_t amount; /* images per class, or parts of a million of them */
    bool is_fraction;
    uint64_t seed; /* of a random subset, else 0 */
} subset_key;

/* One word: "clear", "mid", "hidden", "rnd", and with another naming "top" and "bot". */
spur_status subset_kind_parse(const char *word, size_t length, spur_naming naming,
                              subset_kind *out, spur_error *error) SPUR_MUST_USE;
const char *subset_kind_text(subset_kind kind, spur_naming naming);
/* "100", or "10%" (up to 100, with up to four decimals), or "10pct". */
spur_status subset_amount_parse(const char *word, size_t length, subset_key *out,
                                spur_error *error) SPUR_MUST_USE;
/* A whole name. */
spur_status subset_key_parse(const char *text, spur_naming naming, subset_key *out,
                             spur_error *error) SPUR_MUST_USE;
void subset_key_text(const subset_key *from, spur_naming naming, char dst[SUBSET_KEY_SIZE]);
/* Kind, then amount (counts before fractions), then seed. */
int subset_key_compare(const subset_key *a, const subset_key *b);

/* Images of a class of `available` images. */
uint64_t subset_size(const subset_key *from, uint64_t available);

#endif
