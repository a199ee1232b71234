/*
 * rank_bootstrap.c - class sums once, then weighted sums of them, draw by draw.
 *
 * A class row holds, in this order: images, right ones, sums of x, x^2 and x y for the slope (x
 * = (rank - 1/2) / size, y = 1 when right); per k images and right ones of the clear and of the
 * hidden end; per bin and per rank images and right ones (of uneven bins: 1 and the accuracy
 * of the class). Sums go over classes in rising order.
 */
#include "pipeline/rank_bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/statistics_intervals.h"
#include "base/statistics_quantiles.h"

#define POINT_MISS 0.05
#define POINT_WIDTH (2.0 * 1.959963984540054) /* of a 95 % interval in deviations */

enum {
    SLOPE_COLUMNS = 5, /* images, right, x, x^2, x y */
    END_COLUMNS = 4,   /* of one k */
    BLOCK_DRAWS = 16   /* a thread takes at once */
};

/* ---- which classes are drawn ------------------------------------------------------------- */

typedef struct weight_job {
    bootstrap_weights *into;
    random_key key;
    const uint32_t *present; /* classes with images */
    size_t present_count;
} weight_job;

static spur_status draw_classes(void *context, size_t worker, size_t item, spur_error *error)
{
    const weight_job *job = context;
    uint16_t *times = job->into->times + item * job->into->class_count;
    (void)worker;
    (void)error;
    for (size_t i = 0; i < job->present_count; i++) {
        times[job->present[random_below(job->key, item, i, job->present_count)]]++;
    }
    return SPUR_OK;
}

/* Classes with images, rising; *out has room for all. */
static size_t list_present(const curve_rows *rows, unsigned char *seen, uint32_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        seen[rows->class_index[i]] = 1;
    }
    for (size_t c = 0; c < rows->class_count; c++) {
        if (seen[c] != 0) {
            out[count++] = (uint32_t)c;
        }
    }
    return count;
}

spur_status bootstrap_weights_make(const curve_rows *rows, uint64_t seed, size_t draws,
                                   size_t threads, bootstrap_weights *out, spur_error *error)
{
    spur_status status;
    bootstrap_weights made = {draws, rows->class_count, NULL};
    unsigned char *seen = NULL;
    uint32_t *present = NULL;
    weight_job job = {.into = &made, .key = random_key_make(seed, "bootstrap")};
    size_t size;
    if (rows->class_count > UINT16_MAX) {
        FAIL(SPUR_DATASET, "%zu classes: the bootstrap draws from at most %u",
             rows->class_count, UINT16_MAX);
    }
    if (!size_mul(draws, rows->class_count, &size)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new_zeroed(size, sizeof *made.times, &made.times, error));
    TRY(memory_new_zeroed(rows->class_count, 1, &seen, error));
    TRY(memory_new(rows->class_count, sizeof *present, &present, error));
    job.present = present;
    job.present_count = list_present(rows, seen, present);
    TRY(parallel_for(threads == 0 ? parallel_processors() : threads, draws, draw_classes, &job,
                     error));
    *out = made;
    made.times = NULL;
done:
    memory_free(seen);
    memory_free(present);
    memory_free(made.times);
    return status;
}

void bootstrap_weights_free(bootstrap_weights *block)
{
    if (block != NULL) {
        memory_free(block->times);
        *block = (bootstrap_weights){0, 0, NULL};
    }
}

/* ---- sums of a class --------------------------------------------------------------------- */

typedef struct sum_layout {
    size_t ends, bins, points; /* where each part begins */
    size_t columns;
    size_t k_count, point_count;
    curve_binning binning;
} sum_layout;

static sum_layout layout_of(const curve_rows *rows, size_t k_count, size_t point_count)
{
    sum_layout out = {
        .k_count = k_count, .point_count = point_count, .binning = curve_bins_of(rows)};
    out.ends = SLOPE_COLUMNS;
    out.bins = out.ends + END_COLUMNS * k_count;
    out.points = out.bins + 2 * out.binning.count;
    out.columns = out.points + 2 * point_count;
    return out;
}

static void add_ends(double *row, const curve_k *ks, size_t k_count, uint32_t rank,
                     uint32_t size, double right)
{
    for (size_t i = 0; i < k_count; i++, row += END_COLUMNS) {
        uint32_t end = curve_k_of(ks[i], size);
        if (rank <= end) {
            row[2] += 1.0;
            row[3] += right;
        } else if (rank > size - end) {
            row[0] += 1.0;
            row[1] += right;
        }
    }
}

