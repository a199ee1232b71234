/*
 * aggregate.c - reductions over patches with a fixed order of operations.
 */
#include "pipeline/aggregate.h"

#include <math.h>

#include "io/store.h"

enum {
    TOP = 5
};

/* Keeps NaN once it is met: no comparison with NaN is true. */
static float larger(float best, float value)
{
    return value > best || isnan(value) ? value : best;
}

/* All queries at once, row by row as the logits lie in memory. */
static void max_columns(const float *logits, size_t patches, size_t count, float *out)
{
    for (size_t c = 0; c < count; c++) {
        out[c] = logits[c];
    }
    for (size_t p = 1; p < patches; p++) {
        const float *row = logits + p * count;
        for (size_t c = 0; c < count; c++) {
            out[c] = larger(out[c], row[c]);
        }
    }
}

static double max_of(const float *values, size_t count)
{
    float best = values[0];
    for (size_t i = 1; i < count; i++) {
        best = larger(best, values[i]);
    }
    return (double)best;
}

/* Mean of the five largest (of all when there are fewer), summed from the largest down. */
static double mean_top(const float *values, size_t count)
{
    float top[TOP];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            return (double)NAN;
        }
        size_t at = kept;
        while (at > 0 && values[i] > top[at - 1]) {
            if (at < TOP) {
                top[at] = top[at - 1];
            }
            at--;
        }
        if (at < TOP) {
            top[at] = values[i];
            kept += kept < TOP;
        }
    }
    double sum = 0.0;
    for (size_t i = 0; i < kept; i++) {
        sum += (double)top[i];
    }
    return sum / (double)kept;
}

static double log_sum_exp(const float *values, size_t count)
{
    double best = max_of(values, count);
    if (!isfinite(best)) {
        return best;
    }
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += exp((double)values[i] - best);
    }
    return best + log(sum);
}

/* log(1 + exp x) without overflow. */
static double softplus(double x)
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double noisy_or(const float *values, size_t count)
{
    double best = max_of(values, count);
    if (!isfinite(best) || best < -30.0) {
        /* softplus(x) = exp(x) to 1e-13: the sum is tiny and log(exp(s) - 1) is log(s). */
        return log_sum_exp(values, count);
    }
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += softplus((double)values[i]);
    }
    return sum > 1.0 ? sum + log1p(-exp(-sum)) : log(expm1(sum));
}

static double reduce(spur_aggregate kind, const float *values, size_t count)
{
    switch (kind) {
    case SPUR_AGGREGATE_MEAN_TOP5:
        return mean_top(values, count);
    case SPUR_AGGREGATE_LOGSUMEXP:
        return log_sum_exp(values, count);
    case SPUR_AGGREGATE_NOISY_OR:
        return noisy_or(values, count);
    default:
        return max_of(values, count);
    }
}

void aggregate_logits(spur_aggregate kind, const float *logits, size_t patches, size_t count,
                      float *column, float *out)
{
    if (kind == SPUR_AGGREGATE_MAX) {
        max_columns(logits, patches, count, out);
        return;
    }
    for (size_t c = 0; c < count; c++) {
        for (size_t p = 0; p < patches; p++) {
            column[p] = logits[p * count + c];
        }
        out[c] = (float)reduce(kind, column, patches);
    }
}

size_t aggregate_best_patch(const float *logits, size_t patches, size_t count, size_t query)
{
    size_t best = 0;
    for (size_t p = 1; p < patches; p++) {
        if (logits[p * count + query] > logits[best * count + query]) {
            best = p;
        }
    }
    return best;
}

size_t aggregate_largest(const float *values, size_t count, size_t skip, size_t wanted,
                         size_t *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == skip) {
            continue;
        }
        size_t at = kept;
        while (at > 0 && values[i] > values[out[at - 1]]) {
            if (at < wanted) {
                out[at] = out[at - 1];
            }
            at--;
        }
        if (at < wanted) {
            out[at] = i;
            kept += kept < wanted;
        }
    }
    return kept;
}

uint16_t aggregate_bin(float logit)
{
    double place = floor(((double)logit + 40.0) * 20.0);
    if (!(place > 0.0)) {
        return 0;
    }
    return place >= STORE_BINS ? STORE_BINS - 1 : (uint16_t)place;
}
