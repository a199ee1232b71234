/*
 * features_import.c - another program's feature matrix becomes features of a run.
 *
 * Rows are matched to images by name or image_id, never by position alone: a matrix of another
 * dataset, or one in another order, must not pass unnoticed. From there on it is stored,
 * digested and read as what our own backbones give.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/lines.h"
#include "io/tensor.h"
#include "pipeline/features_job.h"
#include "pipeline/name_index.h"
#include "pipeline/run.h"

enum {
    SHOWN_NAMES = 3,
    CHUNK = 1 << 20
};

#define ARCHITECTURE "imported"
#define ROWS_LIMIT ((uint64_t)1 << 30) /* bytes of a list of names */

typedef struct import_job {
    const char *path, *file;
    const spur_import_options *options;
    spur_run *run;
    arena *texts;
    const store_split *split;
    store_backbone record;
    tensor_file *from;
    const tensor_info *matrix; /* [rows, width] */
    size_t rows, width;
    const char **names; /* [rows]: image of each row, a file name or an image_id in hex */
    bool are_ids;
    bool is_ours; /* written by spur export */
    feature_rows images;
    float *values;       /* [rows, width] */
    const float **given; /* [images] */
    spur_feature_set set;
} import_job;

void spur_import_options_defaults(spur_import_options *options)
{
    memset(options, 0, sizeof *options);
}

static void import_job_close(import_job *job)
{
    tensor_file_close(job->from);
    memory_free(job->names);
    memory_free(job->values);
    memory_free(job->given);
    feature_rows_free(&job->images);
    arena_free(job->texts);
    spur_run_close(job->run);
}

/* A bad matrix is bad data, whatever the reader of weights says. */
static spur_status as_dataset(spur_status status, spur_error *error)
{
    if (status != SPUR_MODEL) {
        return status;
    }
    if (error != NULL) {
        error->status = SPUR_DATASET;
    }
    return SPUR_DATASET;
}

/* ---- the matrix ---------------------------------------------------------------------- */

static spur_status choose_split(import_job *job, spur_error *error)
{
    const char *name = job->options->split;
    if (name == NULL) {
        name = job->run->split_count == 1 ? job->run->splits[0].name : "train";
    }
    return run_find_split(job->run, name, &job->split, error);
}

static spur_status find_matrix(import_job *job, spur_error *error)
{
    static const char *const names[] = {"X", "features", "arr_0", ""};
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && job->matrix == NULL; i++) {
        job->matrix = tensor_file_find(job->from, names[i]);
    }
    if (job->matrix == NULL) {
        FAIL(SPUR_DATASET, "%s: holds no array X, features or arr_0", job->file);
    }
    if (job->matrix->rank != 2 || job->matrix->elements == 0) {
        FAIL(SPUR_DATASET,
             "%s: array '%s' has %zu dimensions and %zu numbers, expected [rows, "
             "features]",
             job->file, job->matrix->name, job->matrix->rank, job->matrix->elements);
    }
    job->rows = job->matrix->shape[0];
    job->width = job->matrix->shape[1];
done:
    return status;
}

static spur_status read_matrix(import_job *job, spur_error *error)
{
    spur_status status;
    size_t bytes;
    if (!size_mul(job->width, sizeof(float), &bytes)) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new(job->rows, bytes, &job->values, error));
    TRY(as_dataset(tensor_file_read_float(job->from, job->matrix, job->values, error), error));
    for (size_t i = 0; i < job->rows * job->width; i++) {
        if (!isfinite(job->values[i])) {
            char number[TEXT_NUMBER_SIZE];
            text_from_float(job->values[i], number);
            FAIL(SPUR_DATASET,
                 "%s: row %zu, column %zu (from 0) is %s, expected a finite float", job->file,
                 i / job->width, i % job->width, number);
        }
    }
done:
    return status;
}

/* ---- which image a row is ------------------------------------------------------------ */

static spur_status keep_name(import_job *job, size_t row, const char *name, spur_error *error)
{
    char *copy = NULL;
    while (name[0] == '.' && name[1] == '/') {
        name += 2;
    }
    if (row >= job->rows) {
        return error_set(error, SPUR_DATASET, "%s: names more than the %zu rows of %s",
                         job->options->rows, job->rows, job->file);
    }
    spur_status status = arena_text(job->texts, name, strlen(name), &copy, error);
    job->names[row] = copy;
    return status;
}

static bool is_name_column(const char *field)
{
    static const char *const aliases[] = {"file_name", "path", "image", "filepath"};
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcmp(field, aliases[i]) == 0) {
            return true;
        }
    }
    return false;
}

