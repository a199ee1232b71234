/*
 * retrain_run.c - one head per subset and backbone of a run.
 *
 * The features of a backbone are read once for all its heads. A head is written whole when it
 * is finished, so that an interrupted call goes on with the next one; the digest of all that
 * decides its bytes is the note "settings" in its file.
 */
#include <stdio.h>
#include <string.h>

#include "base/monitor.h"
#include "io/file.h"
#include "models/head_names.h"
#include "pipeline/class_map.h"
#include "pipeline/rank.h"
#include "pipeline/retrain_heads.h"

enum {
    DETAIL_SIZE = 256
};

/* ---- splits ----------------------------------------------------------------------------- */

static void split_free(split_rows *block)
{
    feature_matrix_free(&block->matrix);
    memory_free(block->labels);
    memory_free(block->valid);
    memory_free(block->valid_labels);
    *block = (split_rows){0};
}

static spur_status read_label(void *context, const store_row *row, spur_error *error)
{
    split_rows *into = context;
    (void)error;
    if (row->row < into->matrix.rows) {
        into->labels[row->row] = (uint32_t)row->class_index;
    }
    return SPUR_OK;
}

/* Digest of the digests of all blocks. */
static spur_status digest_features(const retrain_run *in, const char *split, size_t rows,
                                   char *hex, spur_error *error)
{
    spur_status status;
    size_t count = (rows + FEATURE_BLOCK_ROWS - 1) / FEATURE_BLOCK_ROWS;
    unsigned char *done = NULL, raw[DIGEST_SIZE];
    unsigned char(*digests)[STORE_DIGEST_SIZE] = NULL;
    TRY(memory_new_zeroed(count, 1, &done, error));
    TRY(memory_new_zeroed(count, sizeof *digests, &digests, error));
    TRY(store_list_feature_blocks(in->run->db, in->backbone->name, split, done, digests, count,
                                  error));
    TRY(digest_of(digests, count * sizeof *digests, raw, error));
    digest_hex(raw, DIGEST_SIZE, hex);
done:
    memory_free(done);
    memory_free(digests);
    return status;
}

static spur_status split_load(const retrain_run *in, const char *name, split_rows *out,
                              spur_error *error)
{
    spur_status status;
    split_rows made = {.name = name};
    size_t count = 0;
    TRY(features_load(in->run, in->backbone->name, name, &made.matrix, error));
    TRY(digest_features(in, name, made.matrix.rows, made.digest, error));
    TRY(memory_new_zeroed(made.matrix.rows, sizeof *made.labels, &made.labels, error));
    TRY(memory_new(made.matrix.rows, sizeof *made.valid, &made.valid, error));
    TRY(memory_new(made.matrix.rows, sizeof *made.valid_labels, &made.valid_labels, error));
    TRY(store_each_row(in->run->db, name, read_label, &made, error));
    for (size_t i = 0; i < made.matrix.rows; i++) {
        if (made.matrix.valid[i] != 0) {
            made.valid[count] = i;
            made.valid_labels[count++] = made.labels[i];
        }
    }
    made.matrix.valid_count = count;
    *out = made;
    made = (split_rows){0};
done:
    split_free(&made);
    return status;
}

/* Some splits may have no features yet: those are left out, and the log says so. */
static spur_status splits_load(retrain_run *in, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < in->run->split_count; i++) {
        spur_error inner = {SPUR_OK, ""};
        status = split_load(in, in->run->splits[i].name, &in->splits[i], &inner);
        if (status == SPUR_DATASET && in->run->split_count > 1 && i > 0) {
            status = SPUR_OK;
            monitor_warn(in->monitor, inner.message);
        }
        if (status != SPUR_OK) {
            *error = inner;
            break;
        }
    }
    return status;
}

const split_rows *retrain_split(const retrain_run *in, const char *name)
{
    for (size_t i = 0; i < in->run->split_count; i++) {
        if (in->splits[i].labels != NULL && strcmp(in->splits[i].name, name) == 0) {
            return &in->splits[i];
        }
    }
    return NULL;
}

static training_rows all_rows(const split_rows *from)
{
    training_rows rows = {from->matrix.values, from->matrix.width, from->matrix.valid_count,
                          from->valid};
    return rows;
}

