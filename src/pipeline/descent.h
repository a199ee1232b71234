/*
 * descent.h - what all minimisers share: options, progress, report, and when to stop.
 */
#ifndef PIPELINE_DESCENT_H
#define PIPELINE_DESCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "pipeline/objective.h"
#include "pipeline/parameters.h"
#include "pipeline/preconditioner.h"

/* How far a minimiser is; visit returns non-zero to stop. */
typedef struct descent_progress {
    size_t step;
    double objective, gradient_norm; /* of all parameters together */
    double gap; /* objective minus optimum is about at most this; infinite without a ridge */
} descent_progress;

typedef struct descent_options {
    /* Done when the certified gap is below tolerance * objective; 0: as far as the numbers go
     */
    double tolerance;
    size_t steps; /* at most */
    int (*visit)(void *context, const descent_progress *progress);
    void *context;
} descent_options;

typedef struct descent_report {
    size_t steps, products; /* passes over all rows: gradients and curvature products */
    double objective;       /* at w */
    bool is_converged, is_cancelled;
} descent_report;

/* What the certificate will say, near enough to know when to stop. */
typedef struct descent_gauge {
    double ridge;
    double spectrum;       /* bound of the largest eigenvalue of sum a x x^T */
    double bias_curvature; /* smallest eigenvalue of the Hessian in b against its mean: a guess
                              until a certificate has measured it */
} descent_gauge;

/* One problem on its way down. */
typedef struct descent {
    objective *of;
    preconditioner *approximation;
    const descent_options *options;
    descent_gauge gauge;
    double goal;       /* gap over objective that single precision is to reach */
    double start_norm; /* of the gradient where the way began; 0: not yet */
    descent_report report;
} descent;

descent_gauge descent_gauge_make(const objective *of, const curvature *base);
/* The gap of certificate.c; bend: the objective's mean curvature. Infinite without a ridge. */
double descent_gap(const descent_gauge *by, double bend, parameter_norms gradient);

/* Tells the options' visit; true (and report.is_cancelled) when it wants to stop. gap: as
 * descent_gap. */
bool descent_visit(descent *on, double value, double gradient_norm, double gap);

#endif
