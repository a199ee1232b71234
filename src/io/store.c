/*
 * store.c - run.db over SQLite: schema, verification, batches, histograms.
 *
 * Nothing read from a run.db is believed: the schema must be ours word for word, integers are
 * range-checked where they are read, and every batch is hashed again when a run is opened.
 * Image-level logits of all class queries are counted in two steps: a batch leaves its bins in
 * pending_tallies (a few kilobytes), and many batches are folded into histograms at once,
 * because a histogram update touches megabytes.
 */
#include "io/store.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/run_lock.h"
#include "io/store_digest.h"

enum {
    APPLICATION_ID = 0x53505552, /* "SPUR" */
    SCHEMA_VERSION = 1,
    FOLD_EVERY = 4096, /* batches between two foldings of pending tallies */
    CLASS_LIMIT = 1 << 24,
    BUSY_MILLISECONDS = 60000
};

#define SIZE_LIMIT ((sqlite3_int64)1 << 52)

/* ---- schema ------------------------------------------------------------------------------ */

typedef struct schema_object {
    const char *name, *sql;
} schema_object;

static const schema_object schema[] = {
    {"settings",
     "CREATE TABLE settings(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"},
    {"classes",
     "CREATE TABLE classes(class_index INTEGER PRIMARY KEY, label TEXT NOT NULL, name TEXT NOT "
     "NULL, prompt TEXT NOT NULL, tokens INTEGER NOT NULL, is_truncated INTEGER NOT NULL, "
     "query BLOB NOT NULL)"},
    {"splits",
     "CREATE TABLE splits(position INTEGER PRIMARY KEY, split TEXT NOT NULL, root TEXT NOT "
     "NULL, manifest_digest TEXT NOT NULL, images INTEGER NOT NULL)"},
    {"checks",
     "CREATE TABLE checks(name TEXT NOT NULL PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID"},
    {"batches",
     "CREATE TABLE batches(split TEXT NOT NULL, batch INTEGER NOT NULL, images INTEGER NOT "
     "NULL, tally INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(split, batch)) WITHOUT "
     "ROWID"},
    {"images",
     "CREATE TABLE images(split TEXT NOT NULL, row INTEGER NOT NULL, image_id BLOB NOT NULL, "
     "file_name TEXT NOT NULL, class_index INTEGER NOT NULL, group_name TEXT, weight REAL NOT "
     "NULL, extra TEXT, status TEXT NOT NULL, reason TEXT, format TEXT, width INTEGER NOT "
     "NULL, height INTEGER NOT NULL, orientation INTEGER NOT NULL, has_alpha INTEGER NOT NULL, "
     "is_animated INTEGER NOT NULL, is_truncated INTEGER NOT NULL, warnings INTEGER NOT NULL, "
     "file_sha256 BLOB, PRIMARY KEY(split, row)) WITHOUT ROWID"},
    {"scores",
     "CREATE TABLE scores(split TEXT NOT NULL, row INTEGER NOT NULL, logit REAL NOT NULL, "
     "patch "
     "INTEGER NOT NULL, box_xmin REAL NOT NULL, box_ymin REAL NOT NULL, box_xmax REAL NOT "
     "NULL, "
     "box_ymax REAL NOT NULL, other_class INTEGER, other_logit REAL, best1_class INTEGER, "
     "best1_logit REAL, best2_class INTEGER, best2_logit REAL, best3_class INTEGER, "
     "best3_logit REAL, best4_class INTEGER, best4_logit REAL, best5_class INTEGER, "
     "best5_logit REAL, PRIMARY KEY(split, row)) WITHOUT ROWID"},
    {"pending_tallies",
     "CREATE TABLE pending_tallies(split TEXT NOT NULL, batch INTEGER NOT NULL, bins BLOB NOT "
     "NULL, PRIMARY KEY(split, batch)) WITHOUT ROWID"},
    {"histograms",
     "CREATE TABLE histograms(split TEXT NOT NULL, class_index INTEGER NOT NULL, is_own "
     "INTEGER NOT NULL, bin INTEGER NOT NULL, images INTEGER NOT NULL, PRIMARY KEY(split, "
     "class_index, is_own, bin)) WITHOUT ROWID"},
    {"ranking",
     "CREATE VIEW ranking AS SELECT i.split, i.row, i.file_name, c.label, i.class_index, "
     "s.logit, row_number() OVER (PARTITION BY i.split, i.class_index ORDER BY s.logit, "
     "CAST(i.file_name AS BLOB), i.row) AS rank, count(*) OVER (PARTITION BY i.split, "
     "i.class_index) AS scored FROM scores s JOIN images i ON i.split = s.split AND i.row = "
     "s.row JOIN classes c ON c.class_index = i.class_index"},
};

enum {
    SCHEMA_COUNT = sizeof schema / sizeof schema[0]
};

/* ---- queries ----------------------------------------------------------------------------- */

enum query {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    READ_SETTING,
    READ_SETTINGS,
    PUT_SETTING,
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
    COUNT_BATCHES,
    COUNT_ALL,
    COUNT_SPLIT,
    COUNT_DUPLICATES,
    READ_PENDING,
    DROP_PENDING,
    ADD_CELL,
    READ_CELLS,
    READ_CLASS_CELLS,
    DROP_SETTINGS,
    DROP_CLASSES,
    DROP_CHECKS,
    DROP_SPLIT,
    DROP_BATCHES,
    DROP_IMAGES,
    DROP_SCORES,
    DROP_SPLIT_PENDING,
    DROP_CELLS,
    QUERY_COUNT
};

static const char *const queries[QUERY_COUNT] = {
    [BEGIN_READ] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [READ_SETTING] = "SELECT value FROM settings WHERE key = ?",
    [READ_SETTINGS] = "SELECT key, value FROM settings ORDER BY key",
    [PUT_SETTING] = "INSERT INTO settings VALUES (?, ?)",
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
    [COUNT_BATCHES] = "SELECT count(*) FROM pending_tallies",
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
    [READ_CLASS_CELLS] = "SELECT class_index, is_own, bin, images FROM histograms "
                         "WHERE split = ? AND class_index = ?",
    [DROP_SETTINGS] = "DELETE FROM settings",
    [DROP_CLASSES] = "DELETE FROM classes",
    [DROP_CHECKS] = "DELETE FROM checks",
    [DROP_SPLIT] = "DELETE FROM splits WHERE split = ?",
    [DROP_BATCHES] = "DELETE FROM batches WHERE split = ?",
    [DROP_IMAGES] = "DELETE FROM images WHERE split = ?",
    [DROP_SCORES] = "DELETE FROM scores WHERE split = ?",
    [DROP_SPLIT_PENDING] = "DELETE FROM pending_tallies WHERE split = ?",
    [DROP_CELLS] = "DELETE FROM histograms WHERE split = ?",
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
    uint64_t pending;  /* batches whose tallies are not folded */
    uint32_t *cells;   /* of what is pending of one split, while histograms are read */
    char *cells_split; /* which split */
    bool in_transaction;
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

static spur_status fail_sqlite(const store *from, int result, spur_error *error)
{
    const char *reason = from->db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(from->db);
    return error_set(error, status_of(result), "%s: %s (SQLite result %d)", from->path, reason,
                     result);
}

static spur_status fail_check(const store *from, spur_error *error, const char *what)
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
            return fail_sqlite(from, result, error);
        }
    }
    *out = from->statements[which];
    return SPUR_OK;
}

