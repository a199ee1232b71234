/*
 * tally.h - predictions of a head counted: right ones, and those the exact optimum may make
 * otherwise.
 */
#ifndef PIPELINE_TALLY_H
#define PIPELINE_TALLY_H

#include "models/head.h"
#include "pipeline/certificate.h"

/* Bias of a class that had no row to train on: never predicted. */
#define TALLY_ABSENT_BIAS (-1e30F)

typedef struct tally_question {
    const head *own;
    const training_rows *rows;
    const uint32_t *labels; /* [rows->count] or NULL: nothing is right or wrong */
    /* To tell which predictions are safe, else NULL: the head's certificate and the rows it was
     * trained on. */
    const certificate *proof;
    const training_set *set;
    size_t threads;
} tally_question;

typedef struct prediction_tally {
    size_t count;
    size_t present; /* rows whose class the head knows */
    size_t correct;
    /* Two largest logits closer than the certificate's margin and 1e-5 of the largest logit,
     * which covers the rounding of logits in single precision. */
    size_t unsafe;
} prediction_tally;

spur_status tally_predictions(const tally_question *question, prediction_tally *out,
                              spur_error *error) SPUR_MUST_USE;

/* The class of the largest logit, the first of equals. */
size_t tally_best(const float *logits, size_t classes);

#endif
