/*
 * store_experiments.c - experiments and their blocks, each with a digest that every opening of
 * run.db compares.
 */
#include "io/store_experiments.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/store_digest.h"
#include "io/store_results.h"
#include "io/store_sql.h"

/* ---- digests ----------------------------------------------------------------------------- */

static spur_status add_texts(text_buffer *into, const char *const *texts, size_t count,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < count; i++) {
        TRY(digest_text(into, texts[i], error));
    }
done:
    return status;
}

static spur_status digest_experiment(const store_experiment *of, unsigned char *out,
                                     spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    const char *const texts[] = {of->stage, of->subject, of->split, of->inputs, of->settings};
    TRY(add_texts(&bytes, texts, sizeof texts / sizeof texts[0], error));
    TRY(digest_u64(&bytes, of->images, error));
    TRY(digest_of(bytes.data, bytes.length, out, error));
done:
    text_buffer_free(&bytes);
    return status;
}

static spur_status digest_block(const store_experiment *of, const store_experiment_block *block,
                                unsigned char *out, spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    const char *const texts[] = {of->stage, of->subject, of->split, of->inputs};
    TRY(add_texts(&bytes, texts, sizeof texts / sizeof texts[0], error));
    TRY(digest_u64(&bytes, block->block, error));
    TRY(text_add(&bytes, (const char *)block->outcomes, block->length, error));
    TRY(digest_of(bytes.data, bytes.length, out, error));
done:
    text_buffer_free(&bytes);
    return status;
}

/* ---- columns ----------------------------------------------------------------------------- */

static void bind_key(sql_query *into, const store_experiment *of)
{
    sql_text(into, of->stage);
    sql_text(into, of->subject);
    sql_text(into, of->split);
}

static void take_key(sql_columns *at, store_experiment *out)
{
    out->stage = sql_take_some_text(at);
    out->subject = sql_take_some_text(at);
    out->split = sql_take_some_text(at);
}

/* Number and bytes; the bytes live until the statement moves. */
static void take_block(sql_columns *at, store_experiment_block *out)
{
    out->block = sql_take_int(at, SIZE_LIMIT / EXPERIMENT_BLOCK_IMAGES);
    at->is_bad = at->is_bad || sqlite3_column_type(at->statement, at->column) != SQLITE_BLOB;
    out->outcomes = sqlite3_column_blob(at->statement, at->column);
    out->length = (size_t)sqlite3_column_bytes(at->statement, at->column++);
    at->is_bad = at->is_bad || out->length == 0;
}

/* ---- writing ----------------------------------------------------------------------------- */

static spur_status drop_from(store *into, enum query which, const store_experiment *of,
                             spur_error *error)
{
    const char *const key[] = {of->stage, of->subject, of->split};
    return sql_run_texts(into, which, key, sizeof key / sizeof key[0], error);
}

spur_status store_put_experiment(store *into, const store_experiment *experiment,
                                 spur_error *error)
{
    spur_status status;
    sql_query query;
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_experiment(experiment, sum, error));
    TRY(store_begin(into, error));
    TRY(drop_from(into, DROP_EXPERIMENT_BLOCKS, experiment, error));
    TRY(drop_from(into, DROP_EXPERIMENT, experiment, error));
    TRY(sql_prepare(into, PUT_EXPERIMENT, &query, error));
    bind_key(&query, experiment);
    sql_text(&query, experiment->inputs);
    sql_text(&query, experiment->settings);
    sql_int(&query, experiment->images);
    sql_bytes(&query, sum, sizeof sum);
    TRY(sql_run(into, &query, error));
    TRY(store_drop_stage(into, experiment->stage, error));
    TRY(store_end(into, error));
done:
    store_roll_back(into);
    return status;
}

