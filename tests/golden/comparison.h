/*
 * comparison.h - a network's numbers against the tensors of a reference file, case by case.
 *
 * What the golden programs of networks share: the reference, the tally of cases, and the sizes
 * that the environment variable SPUR_PARITY asks for: "0" the tiny networks only (builds that
 * count lines, where B/32 takes a quarter of an hour), "backbones" those of full size, too
 * (sanitizers), nothing also B/32, "1" every detector (minutes).
 */
#ifndef TEST_COMPARISON_H
#define TEST_COMPARISON_H

#include <jansson.h>

#include "expected.h"
#include "support.h"

enum {
    TINY_PICTURES = 3
};

/* Pictures of the tiny networks' references, below the reference data. */
extern const char *const tiny_pictures[TINY_PICTURES];

typedef struct comparison {
    const char *name; /* of the network, for messages */
    tensor_file *reference;
    golden_tally *tally;
} comparison;

/* path: of the reference, below the reference data. */
void comparison_open(comparison *made, const char *name, golden_tally *tally, const char *path);
void comparison_close(comparison *block);

void count_case(const comparison *with, const char *what, bool passed);
/* A case for a tensor of count floats; false, and no case, when the reference lacks it. */
bool compare_tensor(const comparison *with, const char *name, observed *kind,
                    const float *found, size_t count);
/* A case for text.input_ids, like compare_tensor. */
bool compare_token_ids(const comparison *with, const spur_detect_result *result);
/* Tensor "imgPICTURE.NAME", the double run's when there is one. */
bool read_of_picture(const comparison *with, size_t picture, const char *name, expected *out);

/* golden/net/full/index.json: the owner, released by json_decref, and what it says of NAME. */
json_t *full_index_read(void);
const json_t *full_index_find(const json_t *index, const char *name);
/* "golden/net/full/NAME.expected.safetensors" */
void full_reference_open(comparison *made, const char *name, golden_tally *tally);
/* Path of the photograph; is_pixel_digest: its pixel values are the reference's to the bit. */
const char *full_photo_path(const json_t *facts, size_t picture);
bool is_pixel_digest(const json_t *facts, size_t picture, const float *pixels, size_t side);

/* SPUR_PARITY is VALUE. */
bool parity_is(const char *value);
/* Skips the test (cmocka's skip). */
void skip_when(bool unwanted);

/* Prints the tally; it must hold `cases` cases, none of them failed. */
void golden_finish(const golden_tally *tally, size_t cases);

#endif
