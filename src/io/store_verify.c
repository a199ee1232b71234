/*
 * store_verify.c - everything that can be checked of a run.db before a value of it is used.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/store_digest.h"
#include "io/store_sql.h"

/* Sums over the whole file, to notice rows that belong to no batch. */
typedef struct totals {
    uint64_t images, scores, batches;
} totals;

typedef struct batch_head {
    uint64_t batch, images, tally;
    unsigned char sum[DIGEST_SIZE];
} batch_head;

static bool take_batch(const sql_query *query, batch_head *out)
{
    sql_columns at = sql_columns_of(query);
    out->batch = sql_take_int(&at, SIZE_LIMIT / STORE_BATCH_ROWS);
    out->images = sql_take_int(&at, STORE_BATCH_ROWS + 1);
    at.is_bad = at.is_bad || sqlite3_column_type(at.statement, at.column) != SQLITE_INTEGER;
    sqlite3_int64 tally = sqlite3_column_int64(at.statement, at.column++);
    memcpy(&out->tally, &tally, sizeof tally);
    (void)sql_take_bytes(&at, out->sum, sizeof out->sum);
    return !at.is_bad && out->images > 0;
}

/* Hashes the rows of one batch as the open READ_ROWS query gives them. */
static spur_status verify_batch(store *from, const char *split, const batch_head *head,
                                const sql_query *rows, text_buffer *bytes, totals *sums,
                                spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    char what[128];
    bool is_good = true;
    TRY(store_encode_batch(bytes, split, head->batch, head->images, head->tally, error));
    for (uint64_t i = 0; i < head->images && is_good; i++) {
        store_row row;
        bool has_row;
        TRY(sql_step(from, rows, &has_row, error));
        is_good = has_row && store_take_row(rows, from->class_count, &row) &&
                  row.row == head->batch * STORE_BATCH_ROWS + i;
        if (is_good) {
            sums->scores += row.reason == NULL;
            TRY(digest_row(bytes, &row, error));
        }
    }
    TRY(digest_of(bytes->data, bytes->length, sum, error));
    if (!is_good || memcmp(sum, head->sum, sizeof sum) != 0) {
        (void)snprintf(what, sizeof what, "digest of batch %" PRIu64, head->batch);
        TRY(store_fail_check(from, error, what));
    }
    sums->images += head->images;
    sums->batches++;
done:
    return status;
}

static spur_status verify_split(store *from, const store_split *split, totals *sums,
                                spur_error *error)
{
    spur_status status;
    sql_query batches = {NULL, 0, 0};
    sql_query rows = {NULL, 0, 0};
    text_buffer bytes = {NULL, 0, 0};
    uint64_t tally = 0;
    TRY(sql_prepare(from, READ_BATCHES, &batches, error));
    sql_text(&batches, split->name);
    TRY(sql_prepare(from, READ_ROWS, &rows, error));
    sql_text(&rows, split->name);
    while (sql_next(from, &batches, &status, error)) {
        batch_head head;
        if (!take_batch(&batches, &head) ||
            head.batch * STORE_BATCH_ROWS + head.images > split->images) {
            TRY(store_fail_check(from, error, "values of table batches"));
        }
        TRY(verify_batch(from, split->name, &head, &rows, &bytes, sums, error));
        tally += head.tally;
    }
    TRY(status);
    TRY(store_verify_tallies(from, split->name, tally, error));
done:
    sql_stop(&batches);
    sql_stop(&rows);
    text_buffer_free(&bytes);
    return status;
}

static spur_status verify_rows(store *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    totals sums = {0, 0, 0};
    sql_query query = {NULL, 0, 0};
    bool has_row;
    for (size_t i = 0; i < from->split_count; i++) {
        TRY(verify_split(from, &from->splits[i], &sums, error));
    }
    TRY(sql_prepare(from, COUNT_ALL, &query, error));
    TRY(sql_step(from, &query, &has_row, error));
    sql_columns at = sql_columns_of(&query);
    if (sql_take_int(&at, SIZE_LIMIT) != sums.images ||
        sql_take_int(&at, SIZE_LIMIT) != sums.scores ||
        sql_take_int(&at, SIZE_LIMIT) != sums.batches) {
        TRY(store_fail_check(from, error, "every row belongs to a batch"));
    }
done:
    sql_stop(&query);
    return status;
}

static spur_status verify_pages(store *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(from->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
    }
    if (result != SQLITE_ROW) {
        status = sql_fail(from, result, error);
    } else {
        const unsigned char *found = sqlite3_column_text(statement, 0);
        if (found == NULL || strcmp((const char *)found, "ok") != 0) {
            status = store_fail_check(from, error, "SQLite's quick_check");
        }
    }
    (void)sqlite3_finalize(statement);
    return status;
}

/* Everything that can be checked before a value is used. */
spur_status store_verify(store *from, sqlite3_int64 application, spur_error *error)
{
    spur_status status;
    sqlite3_int64 pending = 0;
    TRY(store_verify_schema(from, application, error));
    TRY(verify_pages(from, error));
    TRY(store_load_tables(from, error));
    TRY(store_verify_checks(from, error));
    TRY(verify_rows(from, error));
    TRY(store_verify_features(from, error));
    TRY(store_verify_subsets(from, error));
    TRY(store_verify_stages(from, error));
    TRY(store_verify_predictions(from, error));
    TRY(store_verify_experiments(from, error));
    TRY(sql_number(from, "SELECT count(*) FROM pending_tallies", &pending, error));
    from->pending = (uint64_t)pending;
done:
    return status;
}
