/*
 * tamper.c - changes to run.db that the store knows nothing of.
 */
#include "tamper.h"

#include <stdio.h>

#include <sqlite3.h>

#include "support.h"

void tamper(const char *folder, const char *sql)
{
    sqlite3 *db = NULL;
    char path[600];
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