static spur_status read_table(import_job *job, csv_reader *from, size_t column, size_t *count,
                              spur_error *error)
{
    spur_status status;
    const csv_row *row = NULL;
    TRY(csv_next(from, &row, error));
    for (*count = 0; row != NULL; (*count)++) {
        TRY(keep_name(job, *count, row->fields[column], error));
        TRY(csv_next(from, &row, error));
    }
done:
    return status;
}

/* *count SIZE_MAX: the file is no table with a column of names. */
static spur_status try_table(import_job *job, const unsigned char *bytes, size_t size,
                             size_t *count, spur_error *error)
{
    spur_status status;
    csv_reader *from = NULL;
    const csv_row *row = NULL;
    *count = SIZE_MAX;
    TRY(csv_open((const char *)bytes, size, &from, error));
    csv_allow_bytes(from);
    if (csv_next(from, &row, NULL) != SPUR_OK || row == NULL) {
        goto done;
    }
    for (size_t i = 0; i < row->count && *count == SIZE_MAX; i++) {
        if (is_name_column(row->fields[i])) {
            TRY(read_table(job, from, i, count, error));
        }
    }
done:
    csv_close(from);
    return status;
}

static spur_status read_lines(import_job *job, size_t *count, spur_error *error)
{
    spur_status status;
    text_lines lines = {NULL, NULL, 0};
    TRY(lines_load(job->options->rows, SPUR_DATASET, &lines, error));
    for (size_t i = 0; i < lines.count; i++) {
        TRY(keep_name(job, i, lines.lines[i].text, error));
    }
    *count = lines.count;
done:
    lines_free(&lines);
    return status;
}

static spur_status read_names(import_job *job, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t size, count;
    const char *path = job->options->rows;
    status = file_load(path, ROWS_LIMIT, SPUR_DATASET, &bytes, &size, error);
    if (status == SPUR_OK) {
        status = try_table(job, bytes, size, &count, error);
    }
    if (status == SPUR_OK && count == SIZE_MAX) {
        status = read_lines(job, &count, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
        goto done;
    }
    if (count != job->rows) {
        FAIL(SPUR_DATASET, "%s: names %zu rows, %s has %zu", path, count, job->file, job->rows);
    }
done:
    memory_free(bytes);
    return status;
}

static spur_status read_ids(import_job *job, spur_error *error)
{
    spur_status status;
    unsigned char *ids = NULL;
    const tensor_info *info = tensor_file_find(job->from, "image_id");
    if (info == NULL) {
        FAIL(SPUR_DATASET,
             "%s: nothing says which image each row is; give --rows FILE, or an "
             "array image_id (u1, [%zu, %d]) in it",
             job->file, job->rows, STORE_ID_SIZE);
    }
    if (info->dtype != TENSOR_U8 || info->rank != 2 || info->shape[0] != job->rows ||
        info->shape[1] != STORE_ID_SIZE) {
        FAIL(SPUR_DATASET, "%s: image_id is not u1 [%zu, %d]", job->file, job->rows,
             STORE_ID_SIZE);
    }
    TRY(memory_new(job->rows, STORE_ID_SIZE, &ids, error));
    TRY(as_dataset(tensor_file_read(job->from, info, ids, error), error));
    for (size_t i = 0; i < job->rows; i++) {
        char hex[2 * STORE_ID_SIZE + 1];
        digest_hex(ids + i * STORE_ID_SIZE, STORE_ID_SIZE, hex);
        TRY(keep_name(job, i, hex, error));
    }
    job->are_ids = true;
    job->is_ours = tensor_file_find(job->from, "row") != NULL;
done:
    memory_free(ids);
    return status;
}

/* ---- matching ------------------------------------------------------------------------ */

static spur_status index_rows(import_job *job, name_index *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < job->rows; i++) {
        TRY(name_index_add(into, job->names[i], i, error));
    }
    name_index_sort(into);
    const name_entry *twice = name_index_repeat(into);
    if (twice != NULL) {
        FAIL(SPUR_DATASET, "%s: rows %zu and %zu are both %s",
             job->options->rows == NULL ? job->file : job->options->rows,
             name_index_find(into, twice->name), twice->value, twice->name);
    }
done:
    return status;
}

static const char *name_of(const import_job *job, const feature_row *row,
                           char hex[2 * STORE_ID_SIZE + 1])
{
    if (!job->are_ids) {
        return row->file_name;
    }
    digest_hex(row->id, STORE_ID_SIZE, hex);
    return hex;
}

/* Names the first scored images that no row stands for. What `spur export --npz` wrote has no
 * row for images that failed in its run; they fail here, too. */
