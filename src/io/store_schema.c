/*
 * store_schema.c - the schema of run.db, made and recognised word for word.
 */
#include <stdio.h>
#include <string.h>

#include "io/store_sql.h"

enum {
    APPLICATION_ID = 0x53505552, /* "SPUR" */
    SCHEMA_VERSION = 3
};

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
    {"backbones",
     "CREATE TABLE backbones(position INTEGER PRIMARY KEY, backbone TEXT NOT NULL, "
     "architecture TEXT NOT NULL, digest TEXT NOT NULL, preprocessing TEXT NOT NULL, settings "
     "TEXT NOT NULL, features INTEGER NOT NULL, classes INTEGER NOT NULL)"},
    {"feature_blocks",
     "CREATE TABLE feature_blocks(backbone TEXT NOT NULL, split TEXT NOT NULL, block INTEGER "
     "NOT NULL, images INTEGER NOT NULL, digest BLOB NOT NULL, seal BLOB NOT NULL, PRIMARY "
     "KEY(backbone, split, block)) WITHOUT ROWID"},
    {"feature_failures",
     "CREATE TABLE feature_failures(backbone TEXT NOT NULL, split TEXT NOT NULL, row INTEGER "
     "NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(backbone, split, row)) WITHOUT ROWID"},
    {"subsets",
     "CREATE TABLE subsets(subset TEXT NOT NULL PRIMARY KEY, split TEXT NOT NULL, exclusion "
     "TEXT NOT NULL, ranking BLOB NOT NULL, images INTEGER NOT NULL, digest BLOB NOT NULL) "
     "WITHOUT ROWID"},
    {"subset_members",
     "CREATE TABLE subset_members(subset TEXT NOT NULL, row INTEGER NOT NULL, class_index "
     "INTEGER NOT NULL, rank INTEGER NOT NULL, PRIMARY KEY(subset, row)) WITHOUT ROWID"},
    {"stages",
     "CREATE TABLE stages(stage TEXT NOT NULL PRIMARY KEY, inputs TEXT NOT NULL, results "
     "INTEGER NOT NULL, findings INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID"},
    {"results",
     "CREATE TABLE results(key TEXT NOT NULL PRIMARY KEY, stage TEXT NOT NULL, value REAL NOT "
     "NULL) WITHOUT ROWID"},
    {"findings",
     "CREATE TABLE findings(stage TEXT NOT NULL, position INTEGER NOT NULL, kind TEXT NOT "
     "NULL, text TEXT NOT NULL, PRIMARY KEY(stage, position)) WITHOUT ROWID"},
    {"predictions",
     "CREATE TABLE predictions(split TEXT NOT NULL, backbone TEXT NOT NULL, head TEXT NOT "
     "NULL, inputs TEXT NOT NULL, images INTEGER NOT NULL, predictions BLOB NOT NULL, digest "
     "BLOB NOT NULL, PRIMARY KEY(split, backbone, head)) WITHOUT ROWID"},
    {"experiments",
     "CREATE TABLE experiments(stage TEXT NOT NULL, subject TEXT NOT NULL, split TEXT NOT "
     "NULL, inputs TEXT NOT NULL, settings TEXT NOT NULL, images INTEGER NOT NULL, digest BLOB "
     "NOT "
     "NULL, PRIMARY KEY(stage, subject, split)) WITHOUT ROWID"},
    {"experiment_blocks",
     "CREATE TABLE experiment_blocks(stage TEXT NOT NULL, subject TEXT NOT NULL, split TEXT "
     "NOT NULL, block INTEGER NOT NULL, outcomes BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY "
     "KEY(stage, subject, split, block)) WITHOUT ROWID"},
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
static spur_status verify_objects(store *from, spur_error *error)
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
        TRY(sql_fail(from, result, error));
    }
    if (found != SCHEMA_COUNT) {
        TRY(store_fail_check(from, error, "schema: tables are missing"));
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
    TRY(sql_number(from, "PRAGMA user_version", &version, error));
    if (version != SCHEMA_VERSION) {
        FAIL(SPUR_DATASET,
             "%s: schema version %lld, this program knows %d; use the Spur that wrote it",
             from->path, (long long)version, (int)SCHEMA_VERSION);
    }
done:
    return status;
}

spur_status store_verify_schema(store *from, sqlite3_int64 application, spur_error *error)
{
    spur_status status;
    TRY(verify_version(from, application, error));
    TRY(verify_objects(from, error));
done:
    return status;
}

spur_status store_create_schema(store *into, spur_error *error)
{
    spur_status status;
    char pragma[64];
    TRY(store_begin(into, error));
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        TRY(sql_execute(into, schema[i].sql, error));
    }
    (void)snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", (int)APPLICATION_ID);
    TRY(sql_execute(into, pragma, error));
    (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", (int)SCHEMA_VERSION);
    TRY(sql_execute(into, pragma, error));
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
    TRY(store_move_log(into, error));
done:
    store_roll_back(into);
    return status;
}