/* ---- the original head ------------------------------------------------------------------ */

static bool needs_own(const retrain_run *in)
{
    return in->with->needs_original || in->options->warm_start ||
           in->options->interpolate > 0 || in->options->original != NULL;
}

/* The model's outputs stand in an order of their own: its rows in that of the run's classes. */
static spur_status own_make(retrain_run *in, spur_error *error)
{
    spur_status status;
    arena *texts = NULL;
    class_map map = {NULL, NULL};
    const char *const *names = NULL;
    const head *from = head_file_head(in->original);
    size_t width = from->features;
    TRY(arena_new(&texts, error));
    TRY(head_names_read(in->original, texts, &names, error));
    TRY(class_map_make(in->run->classes, in->run->class_count, names, from->classes, texts,
                       &map, error));
    if (map.outputs == NULL) {
        TRY(needs_own(in)
                ? head_file_check(in->original, in->run->class_count, width, NULL, error)
                : SPUR_OK);
        goto done;
    }
    TRY(head_make(in->run->class_count, width, &in->own, error));
    for (size_t k = 0; k < in->run->class_count; k++) {
        memcpy(in->own.weight + k * width, from->weight + map.outputs[k] * width,
               width * sizeof *from->weight);
        in->own.bias[k] = from->bias[map.outputs[k]];
    }
    in->is_whole = from->classes == in->run->class_count;
done:
    memory_free(map.outputs);
    arena_free(texts);
    return status;
}

static spur_status original_open(retrain_run *in, spur_error *error)
{
    spur_status status;
    text_buffer path = {0};
    const char *given = in->options->original;
    TRY(text_format(&path, error, "%s/heads/%s/original.safetensors", in->run->folder,
                    in->backbone->name));
    if (given == NULL && file_kind_of(path.data) != FILE_REGULAR) {
        if (needs_own(in)) {
            FAIL(SPUR_DATASET,
                 "backbone %s has no head of its own in this run (%s); give one: --head FILE",
                 in->backbone->name, path.data);
        }
        goto done;
    }
    TRY(head_file_open(given != NULL ? given : path.data, &in->original, error));
    TRY(head_file_check(in->original, head_file_head(in->original)->classes,
                        in->backbone->features, in->backbone->digest, error));
    TRY(own_make(in, error));
done:
    text_buffer_free(&path);
    return status;
}

const head *retrain_original(const retrain_run *in)
{
    return in->own.weight != NULL ? &in->own : NULL;
}

/* ---- finetune-gap: both ends of val ----------------------------------------------------- */

typedef struct gap_rows {
    recipe_gap open;
    uint64_t *clear, *hidden;
    uint32_t *clear_labels, *hidden_labels;
} gap_rows;

static void gap_free(gap_rows *block)
{
    memory_free(block->clear);
    memory_free(block->hidden);
    memory_free(block->clear_labels);
    memory_free(block->hidden_labels);
}

/* A class with fewer than 2 k images gives half of them to each end. */
static void gap_take(const ranking *order, size_t class_index, uint64_t k,
                     const split_rows *from, gap_rows *into)
{
    size_t first = order->first[class_index], end = order->first[class_index + 1];
    uint64_t half = (uint64_t)(end - first) / 2;
    size_t take = (size_t)(k < half ? k : half);
    for (size_t i = 0; i < take; i++) {
        uint64_t low = order->entries[first + i].row, high = order->entries[end - 1 - i].row;
        if (from->matrix.valid[low] != 0) {
            into->hidden_labels[into->open.hidden.count] = (uint32_t)class_index;
            into->hidden[into->open.hidden.count++] = low;
        }
        if (from->matrix.valid[high] != 0) {
            into->clear_labels[into->open.clear.count] = (uint32_t)class_index;
            into->clear[into->open.clear.count++] = high;
        }
    }
}

