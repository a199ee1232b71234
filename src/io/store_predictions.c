/*
 * store_predictions.c - predictions as blobs with a digest each; the digest over all rows is
 * one of the run's checks.
 */
#include "io/store_predictions.h"

#include <stdio.h>
#include <string.h>

#include "io/store_digest.h"
#include "io/store_sql.h"

/* A row; texts and bytes live until the statement moves. */
typedef struct prediction_row {
    store_predictions shown;
    unsigned char sum[DIGEST_SIZE];
} prediction_row;

static bool take_row(const sql_query *query, prediction_row *out)
{
    sql_columns at = sql_columns_of(query);
    out->shown.split = sql_take_some_text(&at);
    out->shown.backbone = sql_take_some_text(&at);
    out->shown.head = sql_take_some_text(&at);
    out->shown.inputs = sql_take_some_text(&at);
    out->shown.images = sql_take_int(&at, SIZE_LIMIT);
    out->shown.bytes = sql_take_blob(&at, &out->shown.size);
    (void)sql_take_bytes(&at, out->sum, sizeof out->sum);
    return !at.is_bad;
}

static spur_status digest_of_row(const store_predictions *row, unsigned char out[DIGEST_SIZE],
                                 spur_error *error)
{
    spur_status status;
    text_buffer head = {NULL, 0, 0};
    digest *into = NULL;
    TRY(digest_text(&head, row->split, error));
    TRY(digest_text(&head, row->backbone, error));
    TRY(digest_text(&head, row->head, error));
    TRY(digest_text(&head, row->inputs, error));
    TRY(digest_u64(&head, row->images, error));
    TRY(digest_u64(&head, row->size, error));
    TRY(digest_new(&into, error));
    TRY(digest_add(into, head.data, head.length, error));
    TRY(digest_add(into, row->bytes, row->size, error));
    TRY(digest_finish(into, out, error));
done:
    digest_free(into);
    text_buffer_free(&head);
    return status;
}

static spur_status each_row(store *from,
                            spur_status (*visit)(store *from, const prediction_row *row,
                                                 void *context, spur_error *error),
                            void *context, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_PREDICTIONS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        prediction_row row;
        if (!take_row(&query, &row)) {
            TRY(store_fail_check(from, error, "values of table predictions"));
        }
        TRY(visit(from, &row, context, error));
    }
done:
    sql_stop(&query);
    return status;
}

/* ---- reading ------------------------------------------------------------------------- */

typedef struct row_reader {
    store_predictions_visit visit;
    void *context;
} row_reader;

static spur_status show_row(store *from, const prediction_row *row, void *context,
                            spur_error *error)
{
    const row_reader *reader = context;
    store_predictions shown = row->shown;
    (void)from;
    shown.bytes = NULL;
    return reader->visit(reader->context, &shown, error);
}

spur_status store_each_predictions(store *from, store_predictions_visit visit, void *context,
                                   spur_error *error)
{
    row_reader reader = {visit, context};
    return each_row(from, show_row, &reader, error);
}

static spur_status verify_row(store *from, const prediction_row *row, void *context,
                              spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    (void)context;
    TRY(digest_of_row(&row->shown, sum, error));
    if (memcmp(sum, row->sum, sizeof sum) != 0) {
        char what[200];
        (void)snprintf(what, sizeof what, "digest of the predictions of %.64s on %.64s",
                       row->shown.head, row->shown.split);
        TRY(store_fail_check(from, error, what));
    }
done:
    return status;
}

static spur_status copy_row(store *from, const prediction_row *row, store_prediction_bytes *out,
                            spur_error *error)
{
    spur_status status;
    store_prediction_bytes made = {.images = row->shown.images, .size = row->shown.size};
    TRY(verify_row(from, row, NULL, error));
    TRY(memory_copy_text(row->shown.inputs, strlen(row->shown.inputs), &made.inputs, error));
    TRY(memory_new(made.size, 1, &made.bytes, error));
    if (made.size > 0) {
        memcpy(made.bytes, row->shown.bytes, made.size);
    }
    *out = made;
    made = (store_prediction_bytes){NULL, 0, NULL, 0};
done:
    memory_free(made.inputs);
    memory_free(made.bytes);
    return status;
}

spur_status store_get_predictions(store *from, const char *split, const char *backbone,
                                  const char *head, store_prediction_bytes *out,
                                  spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    bool has_row;
    *out = (store_prediction_bytes){NULL, 0, NULL, 0};
    TRY(sql_prepare(from, READ_PREDICTION, &query, error));
    sql_text(&query, split);
    sql_text(&query, backbone);
    sql_text(&query, head);
    TRY(sql_step(from, &query, &has_row, error));
    if (has_row) {
        prediction_row row;
        if (!take_row(&query, &row)) {
            TRY(store_fail_check(from, error, "values of table predictions"));
        }
        TRY(copy_row(from, &row, out, error));
    }
done:
    sql_stop(&query);
    return status;
}

/* ---- writing ------------------------------------------------------------------------- */

static spur_status drop_row(store *into, const char *split, const char *backbone,
                            const char *head, spur_error *error)
{
    const char *const key[] = {split, backbone, head};
    return sql_run_texts(into, DROP_PREDICTION, key, sizeof key / sizeof key[0], error);
}

spur_status store_put_predictions(store *into, const store_predictions *row, spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    sql_query query;
    TRY(digest_of_row(row, sum, error));
    TRY(drop_row(into, row->split, row->backbone, row->head, error));
    TRY(sql_prepare(into, PUT_PREDICTION, &query, error));
    sql_text(&query, row->split);
    sql_text(&query, row->backbone);
    sql_text(&query, row->head);
    sql_text(&query, row->inputs);
    sql_int(&query, row->images);
    sql_bytes(&query, row->bytes, row->size);
    sql_bytes(&query, sum, sizeof sum);
    TRY(sql_run(into, &query, error));
done:
    return store_leave(into, status);
}

spur_status store_drop_predictions(store *into, const char *split, const char *backbone,
                                   const char *head, spur_error *error)
{
    return store_leave(into, drop_row(into, split, backbone, head, error));
}

spur_status store_seal_predictions(store *into, spur_error *error)
{
    return store_leave(into, store_write_check(into, "predictions", error));
}

/* ---- verification -------------------------------------------------------------------- */

static spur_status encode_row(store *from, const prediction_row *row, void *context,
                              spur_error *error)
{
    spur_status status;
    (void)from;
    TRY(digest_text(context, row->shown.split, error));
    TRY(digest_text(context, row->shown.backbone, error));
    TRY(digest_text(context, row->shown.head, error));
    TRY(text_add(context, (const char *)row->sum, sizeof row->sum, error));
done:
    return status;
}

spur_status store_encode_predictions(store *from, text_buffer *into, spur_error *error)
{
    return each_row(from, encode_row, into, error);
}

spur_status store_verify_predictions(store *from, spur_error *error)
{
    return each_row(from, verify_row, NULL, error);
}
