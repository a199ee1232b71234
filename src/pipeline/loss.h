/*
 * loss.h - what a row of logits costs: the seam between the kinds of logistic regression.
 *
 * A loss turns a row's logits into its value, its derivative and its second derivative's
 * product; everything about matrices stands in objective.h.
 */
#ifndef PIPELINE_LOSS_H
#define PIPELINE_LOSS_H

#include <stddef.h>

typedef struct loss {
    const char *name;
    /* z [classes]: logits in, what curve_row needs out (probabilities); residual: d loss / dz.
     * Returns the loss. */
    double (*row)(float *z, size_t classes, size_t label, float *residual);
    /* First and second derivative in the direction u at logits z, which are overwritten. */
    void (*along)(float *z, const float *u, size_t classes, size_t label, double *slope,
                  double *bend);
    /* The loss in double: z becomes the residual. */
    double (*row_exact)(double *z, size_t classes, size_t label);
    /* u = (d2 loss / dz2) u at the probabilities p. */
    void (*curve_row)(const float *p, size_t classes, float *u);
    /* Mean diagonal element of that matrix. */
    double (*curvature)(const float *p, size_t classes);
} loss;

/* -log softmax(z)[label]. */
extern const loss loss_softmax;
/* Sum over classes of log(1 + exp(-t z)), t = 1 for the label and -1 for the others. */
extern const loss loss_one_vs_rest;

#endif
