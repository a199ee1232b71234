/*
 * store_sql.c - all queries, and the few calls of SQLite that everything else is made of.
 *
 * Values are bound and read from left to right; what is read is checked against what we write.
 */
#include "io/store_sql.h"

#include <string.h>

#include "base/text.h"

static const char *const queries[QUERY_COUNT] = {
    [BEGIN_READ] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [READ_SETTING] = "SELECT value FROM settings WHERE key = ?",
    [READ_SETTINGS] = "SELECT key, value FROM settings ORDER BY key",
    [PUT_SETTING] = "INSERT INTO settings VALUES (?, ?)",
    [DROP_SETTING] = "DELETE FROM settings WHERE key = ?",
    [READ_CLASSES] = "SELECT class_index, label, name, prompt, tokens, is_truncated, query "
                     "FROM classes ORDER BY class_index",
    [PUT_CLASS] = "INSERT INTO classes VALUES (?, ?, ?, ?, ?, ?, ?)",
    [READ_SPLITS] = "SELECT position, split, root, manifest_digest, images FROM splits "
                    "ORDER BY position",
    [PUT_SPLIT] = "INSERT INTO splits VALUES "
                  "((SELECT coalesce(max(position), 0) + 1 FROM splits), ?, ?, ?, ?)",
    [READ_CHECK] = "SELECT digest FROM checks WHERE name = ?",
    [PUT_CHECK] = "INSERT INTO checks VALUES (?, ?) "
                  "ON CONFLICT(name) DO UPDATE SET digest = excluded.digest",
    [PUT_IMAGE] = "INSERT INTO images VALUES "
                  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_SCORE] = "INSERT INTO scores VALUES "
                  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_BATCH] = "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
    [PUT_PENDING] = "INSERT INTO pending_tallies VALUES (?, ?, ?)",
    [READ_BATCHES] = "SELECT batch, images, tally, digest FROM batches WHERE split = ? "
                     "ORDER BY batch",
    [READ_ROWS] =
        "SELECT i.row, i.image_id, i.file_name, i.class_index, i.group_name, i.weight, "
        "i.extra, "
        "i.status, i.reason, i.format, i.width, i.height, i.orientation, i.has_alpha, "
        "i.is_animated, i.is_truncated, i.warnings, i.file_sha256, s.logit, s.patch, "
        "s.box_xmin, s.box_ymin, s.box_xmax, s.box_ymax, s.other_class, s.other_logit, "
        "s.best1_class, s.best1_logit, s.best2_class, s.best2_logit, s.best3_class, "
        "s.best3_logit, s.best4_class, s.best4_logit, s.best5_class, s.best5_logit "
        "FROM images i LEFT JOIN scores s ON s.split = i.split AND s.row = i.row "
        "WHERE i.split = ? ORDER BY i.row",
    [COUNT_ALL] = "SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM scores), "
                  "(SELECT count(*) FROM batches)",
    [COUNT_SPLIT] =
        "SELECT sum(reason IS NULL), sum(reason IS NOT NULL), sum(orientation > 1), "
        "sum(has_alpha != 0), sum(warnings != 0) FROM images WHERE split = ?",
    [COUNT_DUPLICATES] = "SELECT count(file_sha256), count(DISTINCT file_sha256) FROM images "
                         "WHERE split = ?",
    [READ_PENDING] = "SELECT batch, bins FROM pending_tallies WHERE split = ? ORDER BY batch",
    [DROP_PENDING] = "DELETE FROM pending_tallies",
    [ADD_CELL] = "INSERT INTO histograms VALUES (?, ?, ?, ?, ?) "
                 "ON CONFLICT(split, class_index, is_own, bin) "
                 "DO UPDATE SET images = images + excluded.images",
    [READ_CELLS] = "SELECT class_index, is_own, bin, images FROM histograms WHERE split = ?",
    [DROP_SETTINGS] = "DELETE FROM settings",
    [DROP_CLASSES] = "DELETE FROM classes",
    [DROP_CHECKS] = "DELETE FROM checks",
    [DROP_SPLIT] = "DELETE FROM splits WHERE split = ?",
    [DROP_BATCHES] = "DELETE FROM batches WHERE split = ?",
    [DROP_IMAGES] = "DELETE FROM images WHERE split = ?",
    [DROP_SCORES] = "DELETE FROM scores WHERE split = ?",
    [DROP_SPLIT_PENDING] = "DELETE FROM pending_tallies WHERE split = ?",
    [DROP_CELLS] = "DELETE FROM histograms WHERE split = ?",
    [READ_BACKBONES] = "SELECT position, backbone, architecture, digest, preprocessing, "
                       "settings, features, classes FROM backbones ORDER BY position",
    [PUT_BACKBONE] = "INSERT INTO backbones VALUES "
                     "((SELECT coalesce(max(position), 0) + 1 FROM backbones), "
                     "?, ?, ?, ?, ?, ?, ?)",
    [READ_FEATURE_BLOCKS] = "SELECT block, images, digest FROM feature_blocks "
                            "WHERE backbone = ? AND split = ? ORDER BY block",
    [PUT_FEATURE_BLOCK] = "INSERT INTO feature_blocks VALUES (?, ?, ?, ?, ?, ?)",
    [READ_FEATURE_FAILURES] = "SELECT row, reason FROM feature_failures "
                              "WHERE backbone = ? AND split = ? ORDER BY row",
    [PUT_FEATURE_FAILURE] = "INSERT INTO feature_failures VALUES (?, ?, ?, ?)",
    [READ_ALL_FEATURE_BLOCKS] = "SELECT backbone, split, block, images, digest, seal "
                                "FROM feature_blocks ORDER BY backbone, split, block",
    [READ_ALL_FEATURE_FAILURES] = "SELECT backbone, split, row, reason FROM feature_failures "
                                  "ORDER BY backbone, split, row",
    [DROP_FEATURE_BLOCKS] = "DELETE FROM feature_blocks WHERE backbone = ? AND split = ?",
    [DROP_FEATURE_FAILURES] = "DELETE FROM feature_failures WHERE backbone = ? AND split = ?",
    [DROP_SPLIT_FEATURES] = "DELETE FROM feature_blocks WHERE split = ?",
    [DROP_SPLIT_FAILURES] = "DELETE FROM feature_failures WHERE split = ?",
    [DROP_IDLE_BACKBONES] = "DELETE FROM backbones WHERE backbone NOT IN "
                            "(SELECT backbone FROM feature_blocks)",
    [READ_SUBSETS] = "SELECT subset, split, exclusion, ranking, images, digest FROM subsets "
                     "ORDER BY subset",
    [READ_MEMBERS] = "SELECT row, class_index, rank FROM subset_members WHERE subset = ? "
                     "ORDER BY row",
    [PUT_SUBSET] = "INSERT INTO subsets VALUES (?, ?, ?, ?, ?, ?)",
    [PUT_MEMBER] = "INSERT INTO subset_members VALUES (?, ?, ?, ?)",
    [DROP_SUBSET] = "DELETE FROM subsets WHERE subset = ?",
    [DROP_MEMBERS] = "DELETE FROM subset_members WHERE subset = ?",
    [READ_STAGES] = "SELECT stage, inputs, results, findings, digest FROM stages "
                    "ORDER BY stage",
    [READ_STAGE] = "SELECT stage, inputs, results, findings, digest FROM stages "
                   "WHERE stage = ?",
    [PUT_STAGE] = "INSERT INTO stages VALUES (?, ?, ?, ?, ?)",
    [DROP_STAGE] = "DELETE FROM stages WHERE stage = ?",
    [READ_RESULTS] = "SELECT stage, key, value FROM results ORDER BY key",
    [READ_STAGE_RESULTS] = "SELECT stage, key, value FROM results WHERE stage = ? ORDER BY key",
    [READ_RESULT_STAGE] = "SELECT stage FROM results WHERE key = ?",
    [PUT_RESULT] = "INSERT INTO results VALUES (?, ?, ?)",
    [DROP_RESULTS] = "DELETE FROM results WHERE stage = ?",
    [READ_FINDINGS] = "SELECT stage, kind, text FROM findings ORDER BY stage, position",
    [READ_STAGE_FINDINGS] = "SELECT stage, kind, text FROM findings WHERE stage = ? "
                            "ORDER BY position",
    [PUT_FINDING] = "INSERT INTO findings VALUES (?, ?, ?, ?)",
    [DROP_FINDINGS] = "DELETE FROM findings WHERE stage = ?",
    [READ_PREDICTIONS] = "SELECT split, backbone, head, inputs, images, predictions, digest "
                         "FROM predictions ORDER BY split, backbone, head",
    [READ_PREDICTION] = "SELECT split, backbone, head, inputs, images, predictions, digest "
                        "FROM predictions WHERE split = ? AND backbone = ? AND head = ?",
    [PUT_PREDICTION] = "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?)",
    [DROP_PREDICTION] = "DELETE FROM predictions WHERE split = ? AND backbone = ? AND "
                        "head = ?",
    [DROP_SPLIT_PREDICTIONS] = "DELETE FROM predictions WHERE split = ?",
    [READ_EXPERIMENTS] = "SELECT stage, subject, split, inputs, settings, images, digest "
                         "FROM experiments ORDER BY stage, subject, split",
    [READ_EXPERIMENT_BLOCKS] = "SELECT block, outcomes FROM experiment_blocks "
                               "WHERE stage = ? AND subject = ? AND split = ? ORDER BY block",
    [READ_ALL_EXPERIMENT_BLOCKS] =
        "SELECT b.stage, b.subject, b.split, e.inputs, e.images, b.block, b.outcomes, b.digest "
        "FROM experiment_blocks b LEFT JOIN experiments e ON e.stage = b.stage AND "
        "e.subject = b.subject AND e.split = b.split",
    [PUT_EXPERIMENT] = "INSERT INTO experiments VALUES (?, ?, ?, ?, ?, ?, ?)",
    [PUT_EXPERIMENT_BLOCK] = "INSERT INTO experiment_blocks VALUES (?, ?, ?, ?, ?, ?)",
    [DROP_EXPERIMENT] = "DELETE FROM experiments "
                        "WHERE stage = ? AND subject = ? AND split = ?",
    [DROP_EXPERIMENT_BLOCKS] = "DELETE FROM experiment_blocks "
                               "WHERE stage = ? AND subject = ? AND split = ?",
    [DROP_SPLIT_EXPERIMENTS] = "DELETE FROM experiments WHERE split = ?",
    [DROP_SPLIT_EXPERIMENT_BLOCKS] = "DELETE FROM experiment_blocks WHERE split = ?",
};

