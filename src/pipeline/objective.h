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
    float *probability;     /* [padded, stride] at the last evaluated W, or logits on a line */
    float *working;         /* [padded, stride] */
    float *trial;           /* [threads, stride] */
    float *single, *turned; /* [size] W in single precision, and [width, classes] */
    double *row_values;     /* [padded] */
    double *row_slopes, *row_bends; /* [padded] along the line; bends else: curvature */
    double *row_owns;               /* [padded] a_i times the label's own curvature */
    double line_slope, line_bend;   /* of the penalty, at the line's start */
    double curvature;               /* sum_i a_i times the loss's mean curvature, there */
    double bias_bend; /* about the smallest eigenvalue of the Hessian in the biases, 1 left out,
                         where they were last settled; 0: nowhere */
    double *own_bends; /* [classes] sum of row_owns over the class's rows, there */
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
/* A walk along lines. objective_start is objective_evaluate, but logits stay, which the calls
 * below move: until the next evaluation there is no curvature product. objective_aim: the line
 * from w to w + v. objective_along: slope and bend of J where it has come `length` far.
 * objective_move: goes there, where W is w. */
spur_status objective_start(objective *of, const double *w, double *value, float *gradient,
                            spur_error *error) SPUR_MUST_USE;
spur_status objective_aim(objective *of, const double *w, const float *v,
                          spur_error *error) SPUR_MUST_USE;
spur_status objective_along(objective *of, double length, double *slope, double *bend,
                            spur_error *error) SPUR_MUST_USE;
spur_status objective_move(objective *of, double length, const double *w, double *value,
                           float *gradient, spur_error *error) SPUR_MUST_USE;
/* Moves the biases of w to their best for its weights, as far as single precision goes, from
 * logits made anew: those of a walk have drifted. Then value and gradient, and the walk goes on
 * from there. Softmax only. */
spur_status objective_settle(objective *of, double *w, double *value, float *gradient,
                             spur_error *error) SPUR_MUST_USE;
/* One such step in double from where the objective was last evaluated; gradient is the exact
 * one there: for when single precision is not enough. Softmax only. */
spur_status objective_mend_biases(objective *of, const double *gradient, double *w,
                                  spur_error *error) SPUR_MUST_USE;
/* objective_evaluate in double throughout, from the raw rows; its probabilities, rounded, are
 * those of the last evaluation too. */
spur_status objective_evaluate_exact(objective *of, const double *w, double *value,
                                     double *gradient, spur_error *error) SPUR_MUST_USE;
/* product = Hessian v of the smooth part, at the W of the last evaluation. */
spur_status objective_curve(objective *of, const float *v, float *product,
                            spur_error *error) SPUR_MUST_USE;
/* dst [classes, classes] = sum_i a_i p_i p_i^T, there. */
spur_status objective_pair_weights(objective *of, double *dst, spur_error *error) SPUR_MUST_USE;

#endif