/* Values bound from left to right; the first failure is kept. */
typedef struct binder {
    sqlite3_stmt *statement;
    int column, result;
} binder;

static spur_status bind_begin(store *from, enum query which, binder *out, spur_error *error)
{
    *out = (binder){NULL, 0, SQLITE_OK};
    spur_status status = get_statement(from, which, &out->statement, error);
    if (status == SPUR_OK) {
        (void)sqlite3_reset(out->statement);
    }
    return status;
}

static void bind_keep(binder *into, int result)
{
    if (into->result == SQLITE_OK) {
        into->result = result;
    }
}

static void bind_null(binder *into)
{
    bind_keep(into, sqlite3_bind_null(into->statement, ++into->column));
}

static void bind_int(binder *into, uint64_t value)
{
    sqlite3_int64 number;
    memcpy(&number, &value, sizeof number);
    bind_keep(into, sqlite3_bind_int64(into->statement, ++into->column, number));
}

static void bind_real(binder *into, double value)
{
    bind_keep(into, sqlite3_bind_double(into->statement, ++into->column, value));
}

static void bind_bytes(binder *into, const void *bytes, size_t length)
{
    bind_keep(into, sqlite3_bind_blob64(into->statement, ++into->column, bytes, length,
                                        SQLITE_STATIC));
}

/* Text when it is UTF-8, else the exact bytes as a blob; NULL is null. */
static void bind_text(binder *into, const char *text)
{
    if (text == NULL) {
        bind_null(into);
        return;
    }
    size_t length = strlen(text);
    if (text_is_utf8(text, length)) {
        bind_keep(into, sqlite3_bind_text64(into->statement, ++into->column, text, length,
                                            SQLITE_STATIC, SQLITE_UTF8));
    } else {
        bind_bytes(into, text, length);
    }
}

/* Next row of a query; *has_row false at the end (the statement is reset then). */
static spur_status step(store *from, const binder *query, bool *has_row, spur_error *error)
{
    int result = query->result != SQLITE_OK ? query->result : sqlite3_step(query->statement);
    *has_row = result == SQLITE_ROW;
    if (*has_row) {
        return SPUR_OK;
    }
    spur_status status = SPUR_OK;
    if (result != SQLITE_DONE) {
        status = fail_sqlite(from, result, error);
    }
    (void)sqlite3_reset(query->statement);
    (void)sqlite3_clear_bindings(query->statement);
    return status;
}

/* Runs a statement that returns no row. */
static spur_status run(store *from, const binder *query, spur_error *error)
{
    bool has_row;
    return step(from, query, &has_row, error);
}

static spur_status run_query(store *from, enum query which, spur_error *error)
{
    spur_status status;
    binder query;
    TRY(bind_begin(from, which, &query, error));
    TRY(run(from, &query, error));
done:
    return status;
}

static spur_status run_for_split(store *from, enum query which, const char *split,
                                 spur_error *error)
{
    spur_status status;
    binder query;
    TRY(bind_begin(from, which, &query, error));
    bind_text(&query, split);
    TRY(run(from, &query, error));
done:
    return status;
}

/* Ends a query that was left before its last row. */
static void stop(const binder *query)
{
    if (query->statement != NULL) {
        (void)sqlite3_reset(query->statement);
        (void)sqlite3_clear_bindings(query->statement);
    }
}

/* ---- reading columns --------------------------------------------------------------------- */

/* Columns read from left to right; is_bad once one was not what we write. */
typedef struct columns {
    sqlite3_stmt *statement;
    int column;
    bool is_bad;
} columns;

static columns columns_of(const binder *query)
{
    return (columns){query->statement, 0, false};
}

static uint64_t take_int(columns *from, sqlite3_int64 limit)
{
    sqlite3_int64 value = sqlite3_column_int64(from->statement, from->column++);
    if (value < 0 || value >= limit) {
        from->is_bad = true;
        return 0;
    }
    return (uint64_t)value;
}

static bool take_bool(columns *from)
{
    return take_int(from, 2) != 0;
}

static bool is_null(const columns *from)
{
    return sqlite3_column_type(from->statement, from->column) == SQLITE_NULL;
}

static double take_double(columns *from)
{
    if (is_null(from)) {
        from->is_bad = true;
    }
    return sqlite3_column_double(from->statement, from->column++);
}

static float take_float(columns *from)
{
    double value = take_double(from);
    float rounded = (float)value;
    if ((double)rounded != value) {
        from->is_bad = true;
    }
    return rounded;
}

/* Lives until the statement moves; NULL for null. */
static const char *take_text(columns *from)
{
    const unsigned char *text = sqlite3_column_text(from->statement, from->column);
    int length = sqlite3_column_bytes(from->statement, from->column++);
    if (text != NULL && strlen((const char *)text) != (size_t)length) {
        from->is_bad = true;
    }
    return (const char *)text;
}

static const char *take_some_text(columns *from)
{
    const char *text = take_text(from);
    if (text == NULL) {
        from->is_bad = true;
        return "";
    }
    return text;
}

static bool take_bytes(columns *from, void *dst, size_t length)
{
    const void *bytes = sqlite3_column_blob(from->statement, from->column);
    int found = sqlite3_column_bytes(from->statement, from->column++);
    if (bytes == NULL || (size_t)found != length) {
        from->is_bad = true;
        return false;
    }
    memcpy(dst, bytes, length);
    return true;
}

static void take_best(columns *from, size_t class_count, store_row *row)
{
    for (size_t i = 0; i < STORE_BEST; i++) {
        if (is_null(from)) {
            from->column += 2;
            continue;
        }
        if (row->best_count != i) { /* a gap */
            from->is_bad = true;
        }
        row->best[i].class_index = take_int(from, (sqlite3_int64)class_count);
        row->best[i].logit = take_float(from);
        row->best_count = i + 1;
    }
}

static void take_score(columns *from, size_t class_count, store_row *row)
{
    row->logit = take_float(from);
    row->patch = take_int(from, SIZE_LIMIT);
    for (size_t i = 0; i < 4; i++) {
        row->box[i] = take_float(from);
    }
    row->has_other = !is_null(from);
    if (row->has_other) {
        row->other_class = take_int(from, (sqlite3_int64)class_count);
        row->other_logit = take_float(from);
    } else {
        from->column += 2;
    }
    take_best(from, class_count, row);
}

static void take_picture(columns *from, store_row *row)
{
    row->format = take_text(from);
    row->width = take_int(from, SIZE_LIMIT);
    row->height = take_int(from, SIZE_LIMIT);
    row->orientation = (unsigned)take_int(from, 9);
    row->has_alpha = take_bool(from);
    row->is_animated = take_bool(from);
    row->is_truncated = take_bool(from);
    row->warnings = (unsigned)take_int(from, (sqlite3_int64)1 << 32);
    row->has_digest = !is_null(from);
    if (row->has_digest) {
        (void)take_bytes(from, row->file_digest, STORE_DIGEST_SIZE);
    } else {
        from->column++;
    }
}

