/*
 * objective.h - value, gradient and curvature of a penalised linear classifier.
 *
 * J(W) = sum_i a_i loss(W x_i, y_i) + ridge/2 ||W - centre||^2 + lasso ||W||_1 over W
 * [classes, width], whose last column is the bias: free of the ridge, under the lasso as
 * liblinear has it. A solver knows nothing but the calls below. The lasso is not smooth and
 * left to the solver: values include it, gradients do not.
 */
#ifndef PIPELINE_OBJECTIVE_H
#define PIPELINE_OBJECTIVE_H

#include "pipeline/loss.h"
#include "pipeline/training_set.h"

typedef struct objective_options {
    const loss *kind;
    size_t classes;
    const uint32_t *labels;    /* [rows] below classes */
    const double *coefficient; /* [rows] a_i, at least 0 */
    double ridge, lasso;
    bool spares_bias;     /* no lasso on the biases */
    const double *centre; /* [classes, width] or NULL: 0 */
} objective_options;

typedef struct objective {
    const training_set *set;
    matrix_team *team;
    objective_options is;
    size_t width, size;     /* features + 1; classes * width */
    size_t stride;          /* floats between rows of logits */
    float *probability;     /* [padded, stride] at the last evaluated W */
    float *working;         /* [padded, stride] */
    float *single, *turned; /* [size] W in single precision, and [width, classes] */
    double *row_values;     /* [padded] */
    double curvature;       /* sum_i a_i times the loss's mean curvature, there */
} objective;

/* Everything in options is borrowed for the life of the objective. */
spur_status objective_make(const training_set *set, matrix_team *team,
                           const objective_options *options, objective *out,
                           spur_error *error) SPUR_MUST_USE;
void objective_free(objective *block);

/* At w [classes, width]: value and (unless NULL) gradient [size] of the smooth part. Products
 * run in single precision, sums over rows in double. */
spur_status objective_evaluate(objective *of, const double *w, double *value, float *gradient,
                               spur_error *error) SPUR_MUST_USE;
/* The same in double throughout, from the raw rows. */
spur_status objective_evaluate_exact(objective *of, const double *w, double *value,
                                     double *gradient, spur_error *error) SPUR_MUST_USE;
/* product = Hessian v of the smooth part, at the W of the last objective_evaluate. */
spur_status objective_curve(objective *of, const float *v, float *product,
                            spur_error *error) SPUR_MUST_USE;
/* dst [classes, classes] = sum_i a_i p_i p_i^T, there. */
spur_status objective_pair_weights(objective *of, double *dst, spur_error *error) SPUR_MUST_USE;

#endif
