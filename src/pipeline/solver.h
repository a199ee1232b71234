/*
 * solver.h - last layers: softmax regression to a certified optimum, on a matrix.
 *
 * Features are standardised over the training rows, solved for, and folded back: the head
 * works on raw features. The certificate is that of the folded head in single precision, so
 * it speaks of the very numbers in the file.
 */
#ifndef PIPELINE_SOLVER_H
#define PIPELINE_SOLVER_H

#include "models/head.h"
#include "pipeline/certificate.h"
#include "pipeline/descent.h"
#include "pipeline/tally.h"

/* The training rows with their leading eigenvectors: made once, for every C and weighting. */
typedef struct solver solver;

typedef struct solver_rows {
    training_rows rows;
    const uint32_t *labels; /* [rows.count] below classes */
    size_t classes;
    bool keep_raw; /* no standardisation */
} solver_rows;

/* Fewer than two classes with a row: SPUR_DATASET. Rows and labels are borrowed. threads 0:
 * all processors. */
spur_status solver_open(const solver_rows *rows, size_t threads, solver **out,
                        spur_error *error) SPUR_MUST_USE;
void solver_close(solver *block);
const training_set *solver_set(const solver *of);
/* Rows of each class [classes]. */
const size_t *solver_counts(const solver *of);
size_t solver_classes_present(const solver *of);

typedef struct softmax_options {
    double C;              /* ridge 1 / (C S) */
    bool is_balanced;      /* class weights n / (K n_class) */
    const double *weights; /* [rows] sample weights of at least 0, or NULL */
    /* Instead of C: ridge 2 * pull, centred on this head (afr). */
    const head *centre;
    double pull;
    const head *start; /* warm start, or NULL */
    descent_options descent;
} softmax_options;

void softmax_options_defaults(softmax_options *options);

typedef struct softmax_result {
    head own;          /* folded; absent classes: weights 0, bias -1e30 */
    certificate proof; /* of `own` */
    descent_report steps;
    double weight_sum; /* S */
} softmax_result;

/* A cancelled call returns SPUR_OK with the best head so far, its certificate included
 * (steps.is_cancelled). */
spur_status softmax_fit(solver *of, const softmax_options *options, softmax_result *out,
                        spur_error *error) SPUR_MUST_USE;
void softmax_result_free(softmax_result *block);

/* One class against the rest, each minimising ||w||_1 + |b| + C sum_i log(1 + e^(-t (w x + b)))
 * (liblinear's form, the intercept under the penalty unless spares_bias). No certificate. */
typedef struct one_vs_rest_result {
    head own;
    descent_report steps; /* objective: summed over classes */
} one_vs_rest_result;
spur_status one_vs_rest_fit(solver *of, double C, bool spares_bias,
                            const descent_options *options, one_vs_rest_result *out,
                            spur_error *error) SPUR_MUST_USE;

#endif