static spur_status check_missing(const import_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer names = {NULL, 0, 0};
    size_t missing = 0, scored = 0;
    for (size_t i = 0; i < job->images.count; i++) {
        bool is_missing = job->images.rows[i].reason == NULL && job->given[i] == NULL;
        scored += job->images.rows[i].reason == NULL;
        if (is_missing && missing++ < SHOWN_NAMES) {
            TRY(text_format(&names, error, "%s%s", names.length == 0 ? "" : ", ",
                            job->images.rows[i].file_name));
        }
    }
    if (missing > 0 && !job->is_ours) {
        FAIL(SPUR_DATASET, "%s: %zu of the %zu scored images of split %s have no row: %s%s",
             job->file, missing, scored, job->split->name, names.data,
             missing > SHOWN_NAMES ? " ..." : "");
    }
done:
    text_buffer_free(&names);
    return status;
}

/* The first row that is no image of the split; there is one. */
static spur_status fail_extra(const import_job *job, const unsigned char *used,
                              spur_error *error)
{
    size_t row = 0;
    while (row + 1 < job->rows && used[row] != 0) {
        row++;
    }
    return error_set(error, SPUR_DATASET, "%s: row %zu (%s) is no image of split %s%s",
                     job->options->rows == NULL ? job->file : job->options->rows, row,
                     job->names[row], job->split->name,
                     job->are_ids ? ": image_id is of another dataset or split" : "");
}

static spur_status match_rows(import_job *job, spur_error *error)
{
    spur_status status;
    name_index rows = {NULL, 0, 0};
    unsigned char *used = NULL;
    size_t matched = 0;
    TRY(index_rows(job, &rows, error));
    TRY(memory_new_zeroed(job->rows, 1, &used, error));
    TRY(memory_new_zeroed(job->images.count, sizeof *job->given, &job->given, error));
    for (size_t i = 0; i < job->images.count; i++) {
        char hex[2 * STORE_ID_SIZE + 1];
        size_t row = name_index_find(&rows, name_of(job, &job->images.rows[i], hex));
        if (row != SIZE_MAX) {
            job->given[i] = job->values + row * job->width;
            used[row] = 1;
            matched++;
        }
    }
    if (matched < job->rows) {
        TRY(fail_extra(job, used, error));
    }
    TRY(check_missing(job, error));
done:
    name_index_free(&rows);
    memory_free(used);
    return status;
}

/* ---- storing ------------------------------------------------------------------------- */

/* "clip" of "out/clip.npz"; letters that a folder should not have become '_'. */
static spur_status make_name(import_job *job, spur_error *error)
{
    char *name = NULL;
    const char *given = job->options->name;
    const char *slash = strrchr(job->file, '/');
    const char *from = given != NULL ? given : slash == NULL ? job->file : slash + 1;
    size_t length = given != NULL ? strlen(given) : strcspn(from, ".");
    spur_status status = arena_text(job->texts, from, length, &name, error);
    for (size_t i = 0; status == SPUR_OK && i < length; i++) {
        bool is_plain = (name[i] >= 'a' && name[i] <= 'z') ||
                        (name[i] >= 'A' && name[i] <= 'Z') ||
                        (name[i] >= '0' && name[i] <= '9') ||
                        (strchr("-_.", name[i]) != NULL && (i > 0 || name[i] != '.'));
        if (!is_plain && given != NULL) {
            return error_set(error, SPUR_USAGE,
                             "--name: %s: letters, digits, '-', '_' and '.' make a name",
                             given);
        }
        name[i] = (char)(is_plain ? name[i] : '_');
    }
    if (status == SPUR_OK && length == 0) {
        return error_set(error, SPUR_USAGE, "%s: gives no name; use --name", job->file);
    }
    job->record.name = name;
    return status;
}

