/*
 * predictions.c - features of a split through all of its heads, chunk by chunk, and the result
 * as bytes: [rows] class in 4 bytes, [rows] margin by its bits in 4 bytes, [rows] flags in one,
 * numbers little-endian.
 *
 * A set is made from the head's file, the features and the classes of the rows; the digest over
 * these tells whether it still holds. Features are read once for all heads that need them.
 */
#include "pipeline/predictions.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/monitor.h"
#include "io/file.h"
#include "io/store_digest.h"
#include "io/store_predictions.h"
#include "pipeline/evaluation_rows.h"
#include "pipeline/feature_file.h"
#include "pipeline/rank.h"

enum {
    CHUNK_ROWS = 64 * FEATURE_BLOCK_ROWS,
    READ_BYTES = 1 << 18,
    ROW_BYTES = 9,
    ALL_FLAGS = PREDICTION_VALID | PREDICTION_KNOWN | PREDICTION_CORRECT | PREDICTION_TOP5
};

void prediction_set_free(prediction_set *block)
{
    if (block != NULL) {
        memory_free(block->predicted);
        memory_free(block->margin);
        memory_free(block->flags);
        *block = (prediction_set){0, NULL, NULL, NULL};
    }
}

static spur_status set_make(size_t rows, prediction_set *out, spur_error *error)
{
    spur_status status;
    prediction_set made = {.rows = rows};
    TRY(memory_new(rows, sizeof *made.predicted, &made.predicted, error));
    TRY(memory_new_zeroed(rows, sizeof *made.margin, &made.margin, error));
    TRY(memory_new_zeroed(rows, sizeof *made.flags, &made.flags, error));
    memset(made.predicted, 0xFF, rows * sizeof *made.predicted);
    *out = made;
    made = (prediction_set){0, NULL, NULL, NULL};
done:
    prediction_set_free(&made);
    return status;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void put_word(unsigned char *dst, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        dst[i] = (unsigned char)(value >> (8 * i) & 0xFF);
    }
}

static uint32_t take_word(const unsigned char *src)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        value |= (uint32_t)src[i] << (8 * i);
    }
    return value;
}

static spur_status encode_set(const prediction_set *from, unsigned char **out, size_t *size,
                              spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t rows = from->rows;
    TRY(memory_new(rows, ROW_BYTES, &bytes, error));
    for (size_t i = 0; i < rows; i++) {
        uint32_t bits;
        memcpy(&bits, &from->margin[i], sizeof bits);
        put_word(bytes + 4 * i, from->predicted[i]);
        put_word(bytes + 4 * (rows + i), bits);
        bytes[8 * rows + i] = from->flags[i];
    }
    *out = bytes;
    *size = rows * ROW_BYTES;
done:
    return status;
}

/* False when the bytes are not what we write. */
static bool decode_set(const unsigned char *bytes, size_t classes, prediction_set *into)
{
    size_t rows = into->rows;
    for (size_t i = 0; i < rows; i++) {
        uint32_t bits = take_word(bytes + 4 * (rows + i));
        into->predicted[i] = take_word(bytes + 4 * i);
        memcpy(&into->margin[i], &bits, sizeof bits);
        into->flags[i] = bytes[8 * rows + i];
        bool is_class = into->predicted[i] == UINT32_MAX || into->predicted[i] < classes;
        if (!is_class || !isfinite(into->margin[i]) || into->flags[i] > ALL_FLAGS) {
            return false;
        }
    }
    return true;
}

/* ---- what a set is made from ------------------------------------------------------------- */

static spur_status digest_file(const char *path, unsigned char out[DIGEST_SIZE],
                               spur_error *error)
{
    spur_status status;
    file *from = NULL;
    digest *into = NULL;
    unsigned char *bytes = NULL;
    TRY(file_open(path, SPUR_DATASET, &from, error));
    TRY(memory_new(READ_BYTES, 1, &bytes, error));
    TRY(digest_new(&into, error));
    for (uint64_t at = 0; at < file_size(from); at += READ_BYTES) {
        uint64_t left = file_size(from) - at;
        size_t length = left < READ_BYTES ? (size_t)left : READ_BYTES;
        TRY(file_read_at(from, at, bytes, length, error));
        TRY(digest_add(into, bytes, length, error));
    }
    TRY(digest_finish(into, out, error));
done:
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    digest_free(into);
    memory_free(bytes);
    file_close(from);
    return status;
}

