/*
 * store.c - opening and closing run.db.
 *
 * Nothing read from a run.db is believed: the connection is stripped of everything a hostile
 * file could use, the schema must be ours word for word, and every batch is hashed again.
 */
#include "io/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/run_lock.h"
#include "io/store_sql.h"

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
            return sql_fail(from, result, error);
        }
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        (void)sqlite3_limit(from->db, limits[i].limit, limits[i].value);
    }
    (void)sqlite3_busy_timeout(from->db, BUSY_MILLISECONDS);
    return sql_execute(from, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", error);
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
        return sql_fail(from, result, error);
    }
    TRY(make_safe(from, error));
    TRY(sql_number(from, "PRAGMA application_id", application, error));
    /* The pragma answers from the header alone; this takes the locks a reader needs. */
    sqlite3_int64 objects = 0;
    TRY(sql_number(from, "SELECT count(*) FROM sqlite_schema", &objects, error));
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
    TRY(sql_execute(made, "PRAGMA query_only = ON", error));
    TRY(sql_run_plain(made, BEGIN_READ, error));
    made->in_transaction = true;
    TRY(store_verify(made, application, error));
    *out = made;
    made = NULL;
done:
    store_close(made);
    return status;
}

static spur_status set_journal(store *into, const char *folder, store_journal journal,
                               spur_error *error)
{
    bool use_log = journal == STORE_JOURNAL_WAL ||
                   (journal == STORE_JOURNAL_AUTO && !run_folder_is_remote(folder));
    spur_status status = sql_execute(
        into, use_log ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE", error);
    return status != SPUR_OK ? status : sql_execute(into, "PRAGMA synchronous = FULL", error);
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
        TRY(store_create_schema(made, error));
    } else {
        TRY(store_verify(made, application, error));
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
        store_roll_back(block);
        for (size_t i = 0; i < QUERY_COUNT; i++) {
            (void)sqlite3_finalize(block->statements[i]);
        }
        (void)sqlite3_close(block->db);
    }
    run_lock_release(block->lock);
    store_forget_cells(block);
    store_forget_tables(block);
    memory_free(block->path);
    memory_free(block);
}
