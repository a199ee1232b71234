/*
 * row_picture.h - the picture of one of a run's images, as it was when it was scored.
 */
#ifndef PIPELINE_ROW_PICTURE_H
#define PIPELINE_ROW_PICTURE_H

#include "io/store.h"
#include "pipeline/picture.h"

typedef struct row_source {
    picture_gate *gate;
    const char *root; /* of the split */
    const spur_image_options *image;
} row_source;

/* file_name is absolute or below the root. SPUR_IMAGE: the image is bad, or its bytes are not
 * those of `expected`. Free *out with picture_free in any case. */
spur_status row_picture_load(const row_source *from, const char *file_name,
                             const unsigned char expected[STORE_DIGEST_SIZE], picture *out,
                             spur_error *error) SPUR_MUST_USE;

#endif
