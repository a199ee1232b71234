/*
 * store_subsets.c - definitions and members of subsets. A definition carries the digest of its
 * members; the digest over all definitions is one of the run's checks.
 */
#include "io/store_subsets.h"

#include <stdio.h>
#include <string.h>

#include "io/store_digest.h"
#include "io/store_sql.h"

/* A definition as its row gives it; texts live until the statement moves. */
typedef struct definition {
    store_subset subset;
    unsigned char sum[DIGEST_SIZE];
} definition;

static bool take_definition(const sql_query *query, definition *out)
{
    sql_columns at = sql_columns_of(query);
    out->subset.name = sql_take_some_text(&at);
    out->subset.split = sql_take_some_text(&at);
    out->subset.exclusion = sql_take_some_text(&at);
    (void)sql_take_bytes(&at, out->subset.ranking, sizeof out->subset.ranking);
    out->subset.images = sql_take_int(&at, SIZE_LIMIT);
    (void)sql_take_bytes(&at, out->sum, sizeof out->sum);
    return !at.is_bad;
}

static bool take_member(const sql_query *query, store_member *out)
{
    sql_columns at = sql_columns_of(query);
    out->row = sql_take_int(&at, SIZE_LIMIT);
    out->class_index = sql_take_int(&at, SIZE_LIMIT);
    out->rank = sql_take_int(&at, SIZE_LIMIT);
    return !at.is_bad;
}

static spur_status encode_definition(text_buffer *into, const store_subset *subset,
                                     spur_error *error)
{
    spur_status status;
    TRY(digest_text(into, subset->name, error));
    TRY(digest_text(into, subset->split, error));
    TRY(digest_text(into, subset->exclusion, error));
    TRY(text_add(into, (const char *)subset->ranking, sizeof subset->ranking, error));
    TRY(digest_u64(into, subset->images, error));
done:
    return status;
}

static spur_status encode_member(text_buffer *into, const store_member *member,
                                 spur_error *error)
{
    spur_status status;
    TRY(digest_u64(into, member->row, error));
    TRY(digest_u64(into, member->class_index, error));
    TRY(digest_u64(into, member->rank, error));
done:
    return status;
}

/* Calls visit for every definition, its members' digest included. */
static spur_status each_definition(store *from,
                                   spur_status (*visit)(store *from, const definition *one,
                                                        void *context, spur_error *error),
                                   void *context, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_SUBSETS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        definition one;
        if (!take_definition(&query, &one)) {
            TRY(store_fail_check(from, error, "values of table subsets"));
        }
        TRY(visit(from, &one, context, error));
    }
done:
    sql_stop(&query);
    return status;
}

/* ---- writing ------------------------------------------------------------------------- */

static spur_status put_member(store *into, const char *name, const store_member *member,
                              spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_MEMBER, &query, error));
    sql_text(&query, name);
    sql_int(&query, member->row);
    sql_int(&query, member->class_index);
    sql_int(&query, member->rank);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

static spur_status put_definition(store *into, const store_subset *subset,
                                  const unsigned char *sum, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_SUBSET, &query, error));
    sql_text(&query, subset->name);
    sql_text(&query, subset->split);
    sql_text(&query, subset->exclusion);
    sql_bytes(&query, subset->ranking, sizeof subset->ranking);
    sql_int(&query, subset->images);
    sql_bytes(&query, sum, DIGEST_SIZE);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

spur_status store_put_subset(store *into, const store_subset *subset,
                             const store_member *members, spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    TRY(encode_definition(&bytes, subset, error));
    for (uint64_t i = 0; i < subset->images; i++) {
        TRY(encode_member(&bytes, &members[i], error));
        TRY(put_member(into, subset->name, &members[i], error));
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    TRY(put_definition(into, subset, sum, error));
done:
    text_buffer_free(&bytes);
    return store_leave(into, status);
}

static spur_status drop(store *into, enum query which, const char *name, spur_error *error)
{
    return store_leave(into, sql_run_name(into, which, name, error));
}

spur_status store_drop_subset(store *into, const char *name, spur_error *error)
{
    spur_status status;
    TRY(drop(into, DROP_MEMBERS, name, error));
    TRY(drop(into, DROP_SUBSET, name, error));
done:
    return status;
}

spur_status store_seal_subsets(store *into, spur_error *error)
{
    return store_leave(into, store_write_check(into, "subsets", error));
}

/* ---- reading ------------------------------------------------------------------------- */

typedef struct subset_reader {
    store_subset_visit visit;
    void *context;
} subset_reader;

static spur_status show_definition(store *from, const definition *one, void *context,
                                   spur_error *error)
{
    const subset_reader *reader = context;
    (void)from;
    return reader->visit(reader->context, &one->subset, error);
}

spur_status store_each_subset(store *from, store_subset_visit visit, void *context,
                              spur_error *error)
{
    subset_reader reader = {visit, context};
    return each_definition(from, show_definition, &reader, error);
}

spur_status store_get_members(store *from, const char *name, store_member **members,
                              size_t *count, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    store_member *made = NULL;
    size_t capacity = 0, used = 0;
    TRY(sql_prepare(from, READ_MEMBERS, &query, error));
    sql_text(&query, name);
    while (sql_next(from, &query, &status, error)) {
        TRY(memory_grow(&made, &capacity, used + 1, sizeof *made, error));
        if (!take_member(&query, &made[used++])) {
            TRY(store_fail_check(from, error, "values of table subset_members"));
        }
    }
    TRY(status);
    *members = made;
    *count = used;
    made = NULL;
done:
    sql_stop(&query);
    memory_free(made);
    return status;
}

/* ---- verification -------------------------------------------------------------------- */

static spur_status encode_one(store *from, const definition *one, void *context,
                              spur_error *error)
{
    spur_status status;
    text_buffer *into = context;
    (void)from;
    TRY(encode_definition(into, &one->subset, error));
    TRY(text_add(into, (const char *)one->sum, sizeof one->sum, error));
done:
    return status;
}

spur_status store_encode_subsets(store *from, text_buffer *into, spur_error *error)
{
    return each_definition(from, encode_one, into, error);
}

static spur_status verify_members(store *from, const definition *one, void *context,
                                  spur_error *error)
{
    spur_status status;
    uint64_t *total = context;
    text_buffer bytes = {NULL, 0, 0};
    store_member *members = NULL;
    size_t count = 0;
    unsigned char sum[DIGEST_SIZE];
    TRY(store_get_members(from, one->subset.name, &members, &count, error));
    TRY(encode_definition(&bytes, &one->subset, error));
    for (size_t i = 0; i < count; i++) {
        TRY(encode_member(&bytes, &members[i], error));
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    if (count != one->subset.images || memcmp(sum, one->sum, sizeof sum) != 0) {
        char what[128];
        (void)snprintf(what, sizeof what, "digest of subset %.64s", one->subset.name);
        TRY(store_fail_check(from, error, what));
    }
    *total += count;
done:
    memory_free(members);
    text_buffer_free(&bytes);
    return status;
}

spur_status store_verify_subsets(store *from, spur_error *error)
{
    spur_status status;
    uint64_t total = 0;
    sqlite3_int64 found = 0;
    TRY(each_definition(from, verify_members, &total, error));
    TRY(sql_number(from, "SELECT count(*) FROM subset_members", &found, error));
    if (found < 0 || (uint64_t)found != total) {
        TRY(store_fail_check(from, error, "every member belongs to a subset"));
    }
done:
    return status;
}