/* The row the READ_ROWS statement stands on; false when it holds what we never write. */
static bool take_row(const binder *query, size_t class_count, store_row *row)
{
    columns from = columns_of(query);
    memset(row, 0, sizeof *row);
    row->row = take_int(&from, SIZE_LIMIT);
    (void)take_bytes(&from, row->image_id, STORE_ID_SIZE);
    row->file_name = take_some_text(&from);
    row->class_index = take_int(&from, (sqlite3_int64)class_count);
    row->group = take_text(&from);
    row->weight = take_double(&from);
    row->extra = take_text(&from);
    const char *word = take_some_text(&from);
    row->reason = take_text(&from);
    if (strcmp(word, row->reason == NULL ? "scored" : "failed") != 0) {
        from.is_bad = true;
    }
    take_picture(&from, row);
    if (row->reason == NULL) {
        take_score(&from, class_count, row);
    }
    return !from.is_bad;
}

/* ---- transactions ------------------------------------------------------------------------ */

spur_status store_begin(store *into, spur_error *error)
{
    spur_status status = run_query(into, BEGIN_WRITE, error);
    into->in_transaction = status == SPUR_OK;
    return status;
}

static void roll_back(store *from)
{
    if (from->in_transaction) {
        (void)run_query(from, ROLLBACK, NULL);
        from->in_transaction = false;
    }
}

static spur_status end_transaction(store *into, spur_error *error)
{
    spur_status status = run_query(into, COMMIT, error);
    if (status != SPUR_OK) {
        roll_back(into);
    }
    into->in_transaction = false;
    return status;
}

/* Moves the log into run.db, so that what all rows share no longer depends on it. */
static spur_status move_log(store *into, spur_error *error)
{
    /* A reader may hold the log: it moves later, then; nobody waits for it. */
    (void)sqlite3_busy_timeout(into->db, 0);
    int result = sqlite3_exec(into->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    (void)sqlite3_busy_timeout(into->db, BUSY_MILLISECONDS);
    return result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED
               ? SPUR_OK
               : fail_sqlite(into, result, error);
}

/* ---- settings, classes, splits, and the digests over them ---------------------------------
 */

static spur_status encode_settings(store *from, text_buffer *into, spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    bool has_row;
    TRY(bind_begin(from, READ_SETTINGS, &query, error));
    TRY(step(from, &query, &has_row, error));
    while (has_row) {
        columns at = columns_of(&query);
        TRY(digest_text(into, take_some_text(&at), error));
        TRY(digest_text(into, take_some_text(&at), error));
        TRY(step(from, &query, &has_row, error));
    }
done:
    stop(&query);
    return status;
}

static spur_status encode_classes(store *from, text_buffer *into, spur_error *error)
{
    spur_status status;
    size_t bytes = from->embedding * sizeof(float);
    TRY(digest_u64(into, from->class_count, error));
    TRY(digest_u64(into, from->embedding, error));
    for (size_t i = 0; i < from->class_count; i++) {
        const store_class *one = &from->classes[i];
        TRY(digest_text(into, one->label, error));
        TRY(digest_text(into, one->name, error));
        TRY(digest_text(into, one->prompt, error));
        TRY(digest_u64(into, one->tokens, error));
        TRY(digest_u64(into, one->is_truncated, error));
        TRY(text_add(into, (const char *)one->query, bytes, error));
    }
done:
    return status;
}

static spur_status encode_splits(store *from, text_buffer *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < from->split_count; i++) {
        const store_split *one = &from->splits[i];
        TRY(digest_text(into, one->name, error));
        TRY(digest_text(into, one->root, error));
        TRY(digest_text(into, one->manifest_digest, error));
        TRY(digest_u64(into, one->images, error));
    }
done:
    return status;
}

typedef spur_status (*encoder)(store *from, text_buffer *into, spur_error *error);

static const struct {
    const char *name;
    encoder encode;
} tables[] = {
    {"settings", encode_settings}, {"classes", encode_classes}, {"splits", encode_splits}};

enum {
    TABLE_COUNT = sizeof tables / sizeof tables[0]
};

static spur_status table_digest(store *from, size_t table, unsigned char out[DIGEST_SIZE],
                                spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    TRY(digest_text(&bytes, tables[table].name, error));
    TRY(tables[table].encode(from, &bytes, error));
    TRY(digest_of(bytes.data, bytes.length, out, error));
done:
    text_buffer_free(&bytes);
    return status;
}

/* Reads classes and splits into memory again after a change. */
static spur_status load_tables(store *from, spur_error *error);

static spur_status write_checks(store *into, spur_error *error)
{
    spur_status status;
    TRY(load_tables(into, error));
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        unsigned char sum[DIGEST_SIZE];
        binder query;
        TRY(table_digest(into, i, sum, error));
        TRY(bind_begin(into, PUT_CHECK, &query, error));
        bind_text(&query, tables[i].name);
        bind_bytes(&query, sum, sizeof sum);
        TRY(run(into, &query, error));
    }
done:
    return status;
}

static spur_status verify_checks(store *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    binder query = {NULL, 0, 0};
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        unsigned char expected[DIGEST_SIZE];
        unsigned char found[DIGEST_SIZE];
        bool has_row;
        TRY(table_digest(from, i, expected, error));
        TRY(bind_begin(from, READ_CHECK, &query, error));
        bind_text(&query, tables[i].name);
        TRY(step(from, &query, &has_row, error));
        columns at = columns_of(&query);
        bool is_same = has_row && take_bytes(&at, found, sizeof found) &&
                       memcmp(found, expected, sizeof found) == 0;
        stop(&query);
        if (!is_same) {
            char what[64];
            (void)snprintf(what, sizeof what, "digest of table %s", tables[i].name);
            TRY(fail_check(from, error, what));
        }
    }
done:
    stop(&query);
    return status;
}