spur_status store_put_experiment_block(store *into, const store_experiment *of,
                                       const store_experiment_block *block, spur_error *error)
{
    spur_status status;
    sql_query query;
    unsigned char sum[DIGEST_SIZE];
    TRY(digest_block(of, block, sum, error));
    TRY(sql_prepare(into, PUT_EXPERIMENT_BLOCK, &query, error));
    bind_key(&query, of);
    sql_int(&query, block->block);
    sql_bytes(&query, block->outcomes, block->length);
    sql_bytes(&query, sum, sizeof sum);
    TRY(sql_run(into, &query, error));
done:
    return store_leave(into, status);
}

/* ---- reading ----------------------------------------------------------------------------- */

static spur_status take_experiment(store *from, const sql_query *query, store_experiment *out,
                                   unsigned char *sum, spur_error *error)
{
    sql_columns at = sql_columns_of(query);
    take_key(&at, out);
    out->inputs = sql_take_some_text(&at);
    out->settings = sql_take_some_text(&at);
    out->images = sql_take_int(&at, SIZE_LIMIT);
    (void)sql_take_bytes(&at, sum, DIGEST_SIZE);
    return at.is_bad ? store_fail_check(from, error, "values of table experiments") : SPUR_OK;
}

spur_status store_each_experiment(store *from, store_experiment_visit visit, void *context,
                                  spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_EXPERIMENTS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        store_experiment one;
        unsigned char sum[DIGEST_SIZE];
        TRY(take_experiment(from, &query, &one, sum, error));
        TRY(visit(context, &one, error));
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_each_experiment_block(store *from, const store_experiment *of,
                                        store_experiment_block_visit visit, void *context,
                                        spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_EXPERIMENT_BLOCKS, &query, error));
    bind_key(&query, of);
    while (sql_next(from, &query, &status, error)) {
        store_experiment_block one;
        sql_columns at = sql_columns_of(&query);
        take_block(&at, &one);
        if (at.is_bad) {
            TRY(store_fail_check(from, error, "values of table experiment_blocks"));
        }
        TRY(visit(context, &one, error));
    }
done:
    sql_stop(&query);
    return status;
}

/* ---- verification ------------------------------------------------------------------------ */

static spur_status verify_experiments(store *from, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_EXPERIMENTS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        store_experiment one;
        unsigned char expected[DIGEST_SIZE], found[DIGEST_SIZE];
        TRY(take_experiment(from, &query, &one, found, error));
        TRY(digest_experiment(&one, expected, error));
        if (memcmp(found, expected, sizeof found) != 0) {
            TRY(store_fail_check(from, error, "digest of an experiment"));
        }
    }
done:
    sql_stop(&query);
    return status;
}

/* The block a READ_ALL_EXPERIMENT_BLOCKS query stands on. */
static spur_status verify_block(store *from, const sql_query *query, spur_error *error)
{
    spur_status status;
    store_experiment of = {NULL, NULL, NULL, NULL, NULL, 0};
    store_experiment_block block;
    unsigned char expected[DIGEST_SIZE], found[DIGEST_SIZE];
    char what[64];
    sql_columns at = sql_columns_of(query);
    take_key(&at, &of);
    of.inputs = sql_take_some_text(&at); /* null: of no experiment */
    of.images = at.is_bad ? 0 : sql_take_int(&at, SIZE_LIMIT);
    take_block(&at, &block);
    (void)sql_take_bytes(&at, found, sizeof found);
    (void)snprintf(what, sizeof what, "digest of experiment block %" PRIu64, block.block);
    if (at.is_bad || block.block * EXPERIMENT_BLOCK_IMAGES >= of.images) {
        TRY(store_fail_check(from, error, what));
    }
    TRY(digest_block(&of, &block, expected, error));
    if (memcmp(found, expected, sizeof found) != 0) {
        TRY(store_fail_check(from, error, what));
    }
done:
    return status;
}

spur_status store_verify_experiments(store *from, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(verify_experiments(from, error));
    TRY(sql_prepare(from, READ_ALL_EXPERIMENT_BLOCKS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        TRY(verify_block(from, &query, error));
    }
done:
    sql_stop(&query);
    return status;
}
