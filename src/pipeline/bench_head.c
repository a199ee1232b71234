/*
 * bench_head.c - how fast a last layer is solved for, on features made up for the purpose.
 *
 * Rows are class centres plus noise whose columns are mixed, then cut at 0, as pooled features
 * of a network are: correlated, skewed, of one sign.
 */
#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "nn/peak.h"
#include "pipeline/solver.h"

enum {
    MIXED = 8 /* noise columns that enter a feature */
};

typedef struct made_up {
    random_key centres, noise;
    size_t features, classes;
    float *x;
    uint32_t *labels;
} made_up;

static spur_status make_row(void *context, size_t worker, size_t item, spur_error *error)
{
    const made_up *all = context;
    size_t features = all->features, label = item % all->classes;
    float *row = all->x + item * features, factors[MIXED];
    (void)worker;
    (void)error;
    for (size_t i = 0; i < MIXED; i++) {
        factors[i] = (float)random_normal(all->noise, item, i);
    }
    for (size_t j = 0; j < features; j++) {
        double value = random_normal(all->noise, item, MIXED + j) +
                       0.7 * random_normal(all->centres, label, j);
        for (size_t i = 0; i < MIXED; i++) {
            value +=
                0.3 * (double)factors[i] * random_normal(all->centres, all->classes + i, j);
        }
        row[j] = value > 0.0 ? (float)value : 0.0F;
    }
    all->labels[item] = (uint32_t)label;
    return SPUR_OK;
}

spur_status spur_bench_head(size_t rows, size_t features, size_t classes, size_t threads,
                            double tolerance, spur_bench_head_result *out, spur_error *error)
{
    spur_status status;
    made_up all = {random_key_make(0, "bench-centres"),
                   random_key_make(0, "bench-noise"),
                   features,
                   classes,
                   NULL,
                   NULL};
    solver *with = NULL;
    softmax_result made = {0};
    softmax_options options;
    spur_bench_head_result result = {.threads = threads > 0 ? threads : parallel_processors()};
    size_t cells;
    if (rows < classes || classes < 2 || features == 0 || !size_mul(rows, features, &cells)) {
        FAIL(SPUR_USAGE, "rows, features and classes must be at least 1, 1 and 2, and rows at "
                         "least as many as classes");
    }
    TRY(memory_new(cells, sizeof *all.x, &all.x, error));
    TRY(memory_new(rows, sizeof *all.labels, &all.labels, error));
    TRY(parallel_for(result.threads, rows, make_row, &all, error));
    TRY(peak_measure(result.threads, 1.0, &result.matrix_gflops, error));
    const solver_rows given = {
        .rows = {all.x, features, rows, NULL}, .labels = all.labels, .classes = classes};
    double start = clock_seconds();
    TRY(solver_open(&given, result.threads, &with, error));
    result.prepare_seconds = clock_seconds() - start;
    softmax_options_defaults(&options);
    if (tolerance > 0.0) {
        options.descent.tolerance = tolerance;
    }
    TRY(softmax_fit(with, &options, &made, error));
    result.seconds = clock_seconds() - start;
    result.steps = made.steps.steps;
    result.products = made.steps.products;
    result.objective = made.proof.objective;
    result.gap = made.proof.gap;
    *out = result;
done:
    softmax_result_free(&made);
    solver_close(with);
    memory_free(all.x);
    memory_free(all.labels);
    return status;
}