static void add_image(double *row, const sum_layout *layout, const curve_k *ks, uint32_t rank,
                      uint32_t size, double right)
{
    double x = ((double)rank - 0.5) / (double)size;
    double *bin = row + layout->bins + 2 * curve_bin_of(&layout->binning, rank, size);
    row[0] += 1.0;
    row[1] += right;
    row[2] += x;
    row[3] += x * x;
    row[4] += x * right;
    add_ends(row + layout->ends, ks, layout->k_count, rank, size, right);
    bin[0] += 1.0;
    bin[1] += right;
    if (rank <= layout->point_count) {
        double *point = row + layout->points + 2 * (size_t)(rank - 1);
        point[0] += 1.0;
        point[1] += right;
    }
}

/* Counts of uneven bins become 1 and the accuracy of the class: their mean is over classes. */
static void even_out_bins(double *row, const sum_layout *layout)
{
    for (size_t b = 0; b < layout->binning.count; b++) {
        double *bin = row + layout->bins + 2 * b;
        if (bin[0] > 0.0) {
            bin[1] /= bin[0];
            bin[0] = 1.0;
        }
    }
}

/* ---- draws ------------------------------------------------------------------------------- */

typedef struct draw_job {
    const bootstrap_weights *weights;
    const sum_layout *layout;
    const double *sums;      /* [classes, columns] */
    const double *observed;  /* [points] accuracy, NaN without images */
    const double *deviation; /* [points] */
    double *totals;          /* [threads, columns] */
    bootstrap_draws *into;
} draw_job;

static double ratio(const double *from)
{
    return from[0] > 0.0 ? from[1] / from[0] : (double)NAN;
}

static double slope_of(const double *sums)
{
    double n = sums[0];
    double xx = sums[3] - sums[2] * sums[2] / n;
    double xy = sums[4] - sums[2] * sums[1] / n;
    return xx > 0.0 ? xy / xx : (double)NAN;
}

static double lowest_bin(const double *bins, size_t count)
{
    double lowest = (double)NAN;
    for (size_t b = 0; b < count; b++) {
        double here = ratio(bins + 2 * b);
        lowest = isnan(lowest) || here < lowest ? here : lowest;
    }
    return lowest;
}

static double largest_deviation(const draw_job *job, const double *points)
{
    double largest = 0.0;
    for (size_t i = 0; i < job->layout->point_count; i++) {
        double away = fabs(ratio(points + 2 * i) - job->observed[i]) / job->deviation[i];
        largest = away > largest ? away : largest; /* a point without images is passed over */
    }
    return largest;
}

static void settle_draw(const draw_job *job, const double *totals, size_t draw)
{
    const sum_layout *layout = job->layout;
    bootstrap_draws *into = job->into;
    into->mean[draw] = ratio(totals);
    into->slope[draw] = slope_of(totals);
    into->worst[draw] = lowest_bin(totals + layout->bins, layout->binning.count);
    into->deviation[draw] = largest_deviation(job, totals + layout->points);
    for (size_t k = 0; k < layout->k_count; k++) {
        const double *end = totals + layout->ends + END_COLUMNS * k;
        into->gap[k * into->draws + draw] = ratio(end) - ratio(end + 2);
    }
}

static spur_status sum_draws(void *context, size_t worker, size_t item, spur_error *error)
{
    const draw_job *job = context;
    size_t columns = job->layout->columns, classes = job->weights->class_count;
    size_t first = item * BLOCK_DRAWS, end = first + BLOCK_DRAWS;
    double *restrict totals = job->totals + worker * columns;
    (void)error;
    end = end < job->weights->draws ? end : job->weights->draws;
    for (size_t draw = first; draw < end; draw++) {
        const uint16_t *times = job->weights->times + draw * classes;
        memset(totals, 0, columns * sizeof *totals);
        for (size_t c = 0; c < classes; c++) {
            const double *restrict row = job->sums + c * columns;
            double weight = (double)times[c];
            for (size_t j = 0; times[c] != 0 && j < columns; j++) {
                totals[j] += weight * row[j];
            }
        }
        settle_draw(job, totals, draw);
    }
    return SPUR_OK;
}

double bootstrap_point_deviation(const curve_point *point)
{
    statistics_interval wilson = statistics_wilson(point->correct, point->n, POINT_MISS);
    return (wilson.high - wilson.low) / POINT_WIDTH;
}

static spur_status draws_make(size_t draws, size_t k_count, bootstrap_draws *out,
                              spur_error *error)
{
    spur_status status;
    bootstrap_draws made = {.draws = draws, .k_count = k_count};
    TRY(memory_new(draws, sizeof(double), &made.mean, error));
    TRY(memory_new(draws, sizeof(double), &made.slope, error));
    TRY(memory_new(draws, sizeof(double), &made.worst, error));
    TRY(memory_new(draws, sizeof(double), &made.deviation, error));
    TRY(memory_new(draws, (k_count == 0 ? 1 : k_count) * sizeof(double), &made.gap, error));
    *out = made;
    made = (bootstrap_draws){.draws = 0};
done:
    bootstrap_draws_free(&made);
    return status;
}

