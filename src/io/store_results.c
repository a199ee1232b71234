/*
 * store_results.c - stages, their numbers and their findings. A stage carries the digest of its
 * rows; the digest over all stages is one of the run's checks.
 */
#include "io/store_results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/store_digest.h"
#include "io/store_sql.h"

/* A stage as its row gives it; texts live until the statement moves. */
typedef struct stage_row {
    const char *name, *inputs;
    uint64_t results, findings;
    unsigned char sum[DIGEST_SIZE];
} stage_row;

static bool take_stage(const sql_query *query, stage_row *out)
{
    sql_columns at = sql_columns_of(query);
    out->name = sql_take_some_text(&at);
    out->inputs = sql_take_some_text(&at);
    out->results = sql_take_int(&at, SIZE_LIMIT);
    out->findings = sql_take_int(&at, SIZE_LIMIT);
    (void)sql_take_bytes(&at, out->sum, sizeof out->sum);
    return !at.is_bad;
}

/* ---- reading ------------------------------------------------------------------------- */

static spur_status open_rows(store *from, const char *stage, enum query all, enum query one,
                             sql_query *query, spur_error *error)
{
    spur_status status = sql_prepare(from, stage == NULL ? all : one, query, error);
    if (status == SPUR_OK && stage != NULL) {
        sql_text(query, stage);
    }
    return status;
}

