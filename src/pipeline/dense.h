/*
 * dense.h - small symmetric matrices in double: Cholesky's factor, and the Hessian in the
 * biases of softmax regression, a Laplacian.
 */
#ifndef PIPELINE_DENSE_H
#define PIPELINE_DENSE_H

#include <stdbool.h>
#include <stddef.h>

/* In place A = L L^T of the lower part of a [order, order]; false when A is not positive
 * definite. */
bool dense_factor(double *a, size_t order);
/* v = A^-1 v from that factor. */
void dense_solve(const double *l, size_t order, double *v);
/* About the smallest eigenvalue of A, from above, by inverse iteration in that factor; v
 * [order] is its vector. */
double dense_smallest(const double *l, size_t order, double *v);

/* dst = Laplacian of the weights pairs [order, order] (its diagonal is not read) + lift 1 1^T -
 * shift I. Its diagonal is summed from the weights, which keeps every digit of eigenvalues far
 * below 1. */
void dense_laplacian(const double *pairs, size_t order, double lift, double shift, double *dst);
/* Mean degree / order: the lift that gives 1 a common eigenvalue. */
double dense_lift(const double *pairs, size_t order);

#endif