static spur_status digest_file(import_job *job, spur_error *error)
{
    spur_status status;
    file *from = NULL;
    digest *sum = NULL;
    unsigned char *block = NULL;
    unsigned char bytes[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    char *copy = NULL;
    TRY(file_open(job->file, SPUR_DATASET, &from, error));
    TRY(digest_new(&sum, error));
    TRY(memory_new(CHUNK, 1, &block, error));
    for (uint64_t at = 0; at < file_size(from); at += CHUNK) {
        uint64_t left = file_size(from) - at;
        size_t length = left < CHUNK ? (size_t)left : CHUNK;
        TRY(file_read_at(from, at, block, length, error));
        TRY(digest_add(sum, block, length, error));
    }
    TRY(digest_finish(sum, bytes, error));
    digest_hex(bytes, sizeof bytes, hex);
    TRY(arena_text(job->texts, hex, strlen(hex), &copy, error));
    job->record.digest = copy;
done:
    memory_free(block);
    digest_free(sum);
    file_close(from);
    return status;
}

/* The splits of one name come from a file each; the digest of the first speaks for all. */
static spur_status join_splits(import_job *job, spur_error *error)
{
    spur_status status;
    char *copy;
    const char *other;
    const store_backbone *known = features_find(job->run->db, job->record.name);
    if (known == NULL || strcmp(known->architecture, ARCHITECTURE) != 0) {
        return SPUR_OK;
    }
    TRY(features_find_other(job->run->db, known->name, &job->split->name, 1, &other, error));
    if (other == NULL && job->options->restart) {
        goto done; /* nothing of the old ones stays */
    }
    if (known->features != job->width) {
        FAIL(SPUR_DATASET, "%s: has %zu features a row, backbone %s of the run has %zu",
             job->file, job->width, known->name, known->features);
    }
    TRY(arena_text(job->texts, known->digest, strlen(known->digest), &copy, error));
    job->record.digest = copy;
done:
    return status;
}

static spur_status describe(import_job *job, spur_error *error)
{
    spur_status status;
    TRY(make_name(job, error));
    TRY(digest_file(job, error));
    TRY(join_splits(job, error));
    job->record.architecture = ARCHITECTURE;
    job->record.preprocessing = "unknown";
    job->record.settings = job->options->half ? "float16" : "float32";
    job->record.features = job->width;
done:
    return status;
}

static spur_status store_rows(import_job *job, spur_error *error)
{
    spur_status status;
    spur_progress progress = {.stage = "features"};
    const char *name = job->record.name;
    char *split = NULL;
    TRY(arena_text(job->texts, job->split->name, strlen(job->split->name), &split, error));
    const char *const splits[] = {split};
    TRY(features_agree(job->run->db, job->path, &job->record, splits, 1, job->options->restart,
                       error));
    TRY(store_get_splits(job->run->db, &job->run->splits, &job->run->split_count, error));
    TRY(run_find_split(job->run, split, &job->split, error));
    const feature_task task = {.db = job->run->db,
                               .run_folder = job->path,
                               .backbone = features_find(job->run->db, name),
                               .split = job->split,
                               .given = job->given,
                               .rows = &job->images,
                               .threads = 1,
                               .progress = &progress,
                               .skipped = &job->set.skipped};
    TRY(feature_feed(&task, error));
done:
    return status;
}

static spur_status verify(import_job *job, spur_error *error)
{
    spur_status status;
    feature_layout layout = {.path = NULL};
    char *path = NULL;
    const store_backbone *known = features_find(job->run->db, job->record.name);
    TRY(feature_layout_make(job->path, known, job->split, &layout, error));
    const features_judging what = {.db = job->run->db,
                                   .layout = &layout,
                                   .backbone = known->name,
                                   .split = job->split->name,
                                   .rows = &job->images};
    TRY(features_judge(&what, &job->set, error));
    TRY(arena_text(job->texts, layout.path, strlen(layout.path), &path, error));
    job->set.path = path;
done:
    feature_layout_free(&layout);
    return status;
}

static void fill_set(import_job *job)
{
    spur_feature_set *set = &job->set;
    set->backbone = job->record.name;
    set->architecture = job->record.architecture;
    set->preprocessing = job->record.preprocessing;
    set->settings = job->record.settings;
    set->digest = job->record.digest;
    set->split = job->split->name;
    set->features = job->width;
    set->images = job->split->images;
    for (size_t i = 0; i < job->images.count; i++) {
        set->failed += job->images.rows[i].reason != NULL || job->given[i] == NULL;
    }
}

static spur_status import_matrix(import_job *job, spur_error *error)
{
    spur_status status;
    TRY(arena_new(&job->texts, error));
    TRY(run_open_writer(job->path, &job->run, error));
    TRY(choose_split(job, error));
    TRY(as_dataset(tensor_file_open_arrays(job->file, &job->from, error), error));
    TRY(find_matrix(job, error));
    TRY(memory_new_zeroed(job->rows, sizeof *job->names, &job->names, error));
    TRY(job->options->rows != NULL ? read_names(job, error) : read_ids(job, error));
    TRY(feature_rows_read(job->run->db, job->split, &job->images, error));
    TRY(read_matrix(job, error));
    TRY(match_rows(job, error));
    TRY(describe(job, error));
    TRY(store_rows(job, error));
    TRY(verify(job, error));
done:
    return status;
}

spur_status spur_features_import(const char *run, const char *matrix,
                                 const spur_import_options *options,
                                 spur_features_summary **summary, spur_error *error)
{
    spur_status status;
    spur_import_options defaults;
    spur_import_options_defaults(&defaults);
    import_job job = {
        .path = run, .file = matrix, .options = options == NULL ? &defaults : options};
    if (run == NULL || matrix == NULL) {
        FAIL(SPUR_USAGE, "a run folder and a file of features are needed");
    }
    TRY(import_matrix(&job, error));
    fill_set(&job);
    TRY(summary == NULL ? SPUR_OK : features_summarise(&job.set, 1, 1, summary, error));
done:
    import_job_close(&job);
    return status;
}