static spur_status gap_make(const retrain_run *in, const subset_key *key, gap_rows *out,
                            spur_error *error)
{
    spur_status status;
    ranking order = {0};
    const split_rows *from = retrain_split(in, "val");
    if (from == NULL) {
        FAIL(SPUR_DATASET, "recipe %s stops by split val, which has no features in this run",
             in->with->name);
    }
    TRY(ranking_make(in->run, "val", &order, error));
    TRY(memory_new(order.count, sizeof *out->clear, &out->clear, error));
    TRY(memory_new(order.count, sizeof *out->hidden, &out->hidden, error));
    TRY(memory_new(order.count, sizeof *out->clear_labels, &out->clear_labels, error));
    TRY(memory_new(order.count, sizeof *out->hidden_labels, &out->hidden_labels, error));
    for (size_t c = 0; c < in->run->class_count; c++) {
        gap_take(&order, c, subset_size(key, order.first[c + 1] - order.first[c]), from, out);
    }
    out->open.clear.features = out->open.hidden.features = from->matrix.values;
    out->open.clear.width = out->open.hidden.width = from->matrix.width;
    out->open.clear.picked = out->clear;
    out->open.hidden.picked = out->hidden;
    out->open.clear_labels = out->clear_labels;
    out->open.hidden_labels = out->hidden_labels;
done:
    ranking_free(&order);
    return status;
}

/* ---- one head --------------------------------------------------------------------------- */

/* A subset's rows, and the texts and rows its head_rows point to. */
typedef struct subset_rows {
    head_rows open;
    text_buffer amount;
    gap_rows gap;
} subset_rows;

static void subset_rows_free(subset_rows *block)
{
    memory_free(block->open.rows);
    memory_free(block->open.labels);
    text_buffer_free(&block->amount);
    gap_free(&block->gap);
}

/* Members with features. */
static spur_status keep_valid(const retrain_run *in, const char *name, size_t members,
                              head_rows *into, spur_error *error)
{
    spur_status status;
    const split_rows *from = retrain_split(in, into->split);
    if (from == NULL) {
        FAIL(SPUR_DATASET,
             "split %s has no features of backbone %s; spur features RUN makes "
             "them",
             into->split, in->backbone->name);
    }
    TRY(memory_new(members, sizeof *into->labels, &into->labels, error));
    for (size_t i = 0; i < members; i++) {
        uint64_t row = into->rows[i];
        if (row >= from->matrix.rows) {
            FAIL(SPUR_DATASET, "subset %s has row %llu, split %s has %zu rows of features",
                 name, (unsigned long long)row, into->split, from->matrix.rows);
        }
        if (from->matrix.valid[row] != 0) {
            into->rows[into->count] = row;
            into->labels[into->count++] = from->labels[row];
        }
    }
done:
    return status;
}

static spur_status subset_rows_make(retrain_run *in, const subset_key *key, const char *name,
                                    subset_rows *out, spur_error *error)
{
    spur_status status;
    size_t members;
    TRY(text_format(&out->amount, error, key->is_fraction ? "%llu/1000000" : "%llu",
                    (unsigned long long)key->amount));
    TRY(subset_members(in->run, name, &out->open.split, &out->open.rows, &members, error));
    TRY(keep_valid(in, name, members, &out->open, error));
    if (in->with->needs_gap) {
        TRY(gap_make(in, key, &out->gap, error));
        out->open.gap = &out->gap.open;
    }
    out->open.amount = out->amount.data;
    out->open.seed = key->seed;
done:
    return status;
}