static spur_status keep_text(store *from, columns *at, const char **out, spur_error *error)
{
    char *copy = NULL;
    const char *text = take_some_text(at);
    spur_status status = arena_text(from->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status load_class(store *from, columns *at, store_class *out, spur_error *error)
{
    spur_status status;
    float *query = NULL;
    if (take_int(at, CLASS_LIMIT) != from->class_count) {
        TRY(fail_check(from, error, "class indices without gaps"));
    }
    TRY(keep_text(from, at, &out->label, error));
    TRY(keep_text(from, at, &out->name, error));
    TRY(keep_text(from, at, &out->prompt, error));
    out->tokens = take_int(at, SIZE_LIMIT);
    out->is_truncated = take_bool(at);
    size_t bytes = (size_t)sqlite3_column_bytes(at->statement, at->column);
    if (from->class_count == 0) {
        from->embedding = bytes / sizeof(float);
    }
    TRY(arena_take(from->texts, from->embedding, sizeof(float), &query, error));
    if (from->embedding == 0 || !take_bytes(at, query, from->embedding * sizeof(float)) ||
        at->is_bad) {
        TRY(fail_check(from, error, "values of table classes"));
    }
    out->query = query;
done:
    return status;
}

static spur_status load_classes(store *from, spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    size_t capacity = 0;
    bool has_row;
    TRY(bind_begin(from, READ_CLASSES, &query, error));
    TRY(step(from, &query, &has_row, error));
    while (has_row) {
        columns at = columns_of(&query);
        TRY(memory_grow(&from->classes, &capacity, from->class_count + 1, sizeof *from->classes,
                        error));
        TRY(load_class(from, &at, &from->classes[from->class_count], error));
        from->class_count++;
        TRY(step(from, &query, &has_row, error));
    }
done:
    stop(&query);
    return status;
}

static spur_status load_splits(store *from, spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    size_t capacity = 0;
    bool has_row;
    TRY(bind_begin(from, READ_SPLITS, &query, error));
    TRY(step(from, &query, &has_row, error));
    while (has_row) {
        columns at = columns_of(&query);
        TRY(memory_grow(&from->splits, &capacity, from->split_count + 1, sizeof *from->splits,
                        error));
        store_split *one = &from->splits[from->split_count];
        (void)take_int(&at, SIZE_LIMIT);
        TRY(keep_text(from, &at, &one->name, error));
        TRY(keep_text(from, &at, &one->root, error));
        TRY(keep_text(from, &at, &one->manifest_digest, error));
        one->images = take_int(&at, SIZE_LIMIT);
        if (at.is_bad) {
            TRY(fail_check(from, error, "values of table splits"));
        }
        from->split_count++;
        TRY(step(from, &query, &has_row, error));
    }
done:
    stop(&query);
    return status;
}

static void forget_tables(store *from)
{
    memory_free(from->classes);
    memory_free(from->splits);
    arena_free(from->texts);
    from->classes = NULL;
    from->splits = NULL;
    from->texts = NULL;
    from->class_count = from->embedding = from->split_count = 0;
}

static spur_status load_tables(store *from, spur_error *error)
{
    spur_status status;
    forget_tables(from);
    TRY(arena_new(&from->texts, error));
    TRY(load_classes(from, error));
    TRY(load_splits(from, error));
done:
    return status;
}

spur_status store_get_setting(store *from, const char *key, char **value, spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    char *copy = NULL;
    bool has_row;
    TRY(bind_begin(from, READ_SETTING, &query, error));
    bind_text(&query, key);
    TRY(step(from, &query, &has_row, error));
    if (has_row) {
        columns at = columns_of(&query);
        const char *text = take_some_text(&at);
        TRY(memory_copy_text(text, strlen(text), &copy, error));
    }
    *value = copy;
done:
    stop(&query);
    return status;
}

spur_status store_get_classes(store *from, const store_class **classes, size_t *count,
                              size_t *embedding, spur_error *error)
{
    (void)error;
    *classes = from->classes;
    *count = from->class_count;
    *embedding = from->embedding;
    return SPUR_OK;
}

spur_status store_get_splits(store *from, const store_split **splits, size_t *count,
                             spur_error *error)
{
    (void)error;
    *splits = from->splits;
    *count = from->split_count;
    return SPUR_OK;
}

static spur_status put_class(store *into, size_t index, const store_class *one,
                             size_t embedding, spur_error *error)
{
    spur_status status;
    binder query;
    TRY(bind_begin(into, PUT_CLASS, &query, error));
    bind_int(&query, index);
    bind_text(&query, one->label);
    bind_text(&query, one->name);
    bind_text(&query, one->prompt);
    bind_int(&query, one->tokens);
    bind_int(&query, one->is_truncated);
    bind_bytes(&query, one->query, embedding * sizeof(float));
    TRY(run(into, &query, error));
done:
    return status;
}

spur_status store_put_run(store *into, const store_setting *settings, size_t setting_count,
                          const store_class *classes, size_t class_count, size_t embedding,
                          spur_error *error)
{
    spur_status status;
    TRY(store_begin(into, error));
    for (size_t i = 0; i < setting_count; i++) {
        binder query;
        TRY(bind_begin(into, PUT_SETTING, &query, error));
        bind_text(&query, settings[i].key);
        bind_text(&query, settings[i].value);
        TRY(run(into, &query, error));
    }
    for (size_t i = 0; i < class_count; i++) {
        TRY(put_class(into, i, &classes[i], embedding, error));
    }
    TRY(write_checks(into, error));
    TRY(end_transaction(into, error));
done:
    roll_back(into);
    return status;
}

spur_status store_put_split(store *into, const store_split *split, spur_error *error)
{
    spur_status status;
    binder query;
    TRY(store_begin(into, error));
    TRY(bind_begin(into, PUT_SPLIT, &query, error));
    bind_text(&query, split->name);
    bind_text(&query, split->root);
    bind_text(&query, split->manifest_digest);
    bind_int(&query, split->images);
    TRY(run(into, &query, error));
    TRY(write_checks(into, error));
    TRY(end_transaction(into, error));
    TRY(move_log(into, error));
done:
    roll_back(into);
    return status;
}

spur_status store_drop_split(store *into, const char *split, spur_error *error)
{
    static const enum query drops[] = {DROP_SPLIT,  DROP_BATCHES,       DROP_IMAGES,
                                       DROP_SCORES, DROP_SPLIT_PENDING, DROP_CELLS};
    spur_status status;
    TRY(store_begin(into, error));
    for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++) {
        TRY(run_for_split(into, drops[i], split, error));
    }
    TRY(load_tables(into, error));
    if (into->split_count == 0) {
        TRY(run_query(into, DROP_SETTINGS, error));
        TRY(run_query(into, DROP_CLASSES, error));
    }
    TRY(write_checks(into, error));
    TRY(end_transaction(into, error));
done:
    roll_back(into);
    return status;
}

/* ---- tallies ------------------------------------------------------------------------------
 */

/* Pending bins of a batch: for every scored row its class (4 bytes) and the number of bins (4
 * bytes), then a bin per class query, or of the own class alone (2 bytes each); all
 * little-endian. */
static spur_status encode_bins(text_buffer *into, const store_row *row, spur_error *error)
{
    spur_status status;
    unsigned char head[8];
    for (size_t i = 0; i < 4; i++) {
        head[i] = (unsigned char)(row->class_index >> (8 * i) & 0xFF);
        head[4 + i] = (unsigned char)(row->bin_count >> (8 * i) & 0xFF);
    }
    TRY(text_add(into, (const char *)head, sizeof head, error));
    for (size_t i = 0; i < row->bin_count;) {
        char block[512];
        size_t size = 0;
        for (; i < row->bin_count && size < sizeof block; i++) {
            block[size++] = (char)(unsigned char)(row->bins[i] & 0xFF);
            block[size++] = (char)(unsigned char)(row->bins[i] >> 8);
        }
        TRY(text_add(into, block, size, error));
    }
done:
    return status;
}

typedef void (*cell_visit)(void *context, size_t class_index, bool is_own, size_t bin);

static size_t read_little(const unsigned char *bytes, size_t count)
{
    size_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value |= (size_t)bytes[i] << (8 * i);
    }
    return value;
}

