/*
 * agreement.c - two orders of the same images.
 */
#include "pipeline/agreement.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/statistics_ranks.h"

typedef struct placed {
    double value;
    size_t index;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *left = a, *right = b;
    if (left->value != right->value) {
        return left->value < right->value ? -1 : 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

spur_status agreement_places(const double *x, size_t count, uint32_t *places, spur_error *error)
{
    spur_status status;
    placed *items = NULL;
    TRY(memory_new(count, sizeof *items, &items, error));
    for (size_t i = 0; i < count; i++) {
        items[i] = (placed){x[i], i};
    }
    if (count > 1) {
        qsort(items, count, sizeof *items, compare_placed);
    }
    for (size_t i = 0; i < count; i++) {
        places[items[i].index] = (uint32_t)(i + 1);
    }
done:
    memory_free(items);
    return status;
}

/* Shares of the images at each end of the first order that are at the same end of the second.
 */
static void compare_ends(const uint32_t *x, const uint32_t *y, size_t count, agreement *into)
{
    size_t tenth = count / 10 + (count % 10 != 0);
    size_t hidden = 0, clear = 0;
    for (size_t i = 0; i < count; i++) {
        hidden += x[i] <= tenth && y[i] <= tenth;
        clear += x[i] > count - tenth && y[i] > count - tenth;
    }
    into->hidden = tenth == 0 ? (double)NAN : (double)hidden / (double)tenth;
    into->clear = tenth == 0 ? (double)NAN : (double)clear / (double)tenth;
}

spur_status agreement_measure(const double *x, const double *y, size_t count, agreement *out,
                              spur_error *error)
{
    spur_status status;
    statistics_correlation rho, tau;
    uint32_t *places = NULL;
    TRY(memory_new(2 * count, sizeof *places, &places, error));
    TRY(agreement_places(x, count, places, error));
    TRY(agreement_places(y, count, places + count, error));
    TRY(statistics_spearman(x, y, count, &rho, error));
    TRY(statistics_kendall(x, y, count, &tau, error));
    *out = (agreement){
        .spearman = rho.value, .low = rho.low, .high = rho.high, .kendall = tau.value};
    compare_ends(places, places + count, count, out);
done:
    memory_free(places);
    return status;
}
