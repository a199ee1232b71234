/*
 * preconditioner.h - the objective's Hessian as minimisers invert it: one matrix for all
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
    curvature *base; /* M */
    const objective *of;
    curvature_scale by;
    float *means, *solved; /* [classes, width] u_k and M^-1 u_k */
    double *reach;         /* [classes] u_k M^-1 u_k */
} preconditioner;

/* base and objective are borrowed. */
spur_status preconditioner_open(curvature *base, const objective *of, preconditioner *out,
                                spur_error *error) SPUR_MUST_USE;
void preconditioner_close(preconditioner *block);

/* P becomes that of the objective's last evaluation. */
spur_status preconditioner_follow(preconditioner *of, spur_error *error) SPUR_MUST_USE;
/* dst = P^-1 v, v and dst [classes, width]. */
spur_status preconditioner_solve(const preconditioner *of, const float *v, float *dst,
                                 spur_error *error) SPUR_MUST_USE;

#endif
