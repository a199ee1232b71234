/*
 * rank_curve.c - sums over images in row order.
 */
#include "pipeline/rank_curve.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/special_functions.h"

#define LEVEL 0.05
#define POWER 0.8

enum {
    PARTS = 1000000 /* a share of one */
};

void curve_rows_free(curve_rows *block)
{
    if (block != NULL) {
        memory_free(block->class_index);
        memory_free(block->rank);
        memory_free(block->size);
        memory_free(block->correct);
        memset(block, 0, sizeof *block);
    }
}

spur_status curve_rows_make(const evaluation_rows *rows, const prediction_set *set,
                            curve_rows *out, spur_error *error)
{
    spur_status status;
    curve_rows made;
    memset(&made, 0, sizeof made);
    made.class_count = rows->class_count;
    TRY(memory_new(rows->count, sizeof *made.class_index, &made.class_index, error));
    TRY(memory_new(rows->count, sizeof *made.rank, &made.rank, error));
    TRY(memory_new(rows->count, sizeof *made.size, &made.size, error));
    TRY(memory_new(rows->count, sizeof *made.correct, &made.correct, error));
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rank[i] == 0 || (set->flags[i] & PREDICTION_VALID) == 0) {
            continue;
        }
        made.class_index[made.count] = rows->class_index[i];
        made.rank[made.count] = rows->rank[i];
        made.size[made.count] = rows->size[i];
        made.correct[made.count++] = (set->flags[i] & PREDICTION_CORRECT) != 0 ? 1 : 0;
    }
    *out = made;
    memset(&made, 0, sizeof made);
done:
    curve_rows_free(&made);
    return status;
}

uint32_t curve_largest(const curve_rows *rows, bool *is_even)
{
    uint32_t largest = 0, smallest = UINT32_MAX;
    for (size_t i = 0; i < rows->count; i++) {
        largest = rows->size[i] > largest ? rows->size[i] : largest;
        smallest = rows->size[i] < smallest ? rows->size[i] : smallest;
    }
    *is_even = rows->count == 0 || largest == smallest;
    return largest;
}

static uint32_t smallest_size(const curve_rows *rows)
{
    uint32_t smallest = UINT32_MAX;
    for (size_t i = 0; i < rows->count; i++) {
        smallest = rows->size[i] < smallest ? rows->size[i] : smallest;
    }
    return rows->count == 0 ? 0 : smallest;
}

/* ---- points ------------------------------------------------------------------------------ */

spur_status curve_points(const curve_rows *rows, curve_point **out, size_t *count,
                         spur_error *error)
{
    size_t length = smallest_size(rows);
    curve_point *made = NULL;
    spur_status status = memory_new_zeroed(length, sizeof *made, &made, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rank[i] <= length) {
            curve_point *point = &made[rows->rank[i] - 1];
            point->n++;
            point->correct += rows->correct[i];
        }
    }
    *out = made;
    *count = length;
    return SPUR_OK;
}

double curve_mean(const curve_point *points, size_t count)
{
    double sum = 0.0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (points[i].n > 0) {
            sum += (double)points[i].correct / (double)points[i].n;
            used++;
        }
    }
    return used == 0 ? (double)NAN : sum / (double)used;
}

/* ---- bins -------------------------------------------------------------------------------- */

curve_binning curve_bins_of(const curve_rows *rows)
{
    curve_binning out = {.count = 0};
    uint32_t largest = curve_largest(rows, &out.is_even);
    out.size = out.is_even ? largest : 0;
    if (largest > 0) {
        size_t whole = largest / CURVE_BIN_RANKS;
        whole = !out.is_even && whole > CURVE_MOST_BINS ? CURVE_MOST_BINS : whole;
        out.count = whole == 0 ? 1 : whole;
    }
    return out;
}

size_t curve_bin_of(const curve_binning *binning, uint32_t rank, uint32_t size)
{
    /* (rank - 1/2) / size of so many bins, in whole numbers */
    size_t at =
        binning->is_even
            ? (rank - 1) / CURVE_BIN_RANKS
            : (size_t)((2 * (uint64_t)rank - 1) * binning->count / (2 * (uint64_t)size));
    return at < binning->count ? at : binning->count - 1;
}

static void place_bin(const curve_binning *binning, size_t at, curve_bin *into)
{
    double whole = binning->is_even ? (double)binning->size : (double)binning->count;
    double first = (double)at, next = (double)(at + 1);
    if (binning->is_even) {
        first *= CURVE_BIN_RANKS;
        next = at + 1 == binning->count ? whole : next * CURVE_BIN_RANKS;
    }
    into->from = first / whole;
    into->to = next / whole;
}

