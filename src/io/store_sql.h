/*
 * store_sql.h - the inside of the store: its struct, its queries by name, and what its files
 * lend each other. Included by store*.c only.
 */
#ifndef IO_STORE_SQL_H
#define IO_STORE_SQL_H

#include <sqlite3.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/run_lock.h"
#include "io/store.h"
#include "io/store_features.h"

enum {
    BUSY_MILLISECONDS = 60000 /* a reader may hold a rollback journal's database that long */
};

/* Above every count and size we write. */
#define SIZE_LIMIT ((sqlite3_int64)1 << 52)

enum query {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    READ_SETTING,
    READ_SETTINGS,
    PUT_SETTING,
    DROP_SETTING,
    READ_CLASSES,
    PUT_CLASS,
    READ_SPLITS,
    PUT_SPLIT,
    READ_CHECK,
    PUT_CHECK,
    PUT_IMAGE,
    PUT_SCORE,
    PUT_BATCH,
    PUT_PENDING,
    READ_BATCHES,
    READ_ROWS,
    COUNT_ALL,
    COUNT_SPLIT,
    COUNT_DUPLICATES,
    READ_PENDING,
    DROP_PENDING,
    ADD_CELL,
    READ_CELLS,
    DROP_SETTINGS,
    DROP_CLASSES,
    DROP_CHECKS,
    DROP_SPLIT,
    DROP_BATCHES,
    DROP_IMAGES,
    DROP_SCORES,
    DROP_SPLIT_PENDING,
    DROP_CELLS,
    READ_BACKBONES,
    PUT_BACKBONE,
    READ_FEATURE_BLOCKS,
    PUT_FEATURE_BLOCK,
    READ_FEATURE_FAILURES,
    PUT_FEATURE_FAILURE,
    READ_ALL_FEATURE_BLOCKS,
    READ_ALL_FEATURE_FAILURES,
    DROP_FEATURE_BLOCKS,
    DROP_FEATURE_FAILURES,
    DROP_SPLIT_FEATURES,
    DROP_SPLIT_FAILURES,
    DROP_IDLE_BACKBONES,
    READ_SUBSETS,
    READ_MEMBERS,
    PUT_SUBSET,
    PUT_MEMBER,
    DROP_SUBSET,
    DROP_MEMBERS,
    READ_STAGES,
    READ_STAGE,
    PUT_STAGE,
    DROP_STAGE,
    READ_RESULTS,
    READ_STAGE_RESULTS,
    READ_RESULT_STAGE,
    PUT_RESULT,
    DROP_RESULTS,
    READ_FINDINGS,
    READ_STAGE_FINDINGS,
    PUT_FINDING,
    DROP_FINDINGS,
    READ_PREDICTIONS,
    READ_PREDICTION,
    PUT_PREDICTION,
    DROP_PREDICTION,
    DROP_SPLIT_PREDICTIONS,
    READ_EXPERIMENTS,
    READ_EXPERIMENT_BLOCKS,
    READ_ALL_EXPERIMENT_BLOCKS,
    PUT_EXPERIMENT,
    PUT_EXPERIMENT_BLOCK,
    DROP_EXPERIMENT,
    DROP_EXPERIMENT_BLOCKS,
    DROP_SPLIT_EXPERIMENTS,
    DROP_SPLIT_EXPERIMENT_BLOCKS,
    QUERY_COUNT
};

struct store {
    sqlite3 *db;
    run_lock *lock; /* NULL for a reader */
    char *path;
    sqlite3_stmt *statements[QUERY_COUNT];
    arena *texts; /* classes and splits handed out */
    store_class *classes;
    size_t class_count, embedding;
    store_split *splits;
    size_t split_count;
    store_backbone *backbones;
    size_t backbone_count;
    uint64_t pending;  /* batches whose tallies are not folded */
    uint32_t *cells;   /* of what is pending of one split, while histograms are read */
    char *cells_split; /* which split */
    bool in_transaction;
};

/* Values bound from left to right; the first failure is kept. */
typedef struct sql_query {
    sqlite3_stmt *statement;
    int column, result;
} sql_query;

/* Columns read from left to right; is_bad once one was not what we write. */
typedef struct sql_columns {
    sqlite3_stmt *statement;
    int column;
    bool is_bad;
} sql_columns;

/* ---- store_sql.c --------------------------------------------------------------------- */

spur_status sql_fail(const store *from, int result, spur_error *error) SPUR_MUST_USE;
/* "failed check: WHAT", SPUR_DATASET. */
spur_status store_fail_check(const store *from, spur_error *error,
                             const char *what) SPUR_MUST_USE;

spur_status sql_prepare(store *from, enum query which, sql_query *out,
                        spur_error *error) SPUR_MUST_USE;
void sql_null(sql_query *into);
void sql_int(sql_query *into, uint64_t value);
void sql_real(sql_query *into, double value);
void sql_bytes(sql_query *into, const void *bytes, size_t length);
/* Text when it is UTF-8, else the exact bytes as a blob; NULL is null. */
void sql_text(sql_query *into, const char *text);
/* Next row; *has_row false at the end (the statement is reset then). */
spur_status sql_step(store *from, const sql_query *query, bool *has_row,
                     spur_error *error) SPUR_MUST_USE;
/* The same for a loop: false at the end, and on a failure, which *status then is. */
bool sql_next(store *from, const sql_query *query, spur_status *status, spur_error *error);
/* Runs a statement that returns no row: bound, without values, with texts, with one name. */
spur_status sql_run(store *from, const sql_query *query, spur_error *error) SPUR_MUST_USE;
spur_status sql_run_plain(store *from, enum query which, spur_error *error) SPUR_MUST_USE;
spur_status sql_run_texts(store *from, enum query which, const char *const *texts, size_t count,
                          spur_error *error) SPUR_MUST_USE;
