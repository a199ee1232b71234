/*
 * newton.h - Newton steps by preconditioned conjugate gradients, to a bound.
 *
 * Knows of the problem only value, gradient, curvature product and an approximate inverse.
 */
#ifndef PIPELINE_NEWTON_H
#define PIPELINE_NEWTON_H

#include "pipeline/curvature.h"
#include "pipeline/objective.h"

/* How far a solver is; visit returns non-zero to stop. */
typedef struct newton_progress {
    size_t step;
    double objective, gradient_norm; /* of all parameters together */
    double gap; /* objective minus optimum is about at most this; infinite without a ridge */
} newton_progress;

typedef struct newton_options {
    /* Done when the certified gap is below tolerance * objective; 0: as far as the numbers go
     */
    double tolerance;
    size_t steps; /* at most */
    int (*visit)(void *context, const newton_progress *progress);
    void *context;
} newton_options;

typedef struct newton_report {
    size_t steps, products; /* Newton steps; gradients and curvature products together */
    double objective;       /* at w, in double unless cancelled */
    bool is_converged, is_cancelled;
} newton_report;

/* Minimises a smooth objective (lasso 0) from w [size] in place; gradient [size]: there, in
 * double. Cancelled: w is the best so far and the gradient is not set. */
spur_status newton_minimise(objective *of, curvature *approximation,
                            const newton_options *options, double *w, double *gradient,
                            newton_report *report, spur_error *error) SPUR_MUST_USE;

#endif
