/*
 * retrain_matrix.c - a head from a bare matrix: X, y, perhaps sample_weight.
 */
#include <math.h>
#include <string.h>

#include "base/monitor.h"
#include "io/tensor.h"
#include "pipeline/retrain.h"

/* Classes are the labels' largest + 1: a stray label must not make a head of gigabytes. */
#define CLASSES_MOST 1000000U

typedef struct matrix_input {
    tensor_file *file;
    float *x;
    uint32_t *labels;
    double *weights;
    size_t rows, features, classes;
    head_file *original;
} matrix_input;

static void input_close(matrix_input *block)
{
    tensor_file_close(block->file);
    memory_free(block->x);
    memory_free(block->labels);
    memory_free(block->weights);
    head_file_close(block->original);
}

static spur_status find_tensor(const matrix_input *from, const char *name, size_t rank,
                               const tensor_info **out, spur_error *error)
{
    const tensor_info *info = tensor_file_find(from->file, name);
    if (info == NULL) {
        return error_set(error, SPUR_DATASET, "no tensor '%s'; X [n, d] and y [n] are needed",
                         name);
    }
    if (info->rank != rank) {
        return error_set(error, SPUR_DATASET, "tensor '%s' has %zu dimensions, expected %zu",
                         name, info->rank, rank);
    }
    *out = info;
    return SPUR_OK;
}

static spur_status read_features(matrix_input *into, spur_error *error)
{
    spur_status status;
    const tensor_info *info;
    TRY(find_tensor(into, "X", 2, &info, error));
    into->rows = info->shape[0];
    into->features = info->shape[1];
    if (info->elements == 0) {
        FAIL(SPUR_DATASET, "tensor 'X' is empty");
    }
    TRY(memory_new(info->elements, sizeof *into->x, &into->x, error));
    TRY(tensor_file_read_float(into->file, info, into->x, error));
done:
    return status;
}

static int64_t label_at(const void *values, tensor_dtype dtype, size_t i)
{
    switch (dtype) {
    case TENSOR_I64:
        return ((const int64_t *)values)[i];
    case TENSOR_I32:
        return ((const int32_t *)values)[i];
    case TENSOR_U8:
        return ((const uint8_t *)values)[i];
    default:
        return -1;
    }
}

static spur_status read_labels(matrix_input *into, spur_error *error)
{
    spur_status status;
    const tensor_info *info;
    void *values = NULL;
    TRY(find_tensor(into, "y", 1, &info, error));
    if (info->dtype != TENSOR_I64 && info->dtype != TENSOR_I32 && info->dtype != TENSOR_U8) {
        FAIL(SPUR_DATASET, "tensor 'y' holds %s, expected I64, I32 or U8",
             tensor_dtype_name(info->dtype));
    }
    if (info->elements != into->rows) {
        FAIL(SPUR_DATASET, "tensor 'y' has %zu elements, X has %zu rows", info->elements,
             into->rows);
    }
    TRY(memory_new(info->bytes, 1, &values, error));
    TRY(memory_new(into->rows, sizeof *into->labels, &into->labels, error));
    TRY(tensor_file_read(into->file, info, values, error));
    for (size_t i = 0; i < into->rows; i++) {
        int64_t label = label_at(values, info->dtype, i);
        if (label < 0 || label >= (int64_t)CLASSES_MOST) {
            FAIL(SPUR_DATASET, "y[%zu] is %lld, expected 0 .. %u", i, (long long)label,
                 CLASSES_MOST - 1U);
        }
        into->labels[i] = (uint32_t)label;
        into->classes = (size_t)label + 1 > into->classes ? (size_t)label + 1 : into->classes;
    }
done:
    memory_free(values);
    return status;
}

static spur_status read_weights(matrix_input *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    float *narrow = NULL;
    const tensor_info *info;
    if (tensor_file_find(into->file, "sample_weight") == NULL) {
        return SPUR_OK;
    }
    TRY(find_tensor(into, "sample_weight", 1, &info, error));
    if (info->elements != into->rows) {
        FAIL(SPUR_DATASET, "tensor 'sample_weight' has %zu elements, X has %zu rows",
             info->elements, into->rows);
    }
    TRY(memory_new(into->rows, sizeof *into->weights, &into->weights, error));
    if (info->dtype == TENSOR_F64) {
        TRY(tensor_file_read(into->file, info, into->weights, error));
        goto done;
    }
    TRY(memory_new(into->rows, sizeof *narrow, &narrow, error));
    TRY(tensor_file_read_float(into->file, info, narrow, error));
    for (size_t i = 0; i < into->rows; i++) {
        into->weights[i] = (double)narrow[i];
    }
done:
    memory_free(narrow);
    return status;
}