/* ---- errors, statements ------------------------------------------------------------------ */

/* What SQLite's result means for the user: the machine's fault, or the file's. */
static spur_status status_of(int result)
{
    switch (result & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_TOOBIG:
        return SPUR_RESOURCE;
    default:
        return SPUR_DATASET;
    }
}

spur_status sql_fail(const store *from, int result, spur_error *error)
{
    const char *reason = from->db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(from->db);
    return error_set(error, status_of(result), "%s: %s (SQLite result %d)", from->path, reason,
                     result);
}

spur_status store_fail_check(const store *from, spur_error *error, const char *what)
{
    return error_set(
        error, SPUR_DATASET,
        "%s: failed check: %s; the file is damaged: restore a copy, or score again "
        "into another run folder",
        from->path, what);
}

static spur_status get_statement(store *from, enum query which, sqlite3_stmt **out,
                                 spur_error *error)
{
    if (from->statements[which] == NULL) {
        int result = sqlite3_prepare_v3(from->db, queries[which], -1, SQLITE_PREPARE_PERSISTENT,
                                        &from->statements[which], NULL);
        if (result != SQLITE_OK) {
            return sql_fail(from, result, error);
        }
    }
    *out = from->statements[which];
    return SPUR_OK;
}

spur_status sql_prepare(store *from, enum query which, sql_query *out, spur_error *error)
{
    *out = (sql_query){NULL, 0, SQLITE_OK};
    spur_status status = get_statement(from, which, &out->statement, error);
    if (status == SPUR_OK) {
        (void)sqlite3_reset(out->statement);
    }
    return status;
}