/* Calls visit for every (query, image) of a pending block; false when it is malformed. */
static bool decode_bins(const unsigned char *bytes, size_t length, size_t class_count,
                        cell_visit visit, void *context)
{
    for (size_t at = 0; at < length;) {
        if (length - at < 8) {
            return false;
        }
        size_t own = read_little(bytes + at, 4);
        size_t count = read_little(bytes + at + 4, 4);
        at += 8;
        if (own >= class_count || (count != 1 && count != class_count) ||
            count > (length - at) / 2) {
            return false;
        }
        for (size_t i = 0; i < count; i++, at += 2) {
            size_t query = count == 1 ? own : i;
            size_t bin = read_little(bytes + at, 2);
            if (bin >= STORE_BINS) {
                return false;
            }
            visit(context, query, query == own, bin);
        }
    }
    return true;
}

static void add_weight(void *context, size_t class_index, bool is_own, size_t bin)
{
    *(uint64_t *)context += digest_cell(class_index, is_own, bin);
}

static size_t cell_at(size_t class_index, bool is_own, size_t bin)
{
    return (class_index * 2 + (is_own ? 1 : 0)) * STORE_BINS + bin;
}

static void count_cell(void *context, size_t class_index, bool is_own, size_t bin)
{
    ((uint32_t *)context)[cell_at(class_index, is_own, bin)]++;
}

/* Calls visit for everything pending of a split. */
static spur_status each_pending(store *from, const char *split, cell_visit visit, void *context,
                                spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    bool has_row;
    TRY(bind_begin(from, READ_PENDING, &query, error));
    bind_text(&query, split);
    TRY(step(from, &query, &has_row, error));
    while (has_row) {
        const unsigned char *bytes = sqlite3_column_blob(query.statement, 1);
        size_t length = (size_t)sqlite3_column_bytes(query.statement, 1);
        if (!decode_bins(bytes, length, from->class_count, visit, context)) {
            TRY(fail_check(from, error, "values of table pending_tallies"));
        }
        TRY(step(from, &query, &has_row, error));
    }
done:
    stop(&query);
    return status;
}

static spur_status write_cells(store *into, const char *split, const uint32_t *cells,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < into->class_count * 2 * STORE_BINS; i++) {
        binder query;
        if (cells[i] == 0) {
            continue;
        }
        TRY(bind_begin(into, ADD_CELL, &query, error));
        bind_text(&query, split);
        bind_int(&query, i / STORE_BINS / 2);
        bind_int(&query, i / STORE_BINS % 2);
        bind_int(&query, i % STORE_BINS);
        bind_int(&query, cells[i]);
        TRY(run(into, &query, error));
    }
done:
    return status;
}

/* Zeroed counts [class_count, own or other, STORE_BINS]. */
static spur_status new_cells(const store *from, uint32_t **out, spur_error *error)
{
    size_t count;
    if (!size_mul(from->class_count, 2 * (size_t)STORE_BINS, &count)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return memory_new_zeroed(count, sizeof **out, out, error);
}

/* Moves everything pending into the histograms, inside the running transaction. */
static spur_status fold_pending(store *into, spur_error *error)
{
    spur_status status;
    uint32_t *cells = NULL;
    for (size_t i = 0; i < into->split_count; i++) {
        memory_free(cells);
        cells = NULL;
        TRY(new_cells(into, &cells, error));
        TRY(each_pending(into, into->splits[i].name, count_cell, cells, error));
        TRY(write_cells(into, into->splits[i].name, cells, error));
    }
    TRY(run_query(into, DROP_PENDING, error));
    into->pending = 0;
done:
    memory_free(cells);
    return status;
}

spur_status store_settle(store *into, spur_error *error)
{
    spur_status status;
    if (into->pending == 0) {
        return SPUR_OK;
    }
    TRY(store_begin(into, error));
    TRY(fold_pending(into, error));
    TRY(end_transaction(into, error));
done:
    roll_back(into);
    return status;
}

static spur_status each_cell(store *from, binder *query,
                             void (*visit)(void *context, size_t class_index, bool is_own,
                                           size_t bin, uint64_t images),
                             void *context, spur_error *error)
{
    spur_status status;
    bool has_row;
    TRY(step(from, query, &has_row, error));
    while (has_row) {
        columns at = columns_of(query);
        size_t class_index = take_int(&at, (sqlite3_int64)from->class_count);
        bool is_own = take_bool(&at);
        size_t bin = take_int(&at, STORE_BINS);
        uint64_t images = take_int(&at, SIZE_LIMIT);
        if (at.is_bad) {
            TRY(fail_check(from, error, "values of table histograms"));
        }
        visit(context, class_index, is_own, bin, images);
        TRY(step(from, query, &has_row, error));
    }
done:
    stop(query);
    return status;
}

static void add_cell_weight(void *context, size_t class_index, bool is_own, size_t bin,
                            uint64_t images)
{
    *(uint64_t *)context += images * digest_cell(class_index, is_own, bin);
}

/* The checksum of a split's histograms must equal the sum its batches carry. */
static spur_status verify_tallies(store *from, const char *split, uint64_t expected,
                                  spur_error *error)
{
    spur_status status;
    binder query;
    uint64_t found = 0;
    TRY(each_pending(from, split, add_weight, &found, error));
    TRY(bind_begin(from, READ_CELLS, &query, error));
    bind_text(&query, split);
    TRY(each_cell(from, &query, add_cell_weight, &found, error));
    if (found != expected) {
        TRY(fail_check(from, error, "checksum of the histograms"));
    }
done:
    return status;
}

typedef struct histogram_pair {
    size_t class_index;
    uint64_t *own, *other;
} histogram_pair;

static void add_to_pair(void *context, size_t class_index, bool is_own, size_t bin,
                        uint64_t images)
{
    histogram_pair *pair = context;
    if (class_index == pair->class_index) {
        (is_own ? pair->own : pair->other)[bin] += images;
    }
}

static void forget_cells(store *from)
{
    memory_free(from->cells);
    memory_free(from->cells_split);
    from->cells = NULL;
    from->cells_split = NULL;
}

/* Counts everything pending of a split once, not again for every class. */
static spur_status load_cells(store *from, const char *split, spur_error *error)
{
    spur_status status;
    if (from->cells_split != NULL && strcmp(from->cells_split, split) == 0) {
        return SPUR_OK;
    }
    forget_cells(from);
    TRY(memory_copy_text(split, strlen(split), &from->cells_split, error));
    TRY(new_cells(from, &from->cells, error));
    TRY(each_pending(from, split, count_cell, from->cells, error));
done:
    if (status != SPUR_OK) {
        forget_cells(from);
    }
    return status;
}

static void add_pending(const store *from, size_t class_index, uint64_t *own, uint64_t *other)
{
    for (size_t bin = 0; bin < STORE_BINS; bin++) {
        own[bin] += from->cells[cell_at(class_index, true, bin)];
        other[bin] += from->cells[cell_at(class_index, false, bin)];
    }
}

spur_status store_get_histogram(store *from, const char *split, size_t class_index,
                                uint64_t *own, uint64_t *other, spur_error *error)
{
    spur_status status;
    binder query;
    histogram_pair pair = {class_index, own, other};
    memset(own, 0, STORE_BINS * sizeof *own);
    memset(other, 0, STORE_BINS * sizeof *other);
    TRY(bind_begin(from, READ_CLASS_CELLS, &query, error));
    bind_text(&query, split);
    bind_int(&query, class_index);
    TRY(each_cell(from, &query, add_to_pair, &pair, error));
    if (from->pending > 0) {
        TRY(load_cells(from, split, error));
        add_pending(from, class_index, own, other);
    }
done:
    return status;
}

/* ---- batches ------------------------------------------------------------------------------
 */

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
    binder query;
    TRY(bind_begin(into, PUT_IMAGE, &query, error));
    bind_text(&query, split);
    bind_int(&query, row->row);
    bind_bytes(&query, row->image_id, STORE_ID_SIZE);
    bind_text(&query, row->file_name);
    bind_int(&query, row->class_index);
    bind_text(&query, row->group);
    bind_real(&query, row->weight);
    bind_text(&query, row->extra);
    bind_text(&query, row->reason == NULL ? "scored" : "failed");
    bind_text(&query, row->reason);
    bind_text(&query, row->format);
    bind_int(&query, row->width);
    bind_int(&query, row->height);
    bind_int(&query, row->orientation);
    bind_int(&query, row->has_alpha);
    bind_int(&query, row->is_animated);
    bind_int(&query, row->is_truncated);
    bind_int(&query, row->warnings);
    if (row->has_digest) {
        bind_bytes(&query, row->file_digest, STORE_DIGEST_SIZE);
    } else {
        bind_null(&query);
    }
    TRY(run(into, &query, error));
done:
    return status;
}

