/*
 * curvature.h - an approximation of an objective's Hessian that can be solved with at once.
 *
 * The Hessian of softmax regression is near c (I (x) X^T X / n) + ridge with c the mean of
 * p (1 - p): Boehning's bound (Annals of the Institute of Statistical Mathematics 44 (1992)
 * 197-200) has c = 1/2, far above it when there are many classes. One factor of the features'
 * Gram matrix serves all classes; the Gram matrix serves all ridges.
 */
#ifndef PIPELINE_CURVATURE_H
#define PIPELINE_CURVATURE_H

#include "pipeline/training_set.h"

typedef struct curvature curvature;

/* X^T X / n, or X X^T / n where that is much smaller. */
spur_status curvature_open(const training_set *set, matrix_team *team, curvature **out,
                           spur_error *error) SPUR_MUST_USE;
void curvature_close(curvature *block);

/* An upper bound of the largest eigenvalue of X^T X / n over the features (the Frobenius norm
 * of the Gram matrix). */
double curvature_bound(const curvature *of);

/* Ridge of the bias against the scale, which is its own curvature: it has none in the problem,
 * this one keeps M definite. */
#define CURVATURE_BIAS_RIDGE 1e-2

/* Factors M = scale X^T X / n + ridge I, but for the bias CURVATURE_BIAS_RIDGE * scale if that
 * is less; a ridge too small for single precision is raised. */
spur_status curvature_factor(curvature *of, double scale, double ridge,
                             spur_error *error) SPUR_MUST_USE;
/* The same, unless what was factored last has this ridge and a scale within a factor of 1.5;
 * *is_new: it was factored. */
spur_status curvature_follow(curvature *of, double scale, double ridge, bool *is_new,
                             spur_error *error) SPUR_MUST_USE;
/* The next curvature_follow factors. */
void curvature_forget(curvature *of);
/* dst = M^-1 v for each of the rows v [rows, features + 1]. dst may not be v. */
spur_status curvature_solve(curvature *of, const float *v, size_t rows, float *dst,
                            spur_error *error) SPUR_MUST_USE;

#endif