void bootstrap_draws_free(bootstrap_draws *block)
{
    if (block != NULL) {
        memory_free(block->mean);
        memory_free(block->slope);
        memory_free(block->worst);
        memory_free(block->deviation);
        memory_free(block->gap);
        *block = (bootstrap_draws){.draws = 0};
    }
}

static spur_status sum_classes(const curve_rows *rows, const sum_layout *layout,
                               const curve_k *ks, double **out, spur_error *error)
{
    size_t size;
    if (!size_mul(rows->class_count, layout->columns, &size)) {
        return error_no_memory(error, SIZE_MAX);
    }
    spur_status status = memory_new_zeroed(size, sizeof(double), out, error);
    for (size_t i = 0; status == SPUR_OK && i < rows->count; i++) {
        double *row = *out + (size_t)rows->class_index[i] * layout->columns;
        add_image(row, layout, ks, rows->rank[i], rows->size[i], (double)rows->correct[i]);
    }
    for (size_t c = 0; status == SPUR_OK && !layout->binning.is_even && c < rows->class_count;
         c++) {
        even_out_bins(*out + c * layout->columns, layout);
    }
    return status;
}

spur_status bootstrap_curve(const curve_rows *rows, const bootstrap_weights *weights,
                            const curve_k *ks, size_t k_count, size_t threads,
                            bootstrap_draws *out, spur_error *error)
{
    spur_status status;
    size_t team = threads == 0 ? parallel_processors() : threads, point_count = 0;
    curve_point *points = NULL;
    double *sums = NULL, *observed = NULL, *deviation = NULL, *totals = NULL;
    bootstrap_draws made = {.draws = 0};
    TRY(curve_points(rows, &points, &point_count, error));
    const sum_layout layout = layout_of(rows, k_count, point_count);
    TRY(memory_new(point_count, sizeof(double), &observed, error));
    TRY(memory_new(point_count, sizeof(double), &deviation, error));
    for (size_t i = 0; i < point_count; i++) {
        const double cell[2] = {(double)points[i].n, (double)points[i].correct};
        observed[i] = ratio(cell);
        deviation[i] = bootstrap_point_deviation(&points[i]);
    }
    TRY(sum_classes(rows, &layout, ks, &sums, error));
    TRY(memory_new(team, layout.columns * sizeof(double), &totals, error));
    TRY(draws_make(weights->draws, k_count, &made, error));
    draw_job job = {weights, &layout, sums, observed, deviation, totals, &made};
    TRY(parallel_for(team, (weights->draws + BLOCK_DRAWS - 1) / BLOCK_DRAWS, sum_draws, &job,
                     error));
    *out = made;
    made = (bootstrap_draws){.draws = 0};
done:
    memory_free(points);
    memory_free(sums);
    memory_free(observed);
    memory_free(deviation);
    memory_free(totals);
    bootstrap_draws_free(&made);
    return status;
}

/* ---- quantiles --------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The draws that are numbers, in rising order; differences when second is not NULL. */
static spur_status sort_draws(const double *first, const double *second, size_t draws,
                              double **out, size_t *count, spur_error *error)
{
    double *made = NULL;
    size_t used = 0;
    spur_status status = memory_new(draws, sizeof *made, &made, error);
    for (size_t i = 0; status == SPUR_OK && i < draws; i++) {
        double value = second == NULL ? first[i] : first[i] - second[i];
        if (!isnan(value)) {
            made[used++] = value;
        }
    }
    if (status == SPUR_OK) {
        qsort(made, used, sizeof *made, compare_doubles);
        *out = made;
        *count = used;
    }
    return status;
}

static double quantile(const double *sorted, size_t count, double q)
{
    return count < 2 ? (double)NAN
                     : statistics_quantile_by(STATISTICS_QUANTILE_LINEAR, sorted, count, q);
}

spur_status bootstrap_interval_of(const double *first, const double *second, size_t draws,
                                  bootstrap_interval *out, spur_error *error)
{
    double *sorted = NULL;
    size_t count = 0;
    spur_status status = sort_draws(first, second, draws, &sorted, &count, error);
    if (status == SPUR_OK) {
        *out = (bootstrap_interval){quantile(sorted, count, 0.025),
                                    quantile(sorted, count, 0.975)};
    }
    memory_free(sorted);
    return status;
}

spur_status bootstrap_quantile(const double *values, size_t draws, double q, double *out,
                               spur_error *error)
{
    double *sorted = NULL;
    size_t count = 0;
    spur_status status = sort_draws(values, NULL, draws, &sorted, &count, error);
    if (status == SPUR_OK) {
        *out = quantile(sorted, count, q);
    }
    memory_free(sorted);
    return status;
}