static spur_status put_score(store *into, const char *split, const store_row *row,
                             spur_error *error)
{
    spur_status status;
    binder query;
    TRY(bind_begin(into, PUT_SCORE, &query, error));
    bind_text(&query, split);
    bind_int(&query, row->row);
    bind_real(&query, (double)row->logit);
    bind_int(&query, row->patch);
    for (size_t i = 0; i < 4; i++) {
        bind_real(&query, (double)row->box[i]);
    }
    if (row->has_other) {
        bind_int(&query, row->other_class);
        bind_real(&query, (double)row->other_logit);
    } else {
        bind_null(&query);
        bind_null(&query);
    }
    for (size_t i = 0; i < STORE_BEST; i++) {
        if (i < row->best_count) {
            bind_int(&query, row->best[i].class_index);
            bind_real(&query, (double)row->best[i].logit);
        } else {
            bind_null(&query);
            bind_null(&query);
        }
    }
    TRY(run(into, &query, error));
done:
    return status;
}

/* Starts the bytes of a batch's digest. */
static spur_status encode_batch(text_buffer *into, const char *split, uint64_t batch,
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
    binder query;
    TRY(bind_begin(into, PUT_BATCH, &query, error));
    bind_text(&query, split);
    bind_int(&query, batch);
    bind_int(&query, images);
    bind_int(&query, tally);
    bind_bytes(&query, sum, DIGEST_SIZE);
    TRY(run(into, &query, error));
done:
    return status;
}

static spur_status put_pending(store *into, const char *split, uint64_t batch,
                               const text_buffer *bins, spur_error *error)
{
    spur_status status;
    binder query;
    TRY(bind_begin(into, PUT_PENDING, &query, error));
    bind_text(&query, split);
    bind_int(&query, batch);
    bind_bytes(&query, bins->data, bins->length);
    TRY(run(into, &query, error));
    into->pending++;
    forget_cells(into);
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
            TRY(encode_bins(&bins, &rows[i], error));
        }
    }
    (void)decode_bins((const unsigned char *)bins.data, bins.length, into->class_count,
                      add_weight, &tally);
    TRY(encode_batch(&bytes, split, batch, count, tally, error));
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
    if (status != SPUR_OK) {
        roll_back(into);
    }
    return status;
}

spur_status store_commit(store *into, spur_error *error)
{
    spur_status status;
    if (into->pending >= FOLD_EVERY) {
        TRY(fold_pending(into, error));
    }
    TRY(end_transaction(into, error));
done:
    roll_back(into);
    return status;
}

spur_status store_list_batches(store *from, const char *split, unsigned char *done,
                               size_t count, spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    bool has_row;
    memset(done, 0, count);
    TRY(bind_begin(from, READ_BATCHES, &query, error));
    bind_text(&query, split);
    TRY(step(from, &query, &has_row, error));
    while (has_row) {
        columns at = columns_of(&query);
        uint64_t batch = take_int(&at, SIZE_LIMIT);
        if (at.is_bad || batch >= count) {
            TRY(fail_check(from, error, "batch numbers of the split"));
        }
        done[batch] = 1;
        TRY(step(from, &query, &has_row, error));
    }
done:
    stop(&query);
    return status;
}

spur_status store_each_row(store *from, const char *split, store_visit visit, void *context,
                           spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    bool has_row;
    TRY(bind_begin(from, READ_ROWS, &query, error));
    bind_text(&query, split);
    TRY(step(from, &query, &has_row, error));
    while (has_row) {
        store_row row;
        if (!take_row(&query, from->class_count, &row)) {
            TRY(fail_check(from, error, "values of tables images and scores"));
        }
        TRY(visit(context, &row, error));
        TRY(step(from, &query, &has_row, error));
    }
done:
    stop(&query);
    return status;
}

spur_status store_count(store *from, const char *split, store_counts *out, spur_error *error)
{
    spur_status status;
    binder query = {NULL, 0, 0};
    bool has_row;
    store_counts counts = {0, 0, 0, 0, 0, 0};
    TRY(bind_begin(from, COUNT_SPLIT, &query, error));
    bind_text(&query, split);
    TRY(step(from, &query, &has_row, error));
    columns at = columns_of(&query);
    counts.scored = take_int(&at, SIZE_LIMIT);
    counts.failed = take_int(&at, SIZE_LIMIT);
    counts.oriented = take_int(&at, SIZE_LIMIT);
    counts.with_alpha = take_int(&at, SIZE_LIMIT);
    counts.with_warnings = take_int(&at, SIZE_LIMIT);
    stop(&query);
    TRY(bind_begin(from, COUNT_DUPLICATES, &query, error));
    bind_text(&query, split);
    TRY(step(from, &query, &has_row, error));
    at = columns_of(&query);
    counts.duplicates = take_int(&at, SIZE_LIMIT);
    counts.duplicates -= take_int(&at, SIZE_LIMIT);
    *out = counts;
done:
    stop(&query);
    return status;
}

/* ---- verification -------------------------------------------------------------------------
 */

/* Sums over the whole file, to notice rows that belong to no batch. */
typedef struct totals {
    uint64_t images, scores, batches;
} totals;

typedef struct batch_head {
    uint64_t batch, images, tally;
    unsigned char sum[DIGEST_SIZE];
} batch_head;

static bool take_batch(const binder *query, batch_head *out)
{
    columns at = columns_of(query);
    out->batch = take_int(&at, SIZE_LIMIT / STORE_BATCH_ROWS);
    out->images = take_int(&at, STORE_BATCH_ROWS + 1);
    sqlite3_int64 tally = sqlite3_column_int64(at.statement, at.column++);
    memcpy(&out->tally, &tally, sizeof tally);
    (void)take_bytes(&at, out->sum, sizeof out->sum);
    return !at.is_bad && out->images > 0;
}

