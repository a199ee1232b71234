/*
 * feature_file.h - the layout of one feature file: which bytes it begins with, where a block's
 * bytes stand, and reading it back with every digest compared.
 *
 * The header is a pure function of the run, so a file is recognised by its first bytes and a
 * header that lies cannot be followed.
 */
#ifndef PIPELINE_FEATURE_FILE_H
#define PIPELINE_FEATURE_FILE_H

#include "base/digest.h"
#include "base/text.h"
#include "io/part_file.h"
#include "pipeline/features.h"

/* Parts of a file, each a tensor. */
enum feature_part {
    FEATURE_VALUES,
    FEATURE_IDS,
    FEATURE_VALID,
    FEATURE_PARTS
};

typedef struct feature_layout {
    char *path;        /* of the finished file */
    text_buffer start; /* length and header */
    uint64_t offsets[FEATURE_PARTS], size;
    size_t row_bytes[FEATURE_PARTS]; /* of one row in each part */
    size_t rows, width, block_count;
    bool is_half;
} feature_layout;

/* images: the run's image settings as text. */
spur_status feature_layout_make(const char *run_folder, const store_backbone *backbone,
                                const store_split *split, feature_layout *out,
                                spur_error *error) SPUR_MUST_USE;
void feature_layout_free(feature_layout *block);

/* "float32" or "float16", then what was chosen for the images: the settings of a backbone. */
spur_status feature_settings(bool is_half, const char *resize, const spur_image_options *images,
                             char **out, spur_error *error) SPUR_MUST_USE;

/* Rows of block b, and the digest of its bytes: values, ids, valid. */
size_t feature_block_rows(const feature_layout *layout, uint64_t block);
spur_status feature_block_digest(const feature_layout *layout, size_t rows,
                                 const unsigned char *const parts[FEATURE_PARTS],
                                 unsigned char out[DIGEST_SIZE],
                                 spur_error *error) SPUR_MUST_USE;

/* A finished file, open for reading. */
typedef struct feature_reader feature_reader;
/* SPUR_DATASET when blocks are missing, or the file is not the one the run describes (with the
 * first difference). The layout must outlive the reader. */
spur_status feature_reader_open(store *db, const feature_layout *layout, const char *backbone,
                                const char *split, feature_reader **out,
                                spur_error *error) SPUR_MUST_USE;
/* Rows first .. first+count-1, both at block borders (or the end): values [count, width]. Each
 * block is compared with its digest. */
spur_status feature_reader_take(feature_reader *from, size_t first, size_t count, float *values,
                                unsigned char *ids, unsigned char *valid,
                                spur_error *error) SPUR_MUST_USE;
void feature_reader_close(feature_reader *block);

#endif