spur_status sql_run_name(store *from, enum query which, const char *name,
                         spur_error *error) SPUR_MUST_USE;
/* Ends a query that was left before its last row. */
void sql_stop(const sql_query *query);

sql_columns sql_columns_of(const sql_query *query);
uint64_t sql_take_int(sql_columns *from, sqlite3_int64 limit); /* 0 .. limit-1 */
bool sql_take_bool(sql_columns *from);
bool sql_is_null(const sql_columns *from);
double sql_take_double(sql_columns *from);
float sql_take_float(sql_columns *from);
/* Lives until the statement moves; NULL for null. */
const char *sql_take_text(sql_columns *from);
const char *sql_take_some_text(sql_columns *from); /* null is bad */
bool sql_take_bytes(sql_columns *from, void *dst, size_t length);
/* Any number of bytes; lives until the statement moves. */
const unsigned char *sql_take_blob(sql_columns *from, size_t *length);

/* One number of a pragma or query without values. */
spur_status sql_number(store *from, const char *sql, sqlite3_int64 *out,
                       spur_error *error) SPUR_MUST_USE;
spur_status sql_execute(store *from, const char *sql, spur_error *error) SPUR_MUST_USE;

/* Commits; rolls back when that fails. */
spur_status store_end(store *into, spur_error *error) SPUR_MUST_USE;
void store_roll_back(store *from);
/* Ends a write inside the caller's transaction: returns status, a failure rolled back. */
spur_status store_leave(store *into, spur_status status) SPUR_MUST_USE;
/* Moves the log into run.db, so that what all rows share no longer depends on it. */
spur_status store_move_log(store *into, spur_error *error) SPUR_MUST_USE;

/* ---- store_schema.c ------------------------------------------------------------------ */

spur_status store_create_schema(store *into, spur_error *error) SPUR_MUST_USE;
spur_status store_verify_schema(store *from, sqlite3_int64 application,
                                spur_error *error) SPUR_MUST_USE;

/* ---- store_tables.c ------------------------------------------------------------------ */

/* Reads classes and splits into memory (again). */
spur_status store_load_tables(store *from, spur_error *error) SPUR_MUST_USE;
void store_forget_tables(store *from);
/* Loads the tables and writes their digests, inside the running transaction. */
spur_status store_write_checks(store *into, spur_error *error) SPUR_MUST_USE;
spur_status store_verify_checks(store *from, spur_error *error) SPUR_MUST_USE;
/* Writes the digest of one table whose rows are not held in memory. */
spur_status store_write_check(store *into, const char *table, spur_error *error) SPUR_MUST_USE;

/* ---- store_features.c ---------------------------------------------------------------- */

spur_status store_load_backbones(store *from, spur_error *error) SPUR_MUST_USE;
spur_status store_encode_backbones(store *from, text_buffer *into,
                                   spur_error *error) SPUR_MUST_USE;
/* The seal of every feature block. */
spur_status store_verify_features(store *from, spur_error *error) SPUR_MUST_USE;

/* ---- store_tally.c ------------------------------------------------------------------- */

spur_status store_encode_bins(text_buffer *into, const store_row *row,
                              spur_error *error) SPUR_MUST_USE;
/* Sum of the weights of everything in a block of bins. */
uint64_t store_weigh_bins(const text_buffer *bins, size_t class_count);
/* Moves everything pending into the histograms, inside the running transaction. */
spur_status store_fold(store *into, spur_error *error) SPUR_MUST_USE;
void store_forget_cells(store *from);
/* The checksum of a split's histograms must equal the sum its batches carry. */
spur_status store_verify_tallies(store *from, const char *split, uint64_t expected,
                                 spur_error *error) SPUR_MUST_USE;

/* ---- store_rows.c -------------------------------------------------------------------- */

/* The row a READ_ROWS query stands on; false when it holds what we never write. */
bool store_take_row(const sql_query *query, size_t class_count, store_row *row);
/* Starts the bytes of a batch's digest. */
spur_status store_encode_batch(text_buffer *into, const char *split, uint64_t batch,
                               uint64_t images, uint64_t tally,
                               spur_error *error) SPUR_MUST_USE;

/* ---- store_subsets.c ----------------------------------------------------------------- */

spur_status store_encode_subsets(store *from, text_buffer *into,
                                 spur_error *error) SPUR_MUST_USE;
spur_status store_verify_subsets(store *from, spur_error *error) SPUR_MUST_USE;

/* ---- store_results.c ----------------------------------------------------------------- */

spur_status store_encode_stages(store *from, text_buffer *into,
                                spur_error *error) SPUR_MUST_USE;
spur_status store_verify_stages(store *from, spur_error *error) SPUR_MUST_USE;

/* ---- store_predictions.c ------------------------------------------------------------- */

spur_status store_encode_predictions(store *from, text_buffer *into,
                                     spur_error *error) SPUR_MUST_USE;
spur_status store_verify_predictions(store *from, spur_error *error) SPUR_MUST_USE;

/* ---- store_experiments.c ------------------------------------------------------------- */

/* The digest of every experiment and block. */
spur_status store_verify_experiments(store *from, spur_error *error) SPUR_MUST_USE;

/* ---- store_verify.c ------------------------------------------------------------------ */

spur_status store_verify(store *from, sqlite3_int64 application,
                         spur_error *error) SPUR_MUST_USE;

#endif
