/*
 * lbfgs.h - the quick way down: quasi-Newton steps in single precision.
 */
#ifndef PIPELINE_LBFGS_H
#define PIPELINE_LBFGS_H

#include "pipeline/descent.h"

/* Minimises a smooth objective (lasso 0) from w [size] in place until the gauge says that the
 * tolerance is met, or single precision has no more to give. Cancelled: w is the best so far.
 */
spur_status lbfgs_minimise(descent *on, double *w, spur_error *error) SPUR_MUST_USE;

#endif
