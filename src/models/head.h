/*
 * head.h - a last layer: logits = W x + b over raw features. The one way predictions are made.
 */
#ifndef MODELS_HEAD_H
#define MODELS_HEAD_H

#include <stddef.h>

#include "base/error.h"

typedef struct head {
    size_t classes, features;
    float *weight; /* [classes, features] */
    float *bias;   /* [classes] */
} head;

/* Zeros. */
spur_status head_make(size_t classes, size_t features, head *out,
                      spur_error *error) SPUR_MUST_USE;
/* Empties the struct; the struct itself is the caller's. */
void head_free(head *block);

/* features [rows, features], logits [rows, classes]. A row's bits depend on neither the other
 * rows nor the number of threads (0: all processors). */
spur_status head_run(const head *from, const float *features, size_t rows, size_t threads,
                     float *logits, spur_error *error) SPUR_MUST_USE;

#endif
