/*
 * store_rows.c - images and scores, written in batches with a digest, read in order.
 */
#include <string.h>

#include "io/store_digest.h"
#include "io/store_sql.h"

enum {
    FOLD_EVERY = 4096 /* batches between two foldings of pending tallies */
};

/* ---- reading a row ----------------------------------------------------------------------- */

static void take_best(sql_columns *from, size_t class_count, store_row *row)
{
    for (size_t i = 0; i < STORE_BEST; i++) {
        if (sql_is_null(from)) {
            from->column += 2;
            continue;
        }
        if (row->best_count != i) { /* a gap */
            from->is_bad = true;
        }
        row->best[i].class_index = sql_take_int(from, (sqlite3_int64)class_count);
        row->best[i].logit = sql_take_float(from);
        row->best_count = i + 1;
    }
}

static void take_score(sql_columns *from, size_t class_count, store_row *row)
{
    row->logit = sql_take_float(from);
    row->patch = sql_take_int(from, SIZE_LIMIT);
    for (size_t i = 0; i < 4; i++) {
        row->box[i] = sql_take_float(from);
    }
    row->has_other = !sql_is_null(from);
    if (row->has_other) {
        row->other_class = sql_take_int(from, (sqlite3_int64)class_count);
        row->other_logit = sql_take_float(from);
    } else {
        from->column += 2;
    }
    take_best(from, class_count, row);
}

static void take_picture(sql_columns *from, store_row *row)
{
    row->format = sql_take_text(from);
    row->width = sql_take_int(from, SIZE_LIMIT);
    row->height = sql_take_int(from, SIZE_LIMIT);
    row->orientation = (unsigned)sql_take_int(from, 9);
    row->has_alpha = sql_take_bool(from);
    row->is_animated = sql_take_bool(from);
    row->is_truncated = sql_take_bool(from);
    row->warnings = (unsigned)sql_take_int(from, (sqlite3_int64)1 << 32);
    row->has_digest = !sql_is_null(from);
    if (row->has_digest) {
        (void)sql_take_bytes(from, row->file_digest, STORE_DIGEST_SIZE);
    } else {
        from->column++;
    }
}

/* The row the READ_ROWS statement stands on; false when it holds what we never write. */
bool store_take_row(const sql_query *query, size_t class_count, store_row *row)
{
    sql_columns from = sql_columns_of(query);
    memset(row, 0, sizeof *row);
    row->row = sql_take_int(&from, SIZE_LIMIT);
    (void)sql_take_bytes(&from, row->image_id, STORE_ID_SIZE);
    row->file_name = sql_take_some_text(&from);
    row->class_index = sql_take_int(&from, (sqlite3_int64)class_count);
    row->group = sql_take_text(&from);
    row->weight = sql_take_double(&from);
    row->extra = sql_take_text(&from);
    const char *word = sql_take_some_text(&from);
    row->reason = sql_take_text(&from);
    if (strcmp(word, row->reason == NULL ? "scored" : "failed") != 0) {
        from.is_bad = true;
    }
    take_picture(&from, row);
    if (row->reason == NULL) {
        take_score(&from, class_count, row);
    }
    return !from.is_bad;
}

/* ---- batches ------------------------------------------------------------------------- */

static float without_minus(float value)
{
    return value == 0.0f ? 0.0f : value;
}

/* SQLite keeps whole numbers of a REAL column as integers and so loses the sign of -0. */
static store_row stored_form(const store_row *row)
{
    store_row clean = *row;
    clean.weight = row->weight == 0.0 ? 0.0 : row->weight;
    clean.logit = without_minus(row->logit);
    clean.other_logit = without_minus(row->other_logit);
    for (size_t i = 0; i < 4; i++) {
        clean.box[i] = without_minus(row->box[i]);
    }
    for (size_t i = 0; i < row->best_count; i++) {
        clean.best[i].logit = without_minus(row->best[i].logit);
    }
    return clean;
}

static spur_status put_image(store *into, const char *split, const store_row *row,
                             spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_IMAGE, &query, error));
    sql_text(&query, split);
    sql_int(&query, row->row);
    sql_bytes(&query, row->image_id, STORE_ID_SIZE);
    sql_text(&query, row->file_name);
    sql_int(&query, row->class_index);
    sql_text(&query, row->group);
    sql_real(&query, row->weight);
    sql_text(&query, row->extra);
    sql_text(&query, row->reason == NULL ? "scored" : "failed");
    sql_text(&query, row->reason);
    sql_text(&query, row->format);
    sql_int(&query, row->width);
    sql_int(&query, row->height);
    sql_int(&query, row->orientation);
    sql_int(&query, row->has_alpha);
    sql_int(&query, row->is_animated);
    sql_int(&query, row->is_truncated);
    sql_int(&query, row->warnings);
    if (row->has_digest) {
        sql_bytes(&query, row->file_digest, STORE_DIGEST_SIZE);
    } else {
        sql_null(&query);
    }
    TRY(sql_run(into, &query, error));
done:
    return status;
}