/* Digest of a split's features of one backbone and of its rows' classes. *is_whole: every block
 * is there. */
static spur_status digest_features(spur_run *run, const char *backbone,
                                   const store_split *split, unsigned char out[DIGEST_SIZE],
                                   bool *is_whole, spur_error *error)
{
    spur_status status;
    size_t blocks = (size_t)((split->images + FEATURE_BLOCK_ROWS - 1) / FEATURE_BLOCK_ROWS);
    unsigned char *done = NULL, (*digests)[STORE_DIGEST_SIZE] = NULL;
    unsigned char rows[DIGEST_SIZE];
    digest *into = NULL;
    TRY(memory_new(blocks, 1, &done, error));
    TRY(memory_new_zeroed(blocks, sizeof *digests, &digests, error));
    TRY(store_list_feature_blocks(run->db, backbone, split->name, done, digests, blocks,
                                  error));
    *is_whole = blocks > 0;
    for (size_t b = 0; b < blocks; b++) {
        *is_whole = *is_whole && done[b] != 0;
    }
    TRY(ranking_digest(run, split, rows, error));
    TRY(digest_new(&into, error));
    TRY(digest_add(into, digests, blocks * sizeof *digests, error));
    TRY(digest_add(into, rows, sizeof rows, error));
    TRY(digest_finish(into, out, error));
done:
    digest_free(into);
    memory_free(done);
    memory_free(digests);
    return status;
}

static spur_status digest_inputs(const unsigned char features[DIGEST_SIZE],
                                 const unsigned char own[DIGEST_SIZE],
                                 char hex[DIGEST_HEX_SIZE], spur_error *error)
{
    static const char form[] = "predictions 1";
    spur_status status;
    digest *into = NULL;
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_new(&into, error));
    TRY(digest_add(into, form, sizeof form, error));
    TRY(digest_add(into, features, DIGEST_SIZE, error));
    TRY(digest_add(into, own, DIGEST_SIZE, error));
    TRY(digest_finish(into, sum, error));
    digest_hex(sum, DIGEST_SIZE, hex);
done:
    digest_free(into);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Place of a head in the list, or its count. */
