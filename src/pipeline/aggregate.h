/*
 * aggregate.h - from one logit per patch to one logit per image, for every class query.
 *
 * With x_p the logits of one query over P patches:
 *   max         max_p x_p
 *   mean_top5   mean of the five largest
 *   logsumexp   log sum_p exp x_p
 *   noisy_or    logit of 1 - prod_p (1 - sigma(x_p)) = log(exp(sum_p softplus(x_p)) - 1)
 * All sums in double, in patch order.
 */
#ifndef PIPELINE_AGGREGATE_H
#define PIPELINE_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

#include "spur.h"

/* logits: [patches, count] row-major; out: [count]; column: scratch of `patches` floats. A NaN
 * among the logits of a query makes its result NaN. */
void aggregate_logits(spur_aggregate kind, const float *logits, size_t patches, size_t count,
                      float *column, float *out);

/* Patch with the largest logit of one query; of equal ones the first. */
size_t aggregate_best_patch(const float *logits, size_t patches, size_t count, size_t query);

/* The `wanted` largest of values[count], `skip` left out: indices into out, largest first, of
 * equal ones the lower index first. Returns how many there are. */
size_t aggregate_largest(const float *values, size_t count, size_t skip, size_t wanted,
                         size_t *out);

/* Bin of a histogram over [-40, 40) in steps of 0.05; values outside go to the outer bins. */
uint16_t aggregate_bin(float logit);

#endif
