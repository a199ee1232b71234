/*
 * store_tables.c - what belongs to the whole run: settings, classes, splits, and the digests
 * over them.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/store_digest.h"
#include "io/store_sql.h"

enum {
    CLASS_LIMIT = 1 << 24
};

static spur_status encode_settings(store *from, text_buffer *into, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_SETTINGS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        TRY(digest_text(into, sql_take_some_text(&at), error));
        TRY(digest_text(into, sql_take_some_text(&at), error));
    }
done:
    sql_stop(&query);
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
} tables[] = {{"settings", encode_settings},
              {"classes", encode_classes},
              {"splits", encode_splits},
              {"backbones", store_encode_backbones},
              {"subsets", store_encode_subsets},
              {"stages", store_encode_stages},
              {"predictions", store_encode_predictions}};

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

static spur_status write_digest(store *into, size_t table, spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    sql_query query;
    TRY(table_digest(into, table, sum, error));
    TRY(sql_prepare(into, PUT_CHECK, &query, error));
    sql_text(&query, tables[table].name);
    sql_bytes(&query, sum, sizeof sum);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

spur_status store_write_checks(store *into, spur_error *error)
{
    spur_status status;
    TRY(store_load_tables(into, error));
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        TRY(write_digest(into, i, error));
    }
done:
    return status;
}

spur_status store_write_check(store *into, const char *table, spur_error *error)
{
    size_t i = 0;
    while (i + 1 < TABLE_COUNT && strcmp(tables[i].name, table) != 0) {
        i++;
    }
    return write_digest(into, i, error);
}

spur_status store_verify_checks(store *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    sql_query query = {NULL, 0, 0};
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        unsigned char expected[DIGEST_SIZE];
        unsigned char found[DIGEST_SIZE];
        bool has_row;
        TRY(table_digest(from, i, expected, error));
        TRY(sql_prepare(from, READ_CHECK, &query, error));
        sql_text(&query, tables[i].name);
        TRY(sql_step(from, &query, &has_row, error));
        sql_columns at = sql_columns_of(&query);
        bool is_same = has_row && sql_take_bytes(&at, found, sizeof found) &&
                       memcmp(found, expected, sizeof found) == 0;
        sql_stop(&query);
        if (!is_same) {
            char what[64];
            (void)snprintf(what, sizeof what, "digest of table %s", tables[i].name);
            TRY(store_fail_check(from, error, what));
        }
    }
done:
    sql_stop(&query);
    return status;
}

static spur_status keep_text(store *from, sql_columns *at, const char **out, spur_error *error)
{
    char *copy = NULL;
    const char *text = sql_take_some_text(at);
    spur_status status = arena_text(from->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status load_class(store *from, sql_columns *at, store_class *out, spur_error *error)
{
    spur_status status;
    float *query = NULL;
    if (sql_take_int(at, CLASS_LIMIT) != from->class_count) {
        TRY(store_fail_check(from, error, "class indices without gaps"));
    }
    TRY(keep_text(from, at, &out->label, error));
    TRY(keep_text(from, at, &out->name, error));
    TRY(keep_text(from, at, &out->prompt, error));
    out->tokens = sql_take_int(at, SIZE_LIMIT);
    out->is_truncated = sql_take_bool(at);
    size_t bytes = (size_t)sqlite3_column_bytes(at->statement, at->column);
    if (from->class_count == 0) {
        from->embedding = bytes / sizeof(float);
    }
    TRY(arena_take(from->texts, from->embedding, sizeof(float), &query, error));
    if (from->embedding == 0 || !sql_take_bytes(at, query, from->embedding * sizeof(float)) ||
        at->is_bad) {
        TRY(store_fail_check(from, error, "values of table classes"));
    }
    out->query = query;
done:
    return status;
}

static spur_status load_classes(store *from, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    size_t capacity = 0;
    TRY(sql_prepare(from, READ_CLASSES, &query, error));
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        TRY(memory_grow(&from->classes, &capacity, from->class_count + 1, sizeof *from->classes,
                        error));
        TRY(load_class(from, &at, &from->classes[from->class_count], error));
        from->class_count++;
    }
done:
    sql_stop(&query);
    return status;
}

static spur_status load_splits(store *from, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    size_t capacity = 0;
    TRY(sql_prepare(from, READ_SPLITS, &query, error));
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        TRY(memory_grow(&from->splits, &capacity, from->split_count + 1, sizeof *from->splits,
                        error));
        store_split *one = &from->splits[from->split_count];
        (void)sql_take_int(&at, SIZE_LIMIT);
        TRY(keep_text(from, &at, &one->name, error));
        TRY(keep_text(from, &at, &one->root, error));
        TRY(keep_text(from, &at, &one->manifest_digest, error));
        one->images = sql_take_int(&at, SIZE_LIMIT);
        if (at.is_bad) {
            TRY(store_fail_check(from, error, "values of table splits"));
        }
        from->split_count++;
    }
done:
    sql_stop(&query);
    return status;
}

void store_forget_tables(store *from)
{
    memory_free(from->classes);
    memory_free(from->splits);
    memory_free(from->backbones);
    arena_free(from->texts);
    from->classes = NULL;
    from->splits = NULL;
    from->backbones = NULL;
    from->texts = NULL;
    from->class_count = from->embedding = from->split_count = from->backbone_count = 0;
}

spur_status store_load_tables(store *from, spur_error *error)
{
    spur_status status;
    store_forget_tables(from);
    TRY(arena_new(&from->texts, error));
    TRY(load_classes(from, error));
    TRY(load_splits(from, error));
    TRY(store_load_backbones(from, error));
done:
    return status;
}

spur_status store_get_setting(store *from, const char *key, char **value, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    char *copy = NULL;
    bool has_row;
    TRY(sql_prepare(from, READ_SETTING, &query, error));
    sql_text(&query, key);
    TRY(sql_step(from, &query, &has_row, error));
    if (has_row) {
        sql_columns at = sql_columns_of(&query);
        const char *text = sql_take_some_text(&at);
        TRY(memory_copy_text(text, strlen(text), &copy, error));
    }
    *value = copy;
done:
    sql_stop(&query);
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
    sql_query query;
    TRY(sql_prepare(into, PUT_CLASS, &query, error));
    sql_int(&query, index);
    sql_text(&query, one->label);
    sql_text(&query, one->name);
    sql_text(&query, one->prompt);
    sql_int(&query, one->tokens);
    sql_int(&query, one->is_truncated);
    sql_bytes(&query, one->query, embedding * sizeof(float));
    TRY(sql_run(into, &query, error));
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
        sql_query query;
        TRY(sql_prepare(into, PUT_SETTING, &query, error));
        sql_text(&query, settings[i].key);
        sql_text(&query, settings[i].value);
        TRY(sql_run(into, &query, error));
    }
    for (size_t i = 0; i < class_count; i++) {
        TRY(put_class(into, i, &classes[i], embedding, error));
    }
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
done:
    store_roll_back(into);
    return status;
}

/* "split NAME": the key of what is special about a split. */
static spur_status name_split_setting(const char *split, text_buffer *key, spur_error *error)
{
    return text_format(key, error, "split %s", split);
}