/* Hashes the rows of one batch as the open READ_ROWS query gives them. */
static spur_status verify_batch(store *from, const char *split, const batch_head *head,
                                const binder *rows, text_buffer *bytes, totals *sums,
                                spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    char what[128];
    bool is_good = true;
    TRY(encode_batch(bytes, split, head->batch, head->images, head->tally, error));
    for (uint64_t i = 0; i < head->images && is_good; i++) {
        store_row row;
        bool has_row;
        TRY(step(from, rows, &has_row, error));
        is_good = has_row && take_row(rows, from->class_count, &row) &&
                  row.row == head->batch * STORE_BATCH_ROWS + i;
        if (is_good) {
            sums->scores += row.reason == NULL;
            TRY(digest_row(bytes, &row, error));
        }
    }
    TRY(digest_of(bytes->data, bytes->length, sum, error));
    if (!is_good || memcmp(sum, head->sum, sizeof sum) != 0) {
        (void)snprintf(what, sizeof what, "digest of batch %" PRIu64, head->batch);
        TRY(fail_check(from, error, what));
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
    binder batches = {NULL, 0, 0};
    binder rows = {NULL, 0, 0};
    text_buffer bytes = {NULL, 0, 0};
    uint64_t tally = 0;
    bool has_batch;
    TRY(bind_begin(from, READ_BATCHES, &batches, error));
    bind_text(&batches, split->name);
    TRY(bind_begin(from, READ_ROWS, &rows, error));
    bind_text(&rows, split->name);
    TRY(step(from, &batches, &has_batch, error));
    while (has_batch) {
        batch_head head;
        if (!take_batch(&batches, &head) ||
            head.batch * STORE_BATCH_ROWS + head.images > split->images) {
            TRY(fail_check(from, error, "values of table batches"));
        }
        TRY(verify_batch(from, split->name, &head, &rows, &bytes, sums, error));
        tally += head.tally;
        TRY(step(from, &batches, &has_batch, error));
    }
    TRY(verify_tallies(from, split->name, tally, error));
done:
    stop(&batches);
    stop(&rows);
    text_buffer_free(&bytes);
    return status;
}

static spur_status verify_rows(store *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    totals sums = {0, 0, 0};
    binder query = {NULL, 0, 0};
    bool has_row;
    for (size_t i = 0; i < from->split_count; i++) {
        TRY(verify_split(from, &from->splits[i], &sums, error));
    }
    TRY(bind_begin(from, COUNT_ALL, &query, error));
    TRY(step(from, &query, &has_row, error));
    columns at = columns_of(&query);
    if (take_int(&at, SIZE_LIMIT) != sums.images || take_int(&at, SIZE_LIMIT) != sums.scores ||
        take_int(&at, SIZE_LIMIT) != sums.batches) {
        TRY(fail_check(from, error, "every row belongs to a batch"));
    }
done:
    stop(&query);
    return status;
}

/* One value of a pragma or of any query we wrote out here. */
static spur_status ask_number(store *from, const char *sql, sqlite3_int64 *out,
                              spur_error *error)
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
        status = fail_sqlite(from, result, error);
    }
    (void)sqlite3_finalize(statement);
    return status;
}

static spur_status execute(store *from, const char *sql, spur_error *error)
{
    int result = sqlite3_exec(from->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? SPUR_OK : fail_sqlite(from, result, error);
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
        status = fail_sqlite(from, result, error);
    } else {
        const unsigned char *found = sqlite3_column_text(statement, 0);
        if (found == NULL || strcmp((const char *)found, "ok") != 0) {
            status = fail_check(from, error, "SQLite's quick_check");
        }
    }
    (void)sqlite3_finalize(statement);
    return status;
}

/* True when the object SQLite lists under this name is the one we make. */
static bool is_our_object(const char *name, const char *sql)
{
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        if (strcmp(name, schema[i].name) == 0) {
            return strcmp(sql, schema[i].sql) == 0;
        }
    }
    return false;
}