static void bind_keep(sql_query *into, int result)
{
    if (into->result == SQLITE_OK) {
        into->result = result;
    }
}

void sql_null(sql_query *into)
{
    bind_keep(into, sqlite3_bind_null(into->statement, ++into->column));
}

void sql_int(sql_query *into, uint64_t value)
{
    sqlite3_int64 number;
    memcpy(&number, &value, sizeof number);
    bind_keep(into, sqlite3_bind_int64(into->statement, ++into->column, number));
}

void sql_real(sql_query *into, double value)
{
    bind_keep(into, sqlite3_bind_double(into->statement, ++into->column, value));
}

void sql_bytes(sql_query *into, const void *bytes, size_t length)
{
    bind_keep(into, sqlite3_bind_blob64(into->statement, ++into->column, bytes, length,
                                        SQLITE_STATIC));
}

/* Text when it is UTF-8, else the exact bytes as a blob; NULL is null. */
void sql_text(sql_query *into, const char *text)
{
    if (text == NULL) {
        sql_null(into);
        return;
    }
    size_t length = strlen(text);
    if (text_is_utf8(text, length)) {
        bind_keep(into, sqlite3_bind_text64(into->statement, ++into->column, text, length,
                                            SQLITE_STATIC, SQLITE_UTF8));
    } else {
        sql_bytes(into, text, length);
    }
}