spur_status store_put_split_setting(store *into, const char *split, const char *value,
                                    spur_error *error)
{
    spur_status status;
    text_buffer key = {NULL, 0, 0};
    sql_query query;
    TRY(store_begin(into, error));
    TRY(name_split_setting(split, &key, error));
    TRY(sql_run_name(into, DROP_SETTING, key.data, error));
    TRY(sql_prepare(into, PUT_SETTING, &query, error));
    sql_text(&query, key.data);
    sql_text(&query, value);
    TRY(sql_run(into, &query, error));
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
done:
    store_roll_back(into);
    text_buffer_free(&key);
    return status;
}

spur_status store_get_split_setting(store *from, const char *split, char **value,
                                    spur_error *error)
{
    text_buffer key = {NULL, 0, 0};
    spur_status status = name_split_setting(split, &key, error);
    if (status == SPUR_OK) {
        status = store_get_setting(from, key.data, value, error);
    }
    text_buffer_free(&key);
    return status;
}

spur_status store_put_split(store *into, const store_split *split, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(store_begin(into, error));
    TRY(sql_prepare(into, PUT_SPLIT, &query, error));
    sql_text(&query, split->name);
    sql_text(&query, split->root);
    sql_text(&query, split->manifest_digest);
    sql_int(&query, split->images);
    TRY(sql_run(into, &query, error));
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
    TRY(store_move_log(into, error));
done:
    store_roll_back(into);
    return status;
}

spur_status store_drop_split(store *into, const char *split, spur_error *error)
{
    static const enum query drops[] = {DROP_SPLIT,
                                       DROP_BATCHES,
                                       DROP_IMAGES,
                                       DROP_SCORES,
                                       DROP_SPLIT_PENDING,
                                       DROP_CELLS,
                                       DROP_SPLIT_FEATURES,
                                       DROP_SPLIT_FAILURES,
                                       DROP_SPLIT_PREDICTIONS,
                                       DROP_SPLIT_EXPERIMENTS,
                                       DROP_SPLIT_EXPERIMENT_BLOCKS};
    spur_status status;
    text_buffer key = {NULL, 0, 0};
    TRY(store_begin(into, error));
    TRY(name_split_setting(split, &key, error));
    TRY(sql_run_name(into, DROP_SETTING, key.data, error));
    for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++) {
        TRY(sql_run_name(into, drops[i], split, error));
    }
    TRY(sql_run_plain(into, DROP_IDLE_BACKBONES, error));
    TRY(store_load_tables(into, error));
    if (into->split_count == 0) {
        TRY(sql_run_plain(into, DROP_SETTINGS, error));
        TRY(sql_run_plain(into, DROP_CLASSES, error));
    }
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
done:
    text_buffer_free(&key);
    store_roll_back(into);
    return status;
}
