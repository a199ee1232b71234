/*
 * statistics_calibration.c - expected calibration error, Brier score, isotonic regression.
 */
#include "base/statistics_calibration.h"

#include <math.h>

#include "base/memory.h"

/* ---- calibration ------------------------------------------------------------------------- */

typedef struct calibration_bin {
    double confidence, correct;
    uint64_t count;
} calibration_bin;

static size_t bin_of(double confidence, size_t bins)
{
    double place = ceil((double)bins * confidence) - 1;
    return !(place > 0) ? 0 : place >= (double)bins ? bins - 1 : (size_t)place;
}

spur_status statistics_calibrate(const double *confidence, const bool *is_correct, size_t count,
                                 size_t bins, statistics_calibration *out, uint64_t *counts,
                                 spur_error *error)
{
    calibration_bin *all = NULL;
    double ece = 0, mce = 0, brier = 0;
    spur_status status = memory_new_zeroed(bins, sizeof *all, &all, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        calibration_bin *bin = &all[bin_of(confidence[i], bins)];
        double correct = is_correct[i] ? 1 : 0;
        bin->confidence += confidence[i];
        bin->correct += correct;
        bin->count++;
        brier += (confidence[i] - correct) * (confidence[i] - correct);
    }
    for (size_t i = 0; i < bins; i++) {
        double difference = fabs(all[i].correct - all[i].confidence);
        ece += difference / (double)count;
        mce = all[i].count == 0 ? mce : fmax(mce, difference / (double)all[i].count);
        if (counts != NULL) {
            counts[i] = all[i].count;
        }
    }
    *out = count == 0 ? (statistics_calibration){(double)NAN, (double)NAN, (double)NAN}
                      : (statistics_calibration){ece, mce, brier / (double)count};
    memory_free(all);
    return SPUR_OK;
}

/* ---- isotonic regression ----------------------------------------------------------------- */

/* Neighbours that share one fitted value. */
typedef struct isotonic_block {
    double mean, weight;
    size_t end; /* one behind its last value */
} isotonic_block;

static void merge_into(isotonic_block *left, const isotonic_block *right)
{
    double weight = left->weight + right->weight;
    left->mean += (right->mean - left->mean) * (right->weight / weight);
    left->weight = weight;
    left->end = right->end;
}

spur_status statistics_isotonic(const double *y, const double *weights, size_t count,
                                bool is_falling, double *fitted, spur_error *error)
{
    isotonic_block *blocks = NULL;
    double sign = is_falling ? -1 : 1;
    size_t used = 0;
    spur_status status = memory_new(count, sizeof *blocks, &blocks, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        blocks[used++] = (isotonic_block){sign * y[i], weights == NULL ? 1 : weights[i], i + 1};
        while (used > 1 && blocks[used - 2].mean > blocks[used - 1].mean) {
            merge_into(&blocks[used - 2], &blocks[used - 1]);
            used--;
        }
    }
    for (size_t b = 0, i = 0; b < used; b++) {
        for (; i < blocks[b].end; i++) {
            fitted[i] = sign * blocks[b].mean;
        }
    }
    memory_free(blocks);
    return SPUR_OK;
}