/* Every failure of the file itself is the data's: SPUR_DATASET, prefixed with its path. */
static spur_status input_open(const char *path, const char *original, matrix_input *into,
                              spur_error *error)
{
    spur_status status = tensor_file_open(path, &into->file, error);
    if (status != SPUR_OK) {
        return status == SPUR_MODEL ? SPUR_DATASET : status;
    }
    TRY(read_features(into, error));
    TRY(read_labels(into, error));
    TRY(read_weights(into, error));
done:
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        return status == SPUR_MODEL ? SPUR_DATASET : status;
    }
    if (original != NULL) {
        status = head_file_open(original, &into->original, error);
    }
    return status;
}

typedef struct matrix_watch {
    const spur_monitor *monitor;
} matrix_watch;

static int watch_fit(void *context, const char *detail)
{
    const matrix_watch *watch = context;
    const spur_progress progress = {.stage = "retrain", .total = 1, .detail = detail};
    return monitor_cancels(watch->monitor, &progress) ? 1 : 0;
}

static spur_status measure(retrain_summary *in, const matrix_input *from, const recipe_job *job,
                           const spur_retrain_options *options, const recipe_result *made,
                           spur_head_summary *row, spur_error *error)
{
    spur_status status;
    const head *original = from->original != NULL ? head_file_head(from->original) : NULL;
    TRY(arena_take(in->memory, 1, sizeof *row->splits, &row->splits, error));
    row->split_count = 1;
    row->splits[0].split = "train";
    TRY(retrain_tally(made, original, &job->rows.rows, job->rows.labels, job->threads,
                      &row->splits[0], error));
    if (original != NULL && options->interpolate > 0) {
        TRY(retrain_blend(in, original, &made->own, &job->rows.rows, job->rows.labels,
                          options->interpolate, job->threads, row, error));
    }
done:
    return status;
}

static spur_status check_original(const matrix_input *from, const recipe *with,
                                  spur_error *error)
{
    if (with->needs_gap) {
        return error_set(error, SPUR_USAGE,
                         "recipe %s needs the ranked val split of a run, not a bare matrix",
                         with->name);
    }
    if (with->needs_original && from->original == NULL) {
        return error_set(error, SPUR_USAGE, "recipe %s starts from the old head; give --head",
                         with->name);
    }
    return from->original != NULL
               ? head_file_check(from->original, from->classes, from->features, NULL, error)
               : SPUR_OK;
}

static spur_status report_cancelled(const spur_monitor *monitor, const char *path,
                                    spur_error *error)
{
    spur_status status =
        error_set(error, SPUR_INTERRUPTED,
                  "interrupted: %s holds the best head so far, not certified", path);
    monitor_warn(monitor, error->message);
    return status;
}

spur_status spur_retrain_matrix(const char *features, const char *out_path,
                                const spur_retrain_options *options,
                                const spur_monitor *monitor, spur_retrain_summary **summary,
                                spur_error *error)
{
    spur_status status;
    matrix_input from = {0};
    retrain_summary *made = NULL;
    recipe_result result = {0};
    recipe_job job;
    const recipe *with;
    matrix_watch watch = {monitor};
    TRY(recipe_find(options->recipe != NULL ? options->recipe : "dfr", &with, error));
    TRY(retrain_job(options, &job, error));
    TRY(input_open(features, options->original, &from, error));
    TRY(check_original(&from, with, error));
    job.rows = (solver_rows){.rows = {from.x, from.features, from.rows, NULL},
                             .labels = from.labels,
                             .classes = from.classes};
    job.weights = from.weights;
    job.original = from.original != NULL ? head_file_head(from.original) : NULL;
    job.visit = watch_fit;
    job.context = &watch;
    TRY(retrain_summary_new(1, &made, error));
    spur_head_summary *row = made->open.heads;
    status = recipe_fit(with, &job, &result, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", features);
        goto done;
    }
    TRY(retrain_fill(made, row, &result, error));
    TRY(retrain_text(made, features, &row->name, error));
    TRY(retrain_text(made, out_path, &row->path, error));
    row->recipe = with->name;
    row->images = from.rows;
    TRY(measure(made, &from, &job, options, &result, row, error));
    TRY(retrain_write(out_path, "W", row, &result, NULL, 0, error));
    made->open.count = 1;
    if (result.is_cancelled) {
        TRY(report_cancelled(monitor, out_path, error));
    }
    if (summary != NULL) {
        *summary = &made->open;
        made = NULL;
    }
done:
    spur_retrain_summary_free(made != NULL ? &made->open : NULL);
    recipe_result_free(&result);
    input_close(&from);
    return status;
}