static spur_status put_score(store *into, const char *split, const store_row *row,
                             spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_SCORE, &query, error));
    sql_text(&query, split);
    sql_int(&query, row->row);
    sql_real(&query, (double)row->logit);
    sql_int(&query, row->patch);
    for (size_t i = 0; i < 4; i++) {
        sql_real(&query, (double)row->box[i]);
    }
    if (row->has_other) {
        sql_int(&query, row->other_class);
        sql_real(&query, (double)row->other_logit);
    } else {
        sql_null(&query);
        sql_null(&query);
    }
    for (size_t i = 0; i < STORE_BEST; i++) {
        if (i < row->best_count) {
            sql_int(&query, row->best[i].class_index);
            sql_real(&query, (double)row->best[i].logit);
        } else {
            sql_null(&query);
            sql_null(&query);
        }
    }
    TRY(sql_run(into, &query, error));
done:
    return status;
}

/* Starts the bytes of a batch's digest. */
spur_status store_encode_batch(text_buffer *into, const char *split, uint64_t batch,
                               uint64_t images, uint64_t tally, spur_error *error)
{
    spur_status status;
    into->length = 0;
    TRY(digest_text(into, split, error));
    TRY(digest_u64(into, batch, error));
    TRY(digest_u64(into, images, error));
    TRY(digest_u64(into, tally, error));
done:
    return status;
}

static spur_status put_batch_row(store *into, const char *split, uint64_t batch, size_t images,
                                 uint64_t tally, const unsigned char *sum, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_BATCH, &query, error));
    sql_text(&query, split);
    sql_int(&query, batch);
    sql_int(&query, images);
    sql_int(&query, tally);
    sql_bytes(&query, sum, DIGEST_SIZE);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

static spur_status put_pending(store *into, const char *split, uint64_t batch,
                               const text_buffer *bins, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_PENDING, &query, error));
    sql_text(&query, split);
    sql_int(&query, batch);
    sql_bytes(&query, bins->data, bins->length);
    TRY(sql_run(into, &query, error));
    into->pending++;
    store_forget_cells(into);
done:
    return status;
}

spur_status store_put_batch(store *into, const char *split, uint64_t batch,
                            const store_row *rows, size_t count, spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    text_buffer bins = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    uint64_t tally = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].reason == NULL && rows[i].bin_count > 0) {
            TRY(store_encode_bins(&bins, &rows[i], error));
        }
    }
    tally = store_weigh_bins(&bins, into->class_count);
    TRY(store_encode_batch(&bytes, split, batch, count, tally, error));
    for (size_t i = 0; i < count; i++) {
        store_row row = stored_form(&rows[i]);
        TRY(digest_row(&bytes, &row, error));
        TRY(put_image(into, split, &row, error));
        TRY(row.reason == NULL ? put_score(into, split, &row, error) : SPUR_OK);
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    TRY(put_batch_row(into, split, batch, count, tally, sum, error));
    TRY(bins.length > 0 ? put_pending(into, split, batch, &bins, error) : SPUR_OK);
done:
    text_buffer_free(&bytes);
    text_buffer_free(&bins);
    return store_leave(into, status);
}

spur_status store_commit(store *into, spur_error *error)
{
    spur_status status;
    if (into->pending >= FOLD_EVERY) {
        TRY(store_fold(into, error));
    }
    TRY(store_end(into, error));
done:
    store_roll_back(into);
    return status;
}

spur_status store_list_batches(store *from, const char *split, unsigned char *done,
                               size_t count, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    memset(done, 0, count);
    TRY(sql_prepare(from, READ_BATCHES, &query, error));
    sql_text(&query, split);
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        uint64_t batch = sql_take_int(&at, SIZE_LIMIT);
        if (at.is_bad || batch >= count) {
            TRY(store_fail_check(from, error, "batch numbers of the split"));
        }
        done[batch] = 1;
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_each_row(store *from, const char *split, store_visit visit, void *context,
                           spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_ROWS, &query, error));
    sql_text(&query, split);
    while (sql_next(from, &query, &status, error)) {
        store_row row;
        if (!store_take_row(&query, from->class_count, &row)) {
            TRY(store_fail_check(from, error, "values of tables images and scores"));
        }
        TRY(visit(context, &row, error));
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_count(store *from, const char *split, store_counts *out, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    bool has_row;
    store_counts counts = {0, 0, 0, 0, 0, 0};
    TRY(sql_prepare(from, COUNT_SPLIT, &query, error));
    sql_text(&query, split);
    TRY(sql_step(from, &query, &has_row, error));
    sql_columns at = sql_columns_of(&query);
    counts.scored = sql_take_int(&at, SIZE_LIMIT);
    counts.failed = sql_take_int(&at, SIZE_LIMIT);
    counts.oriented = sql_take_int(&at, SIZE_LIMIT);
    counts.with_alpha = sql_take_int(&at, SIZE_LIMIT);
    counts.with_warnings = sql_take_int(&at, SIZE_LIMIT);
    sql_stop(&query);
    TRY(sql_prepare(from, COUNT_DUPLICATES, &query, error));
    sql_text(&query, split);
    TRY(sql_step(from, &query, &has_row, error));
    at = sql_columns_of(&query);
    counts.duplicates = sql_take_int(&at, SIZE_LIMIT);
    counts.duplicates -= sql_take_int(&at, SIZE_LIMIT);
    *out = counts;
done:
    sql_stop(&query);
    return status;
}