/* Next row of a query; *has_row false at the end (the statement is reset then). */
spur_status sql_step(store *from, const sql_query *query, bool *has_row, spur_error *error)
{
    int result = query->result != SQLITE_OK ? query->result : sqlite3_step(query->statement);
    *has_row = result == SQLITE_ROW;
    if (*has_row) {
        return SPUR_OK;
    }
    spur_status status = SPUR_OK;
    if (result != SQLITE_DONE) {
        status = sql_fail(from, result, error);
    }
    (void)sqlite3_reset(query->statement);
    (void)sqlite3_clear_bindings(query->statement);
    return status;
}

bool sql_next(store *from, const sql_query *query, spur_status *status, spur_error *error)
{
    bool has_row;
    *status = sql_step(from, query, &has_row, error);
    return has_row;
}

/* Runs a statement that returns no row. */
spur_status sql_run(store *from, const sql_query *query, spur_error *error)
{
    bool has_row;
    return sql_step(from, query, &has_row, error);
}

spur_status sql_run_plain(store *from, enum query which, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(from, which, &query, error));
    TRY(sql_run(from, &query, error));
done:
    return status;
}

spur_status sql_run_texts(store *from, enum query which, const char *const *texts, size_t count,
                          spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(from, which, &query, error));
    for (size_t i = 0; i < count; i++) {
        sql_text(&query, texts[i]);
    }
    TRY(sql_run(from, &query, error));
done:
    return status;
}

spur_status sql_run_name(store *from, enum query which, const char *name, spur_error *error)
{
    return sql_run_texts(from, which, &name, 1, error);
}

/* Ends a query that was left before its last row. */
void sql_stop(const sql_query *query)
{
    if (query->statement != NULL) {
        (void)sqlite3_reset(query->statement);
        (void)sqlite3_clear_bindings(query->statement);
    }
}

/* ---- reading columns --------------------------------------------------------------------- */

sql_columns sql_columns_of(const sql_query *query)
{
    return (sql_columns){query->statement, 0, false};
}

/* A value of another type than we write would compare otherwise inside SQLite than it reads. */
static bool has_type(const sql_columns *from, int type)
{
    return sqlite3_column_type(from->statement, from->column) == type;
}

uint64_t sql_take_int(sql_columns *from, sqlite3_int64 limit)
{
    bool is_integer = has_type(from, SQLITE_INTEGER);
    sqlite3_int64 value = sqlite3_column_int64(from->statement, from->column++);
    if (!is_integer || value < 0 || value >= limit) {
        from->is_bad = true;
        return 0;
    }
    return (uint64_t)value;
}

bool sql_take_bool(sql_columns *from)
{
    return sql_take_int(from, 2) != 0;
}

bool sql_is_null(const sql_columns *from)
{
    return has_type(from, SQLITE_NULL);
}

double sql_take_double(sql_columns *from)
{
    if (!has_type(from, SQLITE_FLOAT)) {
        from->is_bad = true;
    }
    return sqlite3_column_double(from->statement, from->column++);
}

