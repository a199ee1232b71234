/*
 * certificate.h - how far a head can be from the exact optimum (docs/evaluation.md, "Last
 * layer").
 */
#ifndef PIPELINE_CERTIFICATE_H
#define PIPELINE_CERTIFICATE_H

#include "pipeline/curvature.h"
#include "pipeline/objective.h"

typedef struct certificate {
    double objective;
    double weight_gradient, bias_gradient; /* norms, in double */
    double gap;                            /* objective - optimum at most */
    double weight_error;                   /* ||W - W*|| at most */
    double bias_error;                     /* ||b - b*|| at most, biases centred */
    double bias_curvature; /* smallest eigenvalue of the Hessian in b, 1 left out; from below */
} certificate;             /* an infinite bound: not certified */

/* Where the objective was last evaluated, its value and gradient given in double. base: for its
 * bound. */
spur_status certificate_make(objective *of, const curvature *base, double value,
                             const double *gradient, certificate *out,
                             spur_error *error) SPUR_MUST_USE;
/* The same for a head near by, at w with biases centred as there; its objective and gradient
 * are computed, its errors are those of `from` and the distance. */
spur_status certificate_move(objective *of, const certificate *from, const double *there,
                             const double *w, certificate *out,
                             spur_error *error) SPUR_MUST_USE;
void certificate_deny(double value, certificate *out);

/* The prediction is the exact optimum's when the two largest logits are further apart than
 * this: norm is ||x|| of the standardised row. */
double certificate_margin(const certificate *from, double norm);

#endif
