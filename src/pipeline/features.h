/*
 * features.h - penultimate features of a run's images, as the stages after them read them.
 *
 * run/features/<backbone>/<split>.safetensors holds a row per image of the split, in row
 * order; a failed image is a row of zeros. run.db holds a digest per FEATURE_BLOCK_ROWS rows,
 * and nothing is handed out that does not match. The format is in docs/formats.md.
 */
#ifndef PIPELINE_FEATURES_H
#define PIPELINE_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/store_features.h"

/* One split's features. 4 * rows * width bytes and 17 more a row; no second copy is made. */
typedef struct feature_matrix {
    size_t rows, width;
    float *values;        /* [rows, width], float16 widened */
    unsigned char *ids;   /* [rows, STORE_ID_SIZE]: image_id */
    unsigned char *valid; /* [rows]: 0 = the image failed, its row is zeros */
    size_t valid_count;
} feature_matrix;

/* Which backbones a run has: store_get_backbones(run->db, ...). Every block is compared with
 * its digest; SPUR_DATASET names what does not fit, or says that features are missing and how
 * to get them. Free with feature_matrix_free. */
spur_status features_load(const spur_run *run, const char *backbone, const char *split,
                          feature_matrix *out, spur_error *error) SPUR_MUST_USE;
void feature_matrix_free(feature_matrix *block);

/* RUN/features/BACKBONE/SPLIT.safetensors; a split's letters that are no file name's are
 * %XX. Free with memory_free. */
spur_status features_path(const char *run_folder, const char *backbone, const char *split,
                          char **out, spur_error *error) SPUR_MUST_USE;

#endif
