/*
 * preconditioner.h - the objective's Hessian as minimisers invert it: a Gram factor for all
 * classes, and for each class what its own rows add along their mean.
 *
 * The Hessian in class k weighs row i with a_i p_ik (1 - p_ik). About half of that weight is on
 * the class's own rows, which lie around their mean, and the rest on rows everywhere. So
 *     P_k = M + s_k u_k u_k^T,   s_k = sum of a_i p_ik (1 - p_ik) over rows i of class k,
 * with M of curvature.h and u_k the mean of the class's rows; Sherman and Morrison (Annals of
 * Mathematical Statistics 21 (1950) 124-127) invert it from M^-1 v and M^-1 u_k alone.
 */
#ifndef PIPELINE_PRECONDITIONER_H
#define PIPELINE_PRECONDITIONER_H

#include "pipeline/curvature.h"
#include "pipeline/objective.h"

typedef struct preconditioner {
    curvature *gram; /* M */
    const objective *of;
    float *means, *solved; /* [classes, width] u_k and M^-1 u_k */
    double *reach;         /* [classes] u_k M^-1 u_k */
} preconditioner;

/* gram and objective are borrowed. */
spur_status preconditioner_open(curvature *gram, const objective *of, preconditioner *out,
                                spur_error *error) SPUR_MUST_USE;
void preconditioner_close(preconditioner *block);

/* Factors M where the objective's curvature has moved too far from the one it was factored for;
 * *is_new: M is another one. The s_k are always those of the objective's last evaluation. */
spur_status preconditioner_follow(preconditioner *of, bool *is_new,
                                  spur_error *error) SPUR_MUST_USE;
/* dst = M^-1 v, v and dst [classes, width]. */
spur_status preconditioner_start(const preconditioner *of, const float *v, float *dst,
                                 spur_error *error) SPUR_MUST_USE;
/* M^-1 v becomes P^-1 v. */
void preconditioner_finish(const preconditioner *of, const float *v, float *solved);
/* v P^-1 v from M^-1 v. */
double preconditioner_square(const preconditioner *of, const float *v, const float *solved);

#endif