spur_status retrain_settle(retrain_run *in, const char *split, const char *more,
                           spur_error *error)
{
    spur_status status;
    text_buffer text = {0};
    unsigned char raw[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    spur_retrain_options named = *in->options;
    named.recipe = in->with->name;
    if (named.C_count == 0 && in->with->usual_C > 0.0) {
        named.C = &in->with->usual_C;
        named.C_count = 1;
    }
    TRY(retrain_settings(&named, &text, error));
    TRY(text_format(&text, error, "split=%s\nbackbone=%s\nfeatures=%s %s\n%s", split,
                    in->backbone->digest, in->backbone->settings,
                    retrain_split(in, split)->digest, more));
    if (retrain_original(in) != NULL) {
        const head *own = &in->own;
        TRY(digest_of(own->weight, own->classes * own->features * sizeof(float), raw, error));
        digest_hex(raw, DIGEST_SIZE, hex);
        TRY(text_format(&text, error, "original=%s\n", hex));
    }
    TRY(digest_of(text.data, text.length, raw, error));
    digest_hex(raw, DIGEST_SIZE, in->settings);
done:
    text_buffer_free(&text);
    return status;
}

static spur_status settle_subset(retrain_run *in, const head_rows *rows, spur_error *error)
{
    spur_status status;
    text_buffer more = {0};
    unsigned char members[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    TRY(digest_of(rows->rows, rows->count * sizeof *rows->rows, members, error));
    digest_hex(members, DIGEST_SIZE, hex);
    TRY(text_format(&more, error, "subset=%s\nmembers=%s\n", in->name, hex));
    TRY(retrain_settle(in, rows->split, more.data, error));
done:
    text_buffer_free(&more);
    return status;
}

int retrain_watch(void *context, const char *detail)
{
    const retrain_run *in = context;
    char text[DETAIL_SIZE];
    (void)snprintf(text, sizeof text, "%s  %s", in->name, detail != NULL ? detail : "done");
    const spur_progress progress = {
        .stage = "retrain", .done = in->done, .total = in->total, .detail = text};
    return monitor_cancels(in->monitor, &progress) ? 1 : 0;
}

static spur_status fit_rows(retrain_run *in, const head_rows *rows, const double *C,
                            recipe_result *out, spur_error *error)
{
    spur_status status;
    recipe_job job;
    const split_rows *from = retrain_split(in, rows->split);
    TRY(retrain_job(in->options, &job, error));
    job.rows = (solver_rows){
        .rows = {from->matrix.values, from->matrix.width, rows->count, rows->rows},
        .labels = rows->labels,
        .classes = in->run->class_count};
    job.original = retrain_original(in);
    job.gap = rows->gap;
    if (C != NULL) {
        job.C = C;
        job.C_count = 1;
    }
    job.visit = retrain_watch;
    job.context = in;
    TRY(recipe_fit(in->with, &job, out, error));
done:
    return status;
}

/* Every split with features, then the curve between the heads on the last of them. */
static spur_status measure(retrain_run *in, const recipe_result *from, spur_head_summary *row,
                           spur_error *error)
{
    spur_status status;
    const split_rows *last = NULL;
    TRY(arena_take(in->made->memory, in->run->split_count + 1, sizeof *row->splits,
                   &row->splits, error));
    for (size_t i = 0; i < in->run->split_count; i++) {
        const split_rows *split = &in->splits[i];
        if (split->labels == NULL || split->matrix.valid_count == 0) {
            continue;
        }
        spur_head_split *out = &row->splits[row->split_count];
        training_rows rows = all_rows(split);
        TRY(retrain_text(in->made, split->name, &out->split, error));
        TRY(retrain_tally(from, in->is_whole ? &in->own : NULL, &rows, split->valid_labels,
                          in->options->threads, out, error));
        row->split_count++;
        last = split;
    }
    if (in->options->interpolate > 0 && last != NULL) {
        training_rows rows = all_rows(last);
        TRY(retrain_blend(in->made, retrain_original(in), &from->own, &rows, last->valid_labels,
                          in->options->interpolate, in->options->threads, row, error));
    }
done:
    return status;
}

/* The names the model's own head has, else those of its architecture. */
static const char *prefix_of(const retrain_run *in)
{
    const char *architecture = in->backbone->architecture;
    if (in->original != NULL) {
        return head_file_prefix(in->original);
    }
    if (strstr(architecture, "distilled") != NULL && in->backbone->features % 2 == 0) {
        return "head_dist";
    }
    return strncmp(architecture, "resnet", 6) == 0 ? "fc" : "head";
}

static spur_status write_head(retrain_run *in, const head_rows *rows, const recipe_result *from,
                              const spur_head_summary *row, spur_error *error)
{
    spur_status status;
    text_buffer seed = {0}, classes = {0};
    const char **names = NULL;
    TRY(memory_new(in->run->class_count, sizeof *names, &names, error));
    for (size_t k = 0; k < in->run->class_count; k++) {
        names[k] = in->run->classes[k].name;
    }
    TRY(head_names_list(names, in->run->class_count, &classes, error));
    TRY(text_format(&seed, error, "%llu", (unsigned long long)rows->seed));
    const char *more[] = {"subset",
                          row->name,
                          "k",
                          rows->amount,
                          "subset_seed",
                          seed.data,
                          "split",
                          rows->split,
                          "settings",
                          in->settings,
                          "backbone",
                          in->backbone->name,
                          "architecture",
                          in->backbone->architecture,
                          "backbone_digest",
                          in->backbone->digest,
                          "preprocessing",
                          in->backbone->preprocessing,
                          "class_names",
                          classes.data};
    const char *prefix = prefix_of(in);
    TRY(retrain_write(row->path, prefix, row, from, more, sizeof more / sizeof *more / 2,
                      error));
done:
    memory_free(names);
    text_buffer_free(&seed);
    text_buffer_free(&classes);
    return status;
}

spur_status retrain_find(retrain_run *in, spur_head_summary *row, bool *is_finished,
                         spur_error *error)
{
    spur_status status = SPUR_OK;
    head_file *there = NULL;
    const char *settings;
    *is_finished = false;
    if (in->options->restart || file_kind_of(row->path) == FILE_MISSING) {
        return SPUR_OK;
    }
    TRY(head_file_open(row->path, &there, error));
    settings = head_file_note(there, "settings");
    if (settings == NULL || strcmp(settings, in->settings) != 0) {
        FAIL(SPUR_DATASET,
             "%s was trained with other settings, images or features (recipe %s); train it "
             "again: --restart",
             row->path,
             head_file_note(there, "recipe") != NULL ? head_file_note(there, "recipe")
                                                     : "unknown");
    }
    TRY(retrain_read(in->made, there, row, error));
    *is_finished = row->was_there = true;
done:
    head_file_close(there);
    return status;
}

spur_status retrain_place(retrain_run *in, const char *name, spur_head_summary *row,
                          spur_error *error)
{
    spur_status status;
    text_buffer path = {0};
    TRY(text_format(&path, error, "%s/heads/%s", in->run->folder, in->backbone->name));
    TRY(file_make_folder(path.data, error));
    TRY(text_format(&path, error, "/%s.safetensors", name));
    TRY(retrain_text(in->made, path.data, &row->path, error));
    TRY(retrain_text(in->made, name, &row->name, error));
    in->name = row->name;
    TRY(retrain_text(in->made, in->backbone->name, &row->backbone, error));
done:
    text_buffer_free(&path);
    return status;
}

spur_status retrain_make(retrain_run *in, const head_rows *rows, const double *C,
                         spur_head_summary *row, spur_error *error)
{
    spur_status status;
    recipe_result result = {0};
    TRY(fit_rows(in, rows, C, &result, error));
    if (result.is_cancelled) {
        FAIL(SPUR_INTERRUPTED, "interrupted after %zu of %zu heads", in->done, in->total);
    }
    TRY(retrain_fill(in->made, row, &result, error));
    row->recipe = in->with->name;
    row->images = rows->count;
    TRY(measure(in, &result, row, error));
    TRY(write_head(in, rows, &result, row, error));
done:
    recipe_result_free(&result);
    return status;
}

spur_status retrain_report(retrain_run *in, const spur_head_summary *row, spur_error *error)
{
    in->made->open.count++;
    in->done++;
    int stops = in->options->visit != NULL ? in->options->visit(in->options->context, row) : 0;
    stops = retrain_watch(in, NULL) != 0 || stops != 0;
    return stops && in->done < in->total
               ? error_set(error, SPUR_INTERRUPTED, "interrupted after %zu of %zu heads",
                           in->done, in->total)
               : SPUR_OK;
}

static spur_status train_head(retrain_run *in, const subset_key *key, spur_error *error)
{
    spur_status status;
    char name[SUBSET_KEY_SIZE];
    subset_rows rows = {0};
    bool is_finished = false;
    spur_head_summary *row = &in->made->open.heads[in->made->open.count];
    subset_key_text(key, SPUR_NAMING_CONTENT, name);
    TRY(retrain_place(in, name, row, error));
    TRY(subset_rows_make(in, key, name, &rows, error));
    TRY(settle_subset(in, &rows.open, error));
    TRY(retrain_find(in, row, &is_finished, error));
    if (!is_finished) {
        TRY(retrain_make(in, &rows.open, NULL, row, error));
    }
    TRY(retrain_report(in, row, error));
done:
    if (status != SPUR_OK && status != SPUR_INTERRUPTED) {
        error_prefix(error, "head %s of %s", name, in->backbone->name);
    }
    subset_rows_free(&rows);
    return status;
}

/* ---- which heads ------------------------------------------------------------------------ */

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The subsets asked for, moved to the front of in->keys. */
static spur_status pick_subsets(retrain_run *in, spur_error *error)
{
    spur_status status;
    size_t kept = 0;
    const char *list = in->options->subsets;
    TRY(subset_list(in->run, &in->keys, &in->key_count, error));
    for (size_t i = 0; i < in->key_count; i++) {
        char name[SUBSET_KEY_SIZE];
        subset_key_text(&in->keys[i], SPUR_NAMING_CONTENT, name);
        bool is_wanted = list == NULL ? !in->with->needs_gap || in->keys[i].kind == SUBSET_CLEAR
                                      : is_listed(list, name);
        if (is_wanted && in->with->needs_gap && in->keys[i].kind != SUBSET_CLEAR) {
            FAIL(SPUR_USAGE, "recipe %s trains on clear images only, not on %s", in->with->name,
                 name);
        }
        if (is_wanted) {
            in->keys[kept++] = in->keys[i];
        }
    }
    if (kept == 0) {
        FAIL(SPUR_DATASET,
             list != NULL ? "no subset of the run is one of %s"
                          : "the run has no subsets%.0s; `spur select RUN` makes "
                            "them",
             list != NULL ? list : "");
    }
    in->key_count = kept;
done:
    return status;
}

static void backbone_done(retrain_run *in)
{
    for (size_t i = 0; in->splits != NULL && i < in->run->split_count; i++) {
        split_free(&in->splits[i]);
    }
    head_file_close(in->original);
    head_free(&in->own);
    in->original = NULL;
    in->is_whole = false;
}

static spur_status train_backbone(retrain_run *in, spur_error *error)
{
    spur_status status;
    TRY(original_open(in, error));
    TRY(splits_load(in, error));
    for (size_t i = 0; i < in->key_count; i++) {
        TRY(train_head(in, &in->keys[i], error));
    }
    TRY(in->options->automatic ? retrain_auto(in, error) : SPUR_OK);
done:
    backbone_done(in);
    return status;
}

static spur_status train_all(retrain_run *in, spur_error *error)
{
    spur_status status;
    const store_backbone *backbones;
    size_t count, wanted = 0;
    const char *only = in->options->backbone;
    TRY(store_get_backbones(in->run->db, &backbones, &count));
    for (size_t i = 0; i < count; i++) {
        wanted += only == NULL || strcmp(only, backbones[i].name) == 0 ? 1 : 0;
    }
    if (wanted == 0) {
        FAIL(SPUR_DATASET,
             "the run has no features%s%s; `spur features RUN --backbone MODEL` "
             "makes them",
             only != NULL ? " of backbone " : "", only != NULL ? only : "");
    }
    in->total = wanted * (in->options->automatic ? 1 : in->key_count);
    TRY(retrain_summary_new(in->total, &in->made, error));
    TRY(memory_new_zeroed(in->run->split_count, sizeof *in->splits, &in->splits, error));
    for (size_t i = 0; i < count; i++) {
        if (only == NULL || strcmp(only, backbones[i].name) == 0) {
            in->backbone = &backbones[i];
            TRY(train_backbone(in, error));
        }
    }
    TRY(in->options->automatic ? retrain_auto_store(in, error) : SPUR_OK);
done:
    return status;
}

spur_status spur_retrain(const char *run, const spur_retrain_options *options,
                         const spur_monitor *monitor, spur_retrain_summary **summary,
                         spur_error *error)
{
    spur_status status;
    retrain_run in = {.options = options, .monitor = monitor};
    recipe_job unused;
    TRY(recipe_find(options->recipe != NULL ? options->recipe : "dfr", &in.with, error));
    TRY(retrain_job(options, &unused, error));
    TRY(run_open_writer(run, &in.run, error));
    TRY(options->automatic ? SPUR_OK : pick_subsets(&in, error));
    TRY(train_all(&in, error));
    if (summary != NULL) {
        *summary = &in.made->open;
        in.made = NULL;
    }
done:
    memory_free(in.splits);
    memory_free(in.keys);
    spur_retrain_summary_free(in.made != NULL ? &in.made->open : NULL);
    spur_run_close(in.run);
    return status;
}