/* Of equal sizes the accuracy over images, else the mean over classes, whose variance is that
 * of classes^2 / sum 1/n trials of one chance. */
static void settle_bin(const curve_point *cells, size_t class_count, bool is_even,
                       curve_bin *into)
{
    double sum = 0.0, inverse = 0.0;
    for (size_t c = 0; c < class_count; c++) {
        if (cells[c].n > 0) {
            sum += (double)cells[c].correct / (double)cells[c].n;
            inverse += 1.0 / (double)cells[c].n;
            into->n += cells[c].n;
            into->correct += cells[c].correct;
            into->classes++;
        }
    }
    double classes = (double)into->classes;
    if (into->classes == 0) {
        into->accuracy = (double)NAN;
    } else if (is_even) {
        into->accuracy = (double)into->correct / (double)into->n;
        into->trials = (double)into->n;
    } else {
        into->accuracy = sum / classes;
        into->trials = classes * classes / inverse;
    }
}

spur_status curve_bins(const curve_rows *rows, curve_bin **out, size_t *count,
                       spur_error *error)
{
    spur_status status;
    curve_binning binning = curve_bins_of(rows);
    curve_point *cells = NULL; /* [bins, classes] */
    curve_bin *made = NULL;
    size_t size;
    if (!size_mul(binning.count, rows->class_count, &size)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new_zeroed(size, sizeof *cells, &cells, error));
    TRY(memory_new_zeroed(binning.count, sizeof *made, &made, error));
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = curve_bin_of(&binning, rows->rank[i], rows->size[i]);
        curve_point *cell = &cells[at * rows->class_count + rows->class_index[i]];
        cell->n++;
        cell->correct += rows->correct[i];
    }
    for (size_t b = 0; b < binning.count; b++) {
        place_bin(&binning, b, &made[b]);
        settle_bin(cells + b * rows->class_count, rows->class_count, binning.is_even, &made[b]);
    }
    *out = made;
    *count = binning.count;
    made = NULL;
done:
    memory_free(cells);
    memory_free(made);
    return status;
}

size_t curve_worst_bin(const curve_bin *bins, size_t count)
{
    size_t worst = count;
    for (size_t b = 0; b < count; b++) {
        if (bins[b].classes > 0 &&
            (worst == count || bins[b].accuracy < bins[worst].accuracy)) {
            worst = b;
        }
    }
    return worst;
}

/* ---- gap and slope ----------------------------------------------------------------------- */

uint32_t curve_k_of(curve_k k, uint32_t size)
{
    uint64_t wanted = k.amount, half = size / 2;
    if (k.is_share) {
        wanted = (k.amount * size + PARTS / 2) / PARTS;
        wanted = wanted == 0 ? 1 : wanted;
    }
    return (uint32_t)(wanted < half ? wanted : half);
}

curve_gap curve_gap_at(const curve_rows *rows, curve_k k)
{
    curve_gap out = {.gap = (double)NAN};
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t end = curve_k_of(k, rows->size[i]);
        if (rows->rank[i] <= end) {
            out.hidden_n++;
            out.hidden_correct += rows->correct[i];
        } else if (rows->rank[i] > rows->size[i] - end) {
            out.clear_n++;
            out.clear_correct += rows->correct[i];
        }
    }
    if (out.clear_n > 0 && out.hidden_n > 0) {
        out.gap = (double)out.clear_correct / (double)out.clear_n -
                  (double)out.hidden_correct / (double)out.hidden_n;
    }
    return out;
}

double curve_gap_detectable(const curve_gap *gap)
{
    double z = normal_quantile(1.0 - LEVEL / 2.0);
    double clear = (double)gap->clear_n, hidden = (double)gap->hidden_n;
    double right = (double)gap->clear_correct + (double)gap->hidden_correct;
    double share = (right + z * z / 2.0) / (clear + hidden + z * z);
    return (z + normal_quantile(POWER)) *
           sqrt(share * (1.0 - share) * (1.0 / clear + 1.0 / hidden));
}

double curve_slope(const curve_rows *rows)
{
    double n = (double)rows->count, x_mean = 0.0, y_mean = 0.0, xx = 0.0, xy = 0.0;
    for (size_t i = 0; i < rows->count; i++) {
        x_mean += ((double)rows->rank[i] - 0.5) / (double)rows->size[i];
        y_mean += (double)rows->correct[i];
    }
    x_mean /= n;
    y_mean /= n;
    for (size_t i = 0; i < rows->count; i++) {
        double x = ((double)rows->rank[i] - 0.5) / (double)rows->size[i] - x_mean;
        xx += x * x;
        xy += x * ((double)rows->correct[i] - y_mean);
    }
    return xx > 0.0 ? xy / xx : (double)NAN;
}
