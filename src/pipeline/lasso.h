/*
 * lasso.h - minimises a smooth objective plus an L1 norm, class by class all at once.
 */
#ifndef PIPELINE_LASSO_H
#define PIPELINE_LASSO_H

#include "pipeline/descent.h"

/* Minimises an objective with a lasso (and no ridge) from w [size] in place, until the
 * largest violation of the optimality conditions is below tolerance (0: 1e-9) of that at 0. */
spur_status lasso_minimise(objective *of, const descent_options *options, double *w,
                           descent_report *report, spur_error *error) SPUR_MUST_USE;

#endif