float sql_take_float(sql_columns *from)
{
    double value = sql_take_double(from);
    float rounded = (float)value;
    if ((double)rounded != value) {
        from->is_bad = true;
    }
    return rounded;
}

/* Lives until the statement moves; NULL for null. */
const char *sql_take_text(sql_columns *from)
{
    bool is_blob = has_type(from, SQLITE_BLOB);
    bool is_text = has_type(from, SQLITE_TEXT);
    bool is_none = sql_is_null(from);
    const unsigned char *text = sqlite3_column_text(from->statement, from->column);
    int length = sqlite3_column_bytes(from->statement, from->column++);
    /* Text is UTF-8, a blob is what is not. */
    if (text != NULL &&
        (strlen((const char *)text) != (size_t)length || is_none || (!is_blob && !is_text) ||
         text_is_utf8((const char *)text, (size_t)length) != is_text)) {
        from->is_bad = true;
    }
    return (const char *)text;
}

const char *sql_take_some_text(sql_columns *from)
{
    const char *text = sql_take_text(from);
    if (text == NULL) {
        from->is_bad = true;
        return "";
    }
    return text;
}

bool sql_take_bytes(sql_columns *from, void *dst, size_t length)
{
    bool is_blob = has_type(from, SQLITE_BLOB);
    const void *bytes = sqlite3_column_blob(from->statement, from->column);
    int found = sqlite3_column_bytes(from->statement, from->column++);
    if (!is_blob || bytes == NULL || (size_t)found != length) {
        from->is_bad = true;
        return false;
    }
    memcpy(dst, bytes, length);
    return true;
}

const unsigned char *sql_take_blob(sql_columns *from, size_t *length)
{
    bool is_blob = has_type(from, SQLITE_BLOB);
    const void *bytes = sqlite3_column_blob(from->statement, from->column);
    *length = (size_t)sqlite3_column_bytes(from->statement, from->column++);
    if (!is_blob || (bytes == NULL && *length > 0)) {
        from->is_bad = true;
    }
    return bytes;
}

/* One value of a pragma or of any query we wrote out here. */
spur_status sql_number(store *from, const char *sql, sqlite3_int64 *out, spur_error *error)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(from->db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
    }
    spur_status status = SPUR_OK;
    if (result == SQLITE_ROW) {
        *out = sqlite3_column_int64(statement, 0);
    } else {
        status = sql_fail(from, result, error);
    }
    (void)sqlite3_finalize(statement);
    return status;
}

spur_status sql_execute(store *from, const char *sql, spur_error *error)
{
    int result = sqlite3_exec(from->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? SPUR_OK : sql_fail(from, result, error);
}

/* ---- transactions ------------------------------------------------------------------------ */

spur_status store_begin(store *into, spur_error *error)
{
    spur_status status = sql_run_plain(into, BEGIN_WRITE, error);
    into->in_transaction = status == SPUR_OK;
    return status;
}

void store_roll_back(store *from)
{
    if (from->in_transaction) {
        /* A failure here follows another, which is the one to tell. */
        if (sql_run_plain(from, ROLLBACK, NULL) != SPUR_OK) {
            (void)sqlite3_exec(from->db, "ROLLBACK", NULL, NULL, NULL);
        }
        from->in_transaction = false;
    }
}

spur_status store_leave(store *into, spur_status status)
{
    if (status != SPUR_OK) {
        store_roll_back(into);
    }
    return status;
}

spur_status store_end(store *into, spur_error *error)
{
    spur_status status = sql_run_plain(into, COMMIT, error);
    if (status != SPUR_OK) {
        store_roll_back(into);
    }
    into->in_transaction = false;
    return status;
}

/* Moves the log into run.db, so that what all rows share no longer depends on it. */
spur_status store_move_log(store *into, spur_error *error)
{
    /* A reader may hold the log: it moves later, then; nobody waits for it. */
    (void)sqlite3_busy_timeout(into->db, 0);
    int result = sqlite3_exec(into->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    (void)sqlite3_busy_timeout(into->db, BUSY_MILLISECONDS);
    return result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED
               ? SPUR_OK
               : sql_fail(into, result, error);
}