static size_t find_head(const head_list *heads, const char *name)
{
    size_t i = 0;
    while (i < heads->count && strcmp(heads->heads[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* The digest a set of this name would have now; "" when its head or features are not there. */
static spur_status inputs_now(spur_run *run, const store_split *split,
                              const prediction_name *name, char hex[DIGEST_HEX_SIZE],
                              spur_error *error)
{
    spur_status status;
    head_list heads = {NULL, 0, NULL};
    unsigned char features[DIGEST_SIZE], own[DIGEST_SIZE];
    bool is_whole = false;
    hex[0] = '\0';
    TRY(head_list_make(run, name->backbone, &heads, error));
    TRY(digest_features(run, name->backbone, split, features, &is_whole, error));
    size_t at = find_head(&heads, name->head);
    if (at < heads.count && is_whole) {
        TRY(digest_file(heads.heads[at].path, own, error));
        TRY(digest_inputs(features, own, hex, error));
    }
done:
    head_list_free(&heads);
    return status;
}

/* Features need all rows of a split, and so does whoever looks up an image's class. */
static spur_status check_rows(spur_run *run, const store_split *split, spur_error *error)
{
    store_counts counts;
    spur_status status = store_count(run->db, split->name, &counts, error);
    return status == SPUR_OK && counts.scored + counts.failed != split->images
               ? error_set(error, SPUR_DATASET,
                           "split %s: %llu of %llu images have no row yet; finish `spur score` "
                           "first",
                           split->name,
                           (unsigned long long)(split->images - counts.scored - counts.failed),
                           (unsigned long long)split->images)
               : status;
}

spur_status predictions_load(spur_run *run, const prediction_name *name, prediction_set *out,
                             spur_error *error)
{
    spur_status status;
    const store_split *part = NULL;
    store_prediction_bytes row = {NULL, 0, NULL, 0};
    prediction_set made = {0, NULL, NULL, NULL};
    char now[DIGEST_HEX_SIZE];
    TRY(run_find_split(run, name->split, &part, error));
    TRY(store_get_predictions(run->db, name->split, name->backbone, name->head, &row, error));
    if (row.bytes == NULL) {
        FAIL(SPUR_DATASET,
             "no predictions of head %s of %s on split %s; `spur eval %s` makes them",
             name->head, name->backbone, name->split, run->folder);
    }
    TRY(inputs_now(run, part, name, now, error));
    if (strcmp(now, row.inputs) != 0) {
        FAIL(SPUR_DATASET,
             "the predictions of head %s of %s on split %s were made from another head or "
             "other features; `spur eval %s` makes them again",
             name->head, name->backbone, name->split, run->folder);
    }
    TRY(check_rows(run, part, error));
    TRY(set_make((size_t)part->images, &made, error));
    if (row.images != part->images || row.size != made.rows * ROW_BYTES ||
        !decode_set(row.bytes, run->class_count, &made)) {
        FAIL(SPUR_DATASET, "predictions of head %s of %s on split %s: not what Spur writes",
             name->head, name->backbone, name->split);
    }
    *out = made;
    made = (prediction_set){0, NULL, NULL, NULL};
done:
    memory_free(row.inputs);
    memory_free(row.bytes);
    prediction_set_free(&made);
    return status;
}

/* ---- making ------------------------------------------------------------------------------ */

/* One head whose set has to be made. */
typedef struct making {
    const head_entry *entry;
    judged_head with;
    prediction_set set;
    char inputs[DIGEST_HEX_SIZE];
} making;

typedef struct prediction_job {
    spur_run *run;
    const predictions_request *request;
    prediction_list there; /* sets of the run before the call */
    const store_backbone *backbone;
    head_list heads;
    unsigned char (*digests)[DIGEST_SIZE]; /* [heads.count] of their files */
    const store_split *split;
    evaluation_rows rows;
    making *wanted; /* [heads.count] */
    size_t wanted_count, widest, made;
    /* the chunk at hand */
    float *features, *logits;
    unsigned char *ids, *valid;
    size_t first;
} prediction_job;

static void say(const prediction_job *job, const char *name, const char *why)
{
    char text[1200];
    (void)snprintf(text, sizeof text, "head %.64s of %.64s is not evaluated: %s", name,
                   job->backbone->name, why);
    monitor_warn(job->request->monitor, text);
}

static void forget_wanted(prediction_job *job)
{
    for (size_t i = 0; i < job->wanted_count; i++) {
        judged_head_close(&job->wanted[i].with);
        prediction_set_free(&job->wanted[i].set);
    }
    job->wanted_count = job->widest = 0;
}

/* The set of a head at the split at hand, or NULL. */
static const prediction_name *find_set(const prediction_job *job, const char *name)
{
    for (size_t i = 0; i < job->there.count; i++) {
        const prediction_name *one = &job->there.names[i];
        if (strcmp(one->split, job->split->name) == 0 &&
            strcmp(one->backbone, job->backbone->name) == 0 && strcmp(one->head, name) == 0) {
            return one;
        }
    }
    return NULL;
}

/* A head whose set is missing or stale joins the wanted ones. */
static spur_status want_head(prediction_job *job, size_t at,
                             const unsigned char features[DIGEST_SIZE], spur_error *error)
{
    spur_status status;
    spur_error why = {SPUR_OK, ""};
    const head_entry *entry = &job->heads.heads[at];
    const prediction_name *found = find_set(job, entry->name);
    making *one = &job->wanted[job->wanted_count];
    memset(one, 0, sizeof *one);
    one->entry = entry;
    TRY(digest_inputs(features, job->digests[at], one->inputs, error));
    if (found != NULL && strcmp(found->inputs, one->inputs) == 0) {
        goto done;
    }
    status = judged_head_open(job->run, job->backbone, entry, &one->with, &why);
    if (status == SPUR_DATASET || status == SPUR_MODEL) {
        say(job, entry->name, why.message);
        status = SPUR_OK;
        goto done;
    }
    if (status != SPUR_OK) {
        *error = why;
        goto done;
    }
    job->wanted_count++;
    job->widest = one->with.own->classes > job->widest ? one->with.own->classes : job->widest;
    TRY(set_make((size_t)job->split->images, &one->set, error));
done:
    return status;
}

static void judge_rows(const prediction_job *job, making *one, size_t count)
{
    size_t outputs = one->with.own->classes;
    for (size_t i = 0; i < count; i++) {
        size_t row = job->first + i;
        uint32_t wanted = job->rows.class_index[row];
        if (job->valid[i] == 0 || wanted == EVALUATION_NO_CLASS) {
            continue;
        }
        judgement said = judge_logits(&one->with, job->logits + i * outputs, wanted);
        one->set.predicted[row] = said.predicted;
        one->set.margin[row] = said.margin;
        one->set.flags[row] = said.flags;
    }
}

static spur_status report(const prediction_job *job, spur_error *error)
{
    const spur_progress progress = {
        .stage = "predict", .done = job->first, .total = job->split->images};
    return monitor_show(job->request->monitor, &progress, error);
}

static spur_status judge_split(prediction_job *job, feature_reader *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t rows = (size_t)job->split->images;
    for (job->first = 0; job->first < rows; job->first += CHUNK_ROWS) {
        size_t count = rows - job->first < CHUNK_ROWS ? rows - job->first : CHUNK_ROWS;
        TRY(report(job, error));
        TRY(feature_reader_take(from, job->first, count, job->features, job->ids, job->valid,
                                error));
        for (size_t i = 0; i < job->wanted_count; i++) {
            TRY(head_run(job->wanted[i].with.own, job->features, count, job->request->threads,
                         job->logits, error));
            judge_rows(job, &job->wanted[i], count);
        }
    }
done:
    return status;
}

static spur_status open_split(prediction_job *job, spur_error *error)
{
    spur_status status;
    feature_layout layout = {.path = NULL};
    feature_reader *from = NULL;
    size_t width = job->backbone->features, cells;
    TRY(evaluation_rows_make(job->run, job->split->name, &job->rows, error));
    if (!size_mul(CHUNK_ROWS, width > job->widest ? width : job->widest, &cells)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(CHUNK_ROWS * width, sizeof *job->features, &job->features, error));
    TRY(memory_new(CHUNK_ROWS * job->widest, sizeof *job->logits, &job->logits, error));
    TRY(memory_new(CHUNK_ROWS, STORE_ID_SIZE, &job->ids, error));
    TRY(memory_new(CHUNK_ROWS, 1, &job->valid, error));
    TRY(feature_layout_make(job->run->folder, job->backbone, job->split, &layout, error));
    TRY(feature_reader_open(job->run->db, &layout, job->backbone->name, job->split->name, &from,
                            error));
    TRY(judge_split(job, from, error));
done:
    feature_reader_close(from);
    feature_layout_free(&layout);
    memory_free(job->features);
    memory_free(job->logits);
    memory_free(job->ids);
    memory_free(job->valid);
    job->features = job->logits = NULL;
    job->ids = job->valid = NULL;
    evaluation_rows_free(&job->rows);
    return status;
}

static spur_status save_one(const prediction_job *job, const making *one, spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    store_predictions row = {.split = job->split->name,
                             .backbone = job->backbone->name,
                             .head = one->entry->name,
                             .inputs = one->inputs,
                             .images = job->split->images};
    TRY(encode_set(&one->set, &bytes, &row.size, error));
    row.bytes = bytes;
    TRY(store_put_predictions(job->run->db, &row, error));
done:
    memory_free(bytes);
    return status;
}

/* True when the set was made from what the run holds now. */
static spur_status is_current(const prediction_job *job, const prediction_name *name,
                              const unsigned char features[DIGEST_SIZE], bool *out,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    char now[DIGEST_HEX_SIZE];
    size_t at = find_head(&job->heads, name->head);
    *out = false;
    if (features != NULL && at < job->heads.count) {
        TRY(digest_inputs(features, job->digests[at], now, error));
        *out = strcmp(now, name->inputs) == 0;
    }
done:
    return status;
}

/* Drops sets of the split at hand whose head or features are gone. features NULL: there are
 * none. */
static spur_status drop_stale(const prediction_job *job,
                              const unsigned char features[DIGEST_SIZE], spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < job->there.count; i++) {
        const prediction_name *name = &job->there.names[i];
        bool is_kept;
        if (strcmp(name->split, job->split->name) != 0 ||
            strcmp(name->backbone, job->backbone->name) != 0) {
            continue;
        }
        TRY(is_current(job, name, features, &is_kept, error));
        if (!is_kept) {
            TRY(store_drop_predictions(job->run->db, name->split, name->backbone, name->head,
                                       error));
        }
    }
done:
    return status;
}

static spur_status save_all(prediction_job *job, const unsigned char features[DIGEST_SIZE],
                            spur_error *error)
{
    spur_status status;
    TRY(store_begin(job->run->db, error));
    TRY(drop_stale(job, features, error));
    for (size_t i = 0; i < job->wanted_count; i++) {
        TRY(save_one(job, &job->wanted[i], error));
    }
    TRY(store_seal_predictions(job->run->db, error));
    TRY(store_commit(job->run->db, error));
    job->made += job->wanted_count;
done:
    return status;
}

static spur_status make_split(prediction_job *job, spur_error *error)
{
    spur_status status;
    unsigned char features[DIGEST_SIZE];
    bool is_whole = false;
    TRY(digest_features(job->run, job->backbone->name, job->split, features, &is_whole, error));
    for (size_t i = 0; is_whole && i < job->heads.count; i++) {
        TRY(want_head(job, i, features, error));
    }
    if (job->wanted_count > 0) {
        TRY(open_split(job, error));
    }
    TRY(save_all(job, is_whole ? features : NULL, error));
done:
    forget_wanted(job);
    return status;
}

static bool is_asked(const char *asked, const char *name)
{
    return asked == NULL || strcmp(asked, name) == 0;
}

static spur_status open_heads(prediction_job *job, spur_error *error)
{
    spur_status status;
    TRY(head_list_make(job->run, job->backbone->name, &job->heads, error));
    TRY(memory_new(job->heads.count, sizeof *job->digests, &job->digests, error));
    TRY(memory_new(job->heads.count, sizeof *job->wanted, &job->wanted, error));
    for (size_t i = 0; i < job->heads.count; i++) {
        TRY(digest_file(job->heads.heads[i].path, job->digests[i], error));
    }
done:
    return status;
}

static spur_status make_backbone(prediction_job *job, spur_error *error)
{
    spur_status status;
    TRY(open_heads(job, error));
    for (size_t i = 0; i < job->run->split_count; i++) {
        if (is_asked(job->request->split, job->run->splits[i].name)) {
            job->split = &job->run->splits[i];
            TRY(make_split(job, error));
        }
    }
done:
    memory_free(job->wanted);
    memory_free(job->digests);
    job->wanted = NULL;
    job->digests = NULL;
    head_list_free(&job->heads);
    return status;
}

/* ---- which sets there are ---------------------------------------------------------------- */

bool prediction_is_beside(const prediction_name *a, const prediction_name *b)
{
    return strcmp(a->split, b->split) == 0 && strcmp(a->backbone, b->backbone) == 0;
}

size_t prediction_list_beside(const prediction_list *list, size_t first)
{
    size_t end = first + 1;
    while (end < list->count && prediction_is_beside(&list->names[first], &list->names[end])) {
        end++;
    }
    return end - first;
}

spur_status prediction_name_digest(const prediction_name *name, text_buffer *into,
                                   spur_error *error)
{
    spur_status status;
    TRY(digest_text(into, name->split, error));
    TRY(digest_text(into, name->backbone, error));
    TRY(digest_text(into, name->head, error));
    TRY(digest_text(into, name->inputs, error));
done:
    return status;
}

void prediction_list_free(prediction_list *block)
{
    if (block != NULL) {
        memory_free(block->names);
        arena_free(block->texts);
        *block = (prediction_list){NULL, 0, NULL};
    }
}

typedef struct name_list {
    prediction_list list;
    size_t capacity;
} name_list;

static spur_status keep_name(void *context, const store_predictions *row, spur_error *error)
{
    spur_status status;
    name_list *into = context;
    prediction_name name = {NULL, NULL, NULL, NULL};
    const char *const from[] = {row->split, row->backbone, row->head, row->inputs};
    const char **const to[] = {&name.split, &name.backbone, &name.head, &name.inputs};
    for (size_t i = 0; i < 4; i++) {
        char *copy = NULL;
        TRY(arena_text(into->list.texts, from[i], strlen(from[i]), &copy, error));
        *to[i] = copy;
    }
    TRY(memory_grow(&into->list.names, &into->capacity, into->list.count + 1,
                    sizeof *into->list.names, error));
    into->list.names[into->list.count++] = name;
done:
    return status;
}

static spur_status list_all(spur_run *run, prediction_list *out, spur_error *error)
{
    spur_status status;
    name_list made = {{NULL, 0, NULL}, 0};
    TRY(arena_new(&made.list.texts, error));
    TRY(store_each_predictions(run->db, keep_name, &made, error));
    *out = made.list;
    made.list = (prediction_list){NULL, 0, NULL};
done:
    prediction_list_free(&made.list);
    return status;
}

static size_t place_of_split(const spur_run *run, const char *name)
{
    size_t i = 0;
    while (i < run->split_count && strcmp(run->splits[i].name, name) != 0) {
        i++;
    }
    return i;
}

static size_t place_of_backbone(const spur_run *run, const char *name)
{
    const store_backbone *all;
    size_t count = 0, i = 0;
    if (store_get_backbones(run->db, &all, &count) != SPUR_OK) {
        return 0;
    }
    while (i < count && strcmp(all[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* True when a stands before b: split, backbone, the original head first, then by name. */
static bool is_before(const spur_run *run, const prediction_name *a, const prediction_name *b)
{
    size_t left = place_of_split(run, a->split), right = place_of_split(run, b->split);
    if (left == right) {
        left = place_of_backbone(run, a->backbone);
        right = place_of_backbone(run, b->backbone);
    }
    if (left == right) {
        left = strcmp(a->head, HEAD_ORIGINAL) != 0;
        right = strcmp(b->head, HEAD_ORIGINAL) != 0;
    }
    return left != right ? left < right : strcmp(a->head, b->head) < 0;
}

spur_status prediction_list_make(spur_run *run, const predictions_request *request,
                                 prediction_list *out, spur_error *error)
{
    spur_status status;
    size_t kept = 0;
    prediction_list made = {NULL, 0, NULL};
    TRY(list_all(run, &made, error));
    for (size_t i = 0; i < made.count; i++) {
        prediction_name one = made.names[i];
        size_t at = kept;
        if (!is_asked(request->split, one.split) ||
            !is_asked(request->backbone, one.backbone)) {
            continue;
        }
        for (; at > 0 && is_before(run, &one, &made.names[at - 1]); at--) {
            made.names[at] = made.names[at - 1];
        }
        made.names[at] = one;
        kept++;
    }
    made.count = kept;
    *out = made;
done:
    return status;
}

/* ---- all of a run ------------------------------------------------------------------------ */

/* Sets of a backbone that the run no longer has; with its split a set goes at once. */
static spur_status drop_orphans(const prediction_job *job, const store_backbone *backbones,
                                size_t count, spur_error *error)
{
    spur_status status;
    TRY(store_begin(job->run->db, error));
    for (size_t i = 0; i < job->there.count; i++) {
        const prediction_name *name = &job->there.names[i];
        bool is_known = false;
        for (size_t b = 0; b < count; b++) {
            is_known = is_known || strcmp(backbones[b].name, name->backbone) == 0;
        }
        if (!is_known) {
            TRY(store_drop_predictions(job->run->db, name->split, name->backbone, name->head,
                                       error));
        }
    }
    TRY(store_seal_predictions(job->run->db, error));
    TRY(store_commit(job->run->db, error));
done:
    return status;
}

spur_status predictions_make(spur_run *run, const predictions_request *request, size_t *made,
                             spur_error *error)
{
    spur_status status;
    prediction_job job = {.run = run, .request = request};
    const store_backbone *backbones;
    size_t count;
    TRY(list_all(run, &job.there, error));
    TRY(store_get_backbones(run->db, &backbones, &count));
    for (size_t i = 0; i < count; i++) {
        if (is_asked(request->backbone, backbones[i].name)) {
            job.backbone = &backbones[i];
            TRY(make_backbone(&job, error));
        }
    }
    TRY(drop_orphans(&job, backbones, count, error));
    if (made != NULL) {
        *made = job.made;
    }
done:
    prediction_list_free(&job.there);
    return status;
}
