/*
 * curvature.h - an approximation of an objective's Hessian that can be solved with at once.
 *
 * The Hessian of softmax regression is near c (I (x) X^T X / n) + ridge with c the mean of
 * p (1 - p): Boehning's bound (Annals of the Institute of Statistical Mathematics 44 (1992)
 * 197-200) has c = 1/2, far above it when there are many classes. Of the features' covariance
 * the leading eigenvectors are kept, found from random directions (Halko, Martinsson and Tropp,
 * SIAM Review 53 (2011) 217-288, algorithm 5.3), and the mean of the other eigenvalues:
 *     M = c (Q diag(e) Q^T + rest (I - Q Q^T)) + ridge I
 * for every c and ridge, at the price of two thin products.
 */
#ifndef PIPELINE_CURVATURE_H
#define PIPELINE_CURVATURE_H

#include "pipeline/training_set.h"

typedef struct curvature curvature;

spur_status curvature_open(const training_set *set, matrix_team *team, curvature **out,
                           spur_error *error) SPUR_MUST_USE;
void curvature_close(curvature *block);

/* An upper bound of the largest eigenvalue of X^T X / n over the features. It holds for all but
 * 1e-13 of the random directions that could have been drawn (the same, lemma 4.1). */
double curvature_bound(const curvature *of);

/* Ridge of the bias against c, which is its own curvature: it has none in the problem, this one
 * keeps M definite. */
#define CURVATURE_BIAS_RIDGE 1e-2

/* M, in coordinates where features have mean 0. */
typedef struct curvature_scale {
    double c, ridge;
} curvature_scale;

/* dst = M^-1 v for each of the rows v [rows, features + 1]. dst may not be v. */
spur_status curvature_solve(curvature *of, curvature_scale by, const float *v, size_t rows,
                            float *dst, spur_error *error) SPUR_MUST_USE;

#endif