/* Ours word for word: a trigger or a view in disguise never runs. */
static spur_status verify_schema(store *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t found = 0;
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(from->db,
                                    "SELECT name, coalesce(sql, '') FROM sqlite_schema "
                                    "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                                    -1, &statement, NULL);
    while (result == SQLITE_OK && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        const char *sql = (const char *)sqlite3_column_text(statement, 1);
        if (name == NULL || sql == NULL || !is_our_object(name, sql)) {
            FAIL(SPUR_DATASET, "%s: failed check: schema: %s is not an object of a run",
                 from->path, name == NULL ? "something without a name" : name);
        }
        found++;
        result = SQLITE_OK;
    }
    if (result != SQLITE_DONE) {
        TRY(fail_sqlite(from, result, error));
    }
    if (found != SCHEMA_COUNT) {
        TRY(fail_check(from, error, "schema: tables are missing"));
    }
done:
    (void)sqlite3_finalize(statement);
    return status;
}

static spur_status verify_version(store *from, sqlite3_int64 application, spur_error *error)
{
    spur_status status;
    sqlite3_int64 version = 0;
    if (application != APPLICATION_ID) {
        FAIL(SPUR_DATASET, "%s: is an SQLite file, but not a run of Spur", from->path);
    }
    TRY(ask_number(from, "PRAGMA user_version", &version, error));
    if (version != SCHEMA_VERSION) {
        FAIL(SPUR_DATASET,
             "%s: schema version %lld, this program knows %d; use the Spur that wrote it",
             from->path, (long long)version, (int)SCHEMA_VERSION);
    }
done:
    return status;
}

/* Everything that can be checked before a value is used. */
static spur_status verify(store *from, sqlite3_int64 application, spur_error *error)
{
    spur_status status;
    sqlite3_int64 pending = 0;
    TRY(verify_version(from, application, error));
    TRY(verify_schema(from, error));
    TRY(verify_pages(from, error));
    TRY(load_tables(from, error));
    TRY(verify_checks(from, error));
    TRY(verify_rows(from, error));
    TRY(ask_number(from, queries[COUNT_BATCHES], &pending, error));
    from->pending = (uint64_t)pending;
done:
    return status;
}

/* ---- opening ------------------------------------------------------------------------------
 */

/* A hostile file gets neither triggers, functions with side effects, nor much memory. */
static spur_status make_safe(store *from, spur_error *error)
{
    static const struct {
        int option, value;
    } options[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                   {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                   {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0}};
    static const struct {
        int limit, value;
    } limits[] = {{SQLITE_LIMIT_LENGTH, 1 << 26},
                  {SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
                  {SQLITE_LIMIT_COLUMN, 64},
                  {SQLITE_LIMIT_EXPR_DEPTH, 32},
                  {SQLITE_LIMIT_COMPOUND_SELECT, 4},
                  {SQLITE_LIMIT_VDBE_OP, 20000},
                  {SQLITE_LIMIT_FUNCTION_ARG, 8},
                  {SQLITE_LIMIT_ATTACHED, 0},
                  {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
                  {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                  {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int result = sqlite3_db_config(from->db, options[i].option, options[i].value, NULL);
        if (result != SQLITE_OK) {
            return fail_sqlite(from, result, error);
        }
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        (void)sqlite3_limit(from->db, limits[i].limit, limits[i].value);
    }
    (void)sqlite3_busy_timeout(from->db, BUSY_MILLISECONDS);
    return execute(from, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", error);
}

/* The path as SQLite takes it literally: one that starts with "file:" would be a URI. */
static spur_status literal_path(const char *path, char **out, spur_error *error)
{
    if (path[0] == '/') {
        return memory_copy_text(path, strlen(path), out, error);
    }
    return file_join(".", path, out, error);
}

/* "file:PATH?immutable=1" with PATH percent-encoded. */
static spur_status immutable_uri(const char *path, text_buffer *into, spur_error *error)
{
    spur_status status;
    TRY(text_add(into, "file:", 5, error));
    for (const char *at = path; *at != '\0'; at++) {
        bool is_plain = strchr("?#%", *at) == NULL;
        TRY(is_plain ? text_add(into, at, 1, error)
                     : text_format(into, error, "%%%02X", (unsigned)(unsigned char)*at));
    }
    TRY(text_add(into, "?immutable=1", 12, error));
done:
    return status;
}

static spur_status open_database(store *from, const char *name, int flags,
                                 sqlite3_int64 *application, spur_error *error)
{
    spur_status status;
    (void)sqlite3_close(from->db);
    from->db = NULL;
    int result = sqlite3_open_v2(name, &from->db, flags, NULL);
    if (result != SQLITE_OK) {
        return fail_sqlite(from, result, error);
    }
    TRY(make_safe(from, error));
    TRY(ask_number(from, "PRAGMA application_id", application, error));
    /* The pragma answers from the header alone; this takes the locks a reader needs. */
    sqlite3_int64 objects = 0;
    TRY(ask_number(from, "SELECT count(*) FROM sqlite_schema", &objects, error));
    if (objects == 0 && *application == 0) {
        *application = -1;
    }
done:
    return status;
}

/* A folder that cannot be written holds no usable shared memory for a reader of a write-ahead
 * log; without a log the file may be read as it is. */
static spur_status open_immutable(store *from, sqlite3_int64 *application, spur_error *error)
{
    spur_status status;
    text_buffer uri = {NULL, 0, 0};
    TRY(immutable_uri(from->path, &uri, error));
    TRY(open_database(from, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, application,
                      error));
done:
    text_buffer_free(&uri);
    return status;
}

static bool has_log(const char *path)
{
    char name[4096];
    struct stat facts;
    int length = snprintf(name, sizeof name, "%s-wal", path);
    return length > 0 && (size_t)length < sizeof name && stat(name, &facts) == 0 &&
           facts.st_size > 0;
}

static spur_status open_reading(store *from, sqlite3_int64 *application, spur_error *error)
{
    spur_status status =
        open_database(from, from->path, SQLITE_OPEN_READWRITE, application, error);
    if (status == SPUR_RESOURCE && !has_log(from->path)) {
        status = open_immutable(from, application, error);
    }
    return status;
}

static spur_status store_new(const char *folder, store **out, spur_error *error)
{
    spur_status status;
    store *made = NULL;
    char *joined = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(file_join(folder, "run.db", &joined, error));
    TRY(literal_path(joined, &made->path, error));
    *out = made;
    made = NULL;
done:
    memory_free(joined);
    store_close(made);
    return status;
}

static off_t size_of(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? facts.st_size : -1;
}

bool store_exists(const char *folder)
{
    char *path = NULL;
    bool exists = file_join(folder, "run.db", &path, NULL) == SPUR_OK && size_of(path) > 0;
    memory_free(path);
    return exists;
}

spur_status store_open(const char *folder, store **out, spur_error *error)
{
    spur_status status;
    store *made = NULL;
    sqlite3_int64 application = 0;
    TRY(store_new(folder, &made, error));
    if (file_kind_of(made->path) != FILE_REGULAR) {
        FAIL(SPUR_DATASET, "%s: no run there; `spur score DATA --out %s` makes one", made->path,
             folder);
    }
    if (size_of(made->path) == 0) {
        FAIL(SPUR_DATASET, "%s: is empty; nothing has been scored", made->path);
    }
    TRY(open_reading(made, &application, error));
    if (application == -1) {
        FAIL(SPUR_DATASET, "%s: is empty; nothing has been scored", made->path);
    }
    TRY(execute(made, "PRAGMA query_only = ON", error));
    TRY(run_query(made, BEGIN_READ, error));
    made->in_transaction = true;
    TRY(verify(made, application, error));
    *out = made;
    made = NULL;
done:
    store_close(made);
    return status;
}

static spur_status create_schema(store *into, spur_error *error)
{
    spur_status status;
    char pragma[64];
    TRY(store_begin(into, error));
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        TRY(execute(into, schema[i].sql, error));
    }
    (void)snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", (int)APPLICATION_ID);
    TRY(execute(into, pragma, error));
    (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", (int)SCHEMA_VERSION);
    TRY(execute(into, pragma, error));
    TRY(write_checks(into, error));
    TRY(end_transaction(into, error));
    TRY(move_log(into, error));
done:
    roll_back(into);
    return status;
}

static spur_status set_journal(store *into, const char *folder, store_journal journal,
                               spur_error *error)
{
    bool use_log = journal == STORE_JOURNAL_WAL ||
                   (journal == STORE_JOURNAL_AUTO && !run_folder_is_remote(folder));
    spur_status status = execute(
        into, use_log ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE", error);
    return status != SPUR_OK ? status : execute(into, "PRAGMA synchronous = FULL", error);
}

spur_status store_open_writer(const char *folder, store_journal journal, store **out,
                              spur_error *error)
{
    spur_status status;
    store *made = NULL;
    sqlite3_int64 application = 0;
    TRY(file_make_folder(folder, error));
    TRY(store_new(folder, &made, error));
    TRY(run_lock_take(folder, &made->lock, error));
    if (file_kind_of(made->path) == FILE_FOLDER || file_kind_of(made->path) == FILE_OTHER) {
        FAIL(SPUR_DATASET, "%s: is not a regular file", made->path);
    }
    TRY(open_database(made, made->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                      &application, error));
    if (application == -1) {
        TRY(set_journal(made, folder, journal, error));
        TRY(create_schema(made, error));
    } else {
        TRY(verify(made, application, error));
        TRY(set_journal(made, folder, journal, error));
    }
    *out = made;
    made = NULL;
done:
    store_close(made);
    return status;
}

void store_close(store *block)
{
    if (block == NULL) {
        return;
    }
    if (block->db != NULL) {
        roll_back(block);
        for (size_t i = 0; i < QUERY_COUNT; i++) {
            (void)sqlite3_finalize(block->statements[i]);
        }
        (void)sqlite3_close(block->db);
    }
    run_lock_release(block->lock);
    forget_cells(block);
    forget_tables(block);
    memory_free(block->path);
    memory_free(block);
}
