/*
 * newton.h - the last digits: Newton steps from gradients in double.
 */
#ifndef PIPELINE_NEWTON_H
#define PIPELINE_NEWTON_H

#include "pipeline/descent.h"

/* Goes on from a w [size] that single precision has brought near the optimum. gradient [size]:
 * at w, in double. Cancelled: w is the best so far and the gradient is not set. */
spur_status newton_refine(descent *on, double *w, double *gradient,
                          spur_error *error) SPUR_MUST_USE;

#endif