spur_status store_each_result(store *from, const char *stage, store_result_visit visit,
                              void *context, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(open_rows(from, stage, READ_RESULTS, READ_STAGE_RESULTS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        const char *of = sql_take_some_text(&at);
        store_result result = {sql_take_some_text(&at), sql_take_double(&at)};
        if (at.is_bad || !isfinite(result.value)) {
            TRY(store_fail_check(from, error, "values of table results"));
        }
        TRY(visit(context, of, &result, error));
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_each_finding(store *from, const char *stage, store_finding_visit visit,
                               void *context, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(open_rows(from, stage, READ_FINDINGS, READ_STAGE_FINDINGS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        const char *of = sql_take_some_text(&at);
        store_finding finding = {sql_take_some_text(&at), sql_take_some_text(&at)};
        if (at.is_bad) {
            TRY(store_fail_check(from, error, "values of table findings"));
        }
        TRY(visit(context, of, &finding, error));
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_get_stage_inputs(store *from, const char *name, char **inputs,
                                   spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    char *copy = NULL;
    bool has_row;
    TRY(sql_prepare(from, READ_STAGE, &query, error));
    sql_text(&query, name);
    TRY(sql_step(from, &query, &has_row, error));
    if (has_row) {
        stage_row row;
        if (!take_stage(&query, &row)) {
            TRY(store_fail_check(from, error, "values of table stages"));
        }
        TRY(memory_copy_text(row.inputs, strlen(row.inputs), &copy, error));
    }
    *inputs = copy;
done:
    sql_stop(&query);
    return status;
}

/* ---- digests ------------------------------------------------------------------------- */

static spur_status encode_result(void *context, const char *stage, const store_result *result,
                                 spur_error *error)
{
    spur_status status;
    uint64_t bits;
    (void)stage;
    memcpy(&bits, &result->value, sizeof bits);
    TRY(digest_text(context, result->key, error));
    TRY(digest_u64(context, bits, error));
done:
    return status;
}

static spur_status encode_finding(void *context, const char *stage,
                                  const store_finding *finding, spur_error *error)
{
    spur_status status;
    (void)stage;
    TRY(digest_text(context, finding->kind, error));
    TRY(digest_text(context, finding->text, error));
done:
    return status;
}

/* The digest of a stage as it stands in the tables. */
static spur_status digest_stage(store *from, const char *name, const char *inputs,
                                unsigned char out[DIGEST_SIZE], spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    TRY(digest_text(&bytes, name, error));
    TRY(digest_text(&bytes, inputs, error));
    TRY(store_each_result(from, name, encode_result, &bytes, error));
    TRY(store_each_finding(from, name, encode_finding, &bytes, error));
    TRY(digest_of(bytes.data, bytes.length, out, error));
done:
    text_buffer_free(&bytes);
    return status;
}

static spur_status each_stage(store *from,
                              spur_status (*visit)(store *from, const stage_row *row,
                                                   void *context, spur_error *error),
                              void *context, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_STAGES, &query, error));
    while (sql_next(from, &query, &status, error)) {
        stage_row row;
        if (!take_stage(&query, &row)) {
            TRY(store_fail_check(from, error, "values of table stages"));
        }
        TRY(visit(from, &row, context, error));
    }
done:
    sql_stop(&query);
    return status;
}

static spur_status encode_stage(store *from, const stage_row *row, void *context,
                                spur_error *error)
{
    spur_status status;
    (void)from;
    TRY(digest_text(context, row->name, error));
    TRY(digest_u64(context, row->results, error));
    TRY(digest_u64(context, row->findings, error));
    TRY(text_add(context, (const char *)row->sum, sizeof row->sum, error));
done:
    return status;
}

spur_status store_encode_stages(store *from, text_buffer *into, spur_error *error)
{
    return each_stage(from, encode_stage, into, error);
}

static spur_status verify_stage(store *from, const stage_row *row, void *context,
                                spur_error *error)
{
    spur_status status;
    uint64_t *totals = context;
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_stage(from, row->name, row->inputs, sum, error));
    if (memcmp(sum, row->sum, sizeof sum) != 0) {
        char what[96];
        (void)snprintf(what, sizeof what, "digest of stage %.64s", row->name);
        TRY(store_fail_check(from, error, what));
    }
    totals[0] += row->results;
    totals[1] += row->findings;
done:
    return status;
}

spur_status store_verify_stages(store *from, spur_error *error)
{
    spur_status status;
    uint64_t totals[2] = {0, 0};
    sqlite3_int64 results = 0, findings = 0;
    TRY(each_stage(from, verify_stage, totals, error));
    TRY(sql_number(from, "SELECT count(*) FROM results", &results, error));
    TRY(sql_number(from, "SELECT count(*) FROM findings", &findings, error));
    if ((uint64_t)results != totals[0] || (uint64_t)findings != totals[1]) {
        TRY(store_fail_check(from, error, "every result belongs to a stage"));
    }
done:
    return status;
}

/* ---- writing ------------------------------------------------------------------------- */

static spur_status put_result(store *into, const char *stage, const store_result *result,
                              spur_error *error)
{
    spur_status status;
    sql_query query;
    if (!isfinite(result->value)) {
        FAIL(SPUR_INTERNAL, "result %s of stage %s is not finite", result->key, stage);
    }
    TRY(sql_prepare(into, PUT_RESULT, &query, error));
    sql_text(&query, result->key);
    sql_text(&query, stage);
    sql_real(&query, result->value);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

static spur_status put_finding(store *into, const char *stage, size_t position,
                               const store_finding *finding, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_FINDING, &query, error));
    sql_text(&query, stage);
    sql_int(&query, position);
    sql_text(&query, finding->kind);
    sql_text(&query, finding->text);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

static spur_status drop_rows(store *into, const char *name, spur_error *error)
{
    spur_status status;
    TRY(sql_run_name(into, DROP_RESULTS, name, error));
    TRY(sql_run_name(into, DROP_FINDINGS, name, error));
    TRY(sql_run_name(into, DROP_STAGE, name, error));
done:
    return status;
}

static spur_status put_row(store *into, const store_stage *stage, spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    sql_query query;
    TRY(digest_stage(into, stage->name, stage->inputs, sum, error));
    TRY(sql_prepare(into, PUT_STAGE, &query, error));
    sql_text(&query, stage->name);
    sql_text(&query, stage->inputs);
    sql_int(&query, stage->count);
    sql_int(&query, stage->finding_count);
    sql_bytes(&query, sum, sizeof sum);
    TRY(sql_run(into, &query, error));
    TRY(store_write_check(into, "stages", error));
done:
    return status;
}

/* SQLite would only say that a key is not unique. */
static spur_status check_key(store *into, const store_stage *stage, const store_result *result,
                             spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    bool has_row;
    TRY(sql_prepare(into, READ_RESULT_STAGE, &query, error));
    sql_text(&query, result->key);
    TRY(sql_step(into, &query, &has_row, error));
    if (has_row) {
        sql_columns at = sql_columns_of(&query);
        FAIL(SPUR_INTERNAL, "stage %s: result %s is there already, of stage %s", stage->name,
             result->key, sql_take_some_text(&at));
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_put_stage(store *into, const store_stage *stage, spur_error *error)
{
    spur_status status;
    TRY(drop_rows(into, stage->name, error));
    for (size_t i = 0; i < stage->count; i++) {
        TRY(check_key(into, stage, &stage->results[i], error));
        TRY(put_result(into, stage->name, &stage->results[i], error));
    }
    for (size_t i = 0; i < stage->finding_count; i++) {
        TRY(put_finding(into, stage->name, i, &stage->findings[i], error));
    }
    TRY(put_row(into, stage, error));
done:
    return store_leave(into, status);
}

spur_status store_drop_stage(store *into, const char *name, spur_error *error)
{
    spur_status status;
    TRY(drop_rows(into, name, error));
    TRY(store_write_check(into, "stages", error));
done:
    return store_leave(into, status);
}
