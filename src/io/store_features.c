/*
 * store_features.c - backbones, finished feature blocks and failed rows in run.db.
 *
 * Every block carries two digests: of its bytes in the feature file, compared when those are
 * read, and a seal over its row here and its failures, compared whenever run.db is opened.
 */
#include "io/store_features.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/store_digest.h"
#include "io/store_sql.h"

/* ---- backbones --------------------------------------------------------------------------- */

spur_status store_encode_backbones(store *from, text_buffer *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < from->backbone_count; i++) {
        const store_backbone *one = &from->backbones[i];
        TRY(digest_text(into, one->name, error));
        TRY(digest_text(into, one->architecture, error));
        TRY(digest_text(into, one->digest, error));
        TRY(digest_text(into, one->preprocessing, error));
        TRY(digest_text(into, one->settings, error));
        TRY(digest_u64(into, one->features, error));
        TRY(digest_u64(into, one->classes, error));
    }
done:
    return status;
}

static spur_status load_backbone(store *from, sql_columns *at, store_backbone *out,
                                 spur_error *error)
{
    spur_status status;
    const char **texts[] = {&out->name, &out->architecture, &out->digest, &out->preprocessing,
                            &out->settings};
    (void)sql_take_int(at, SIZE_LIMIT);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *copy = NULL;
        const char *text = sql_take_some_text(at);
        TRY(arena_text(from->texts, text, strlen(text), &copy, error));
        *texts[i] = copy;
    }
    out->features = sql_take_int(at, SIZE_LIMIT);
    out->classes = sql_take_int(at, SIZE_LIMIT);
    if (at->is_bad || out->features == 0) {
        TRY(store_fail_check(from, error, "values of table backbones"));
    }
done:
    return status;
}

spur_status store_load_backbones(store *from, spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    size_t capacity = 0;
    TRY(sql_prepare(from, READ_BACKBONES, &query, error));
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        TRY(memory_grow(&from->backbones, &capacity, from->backbone_count + 1,
                        sizeof *from->backbones, error));
        TRY(load_backbone(from, &at, &from->backbones[from->backbone_count], error));
        from->backbone_count++;
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_get_backbones(const store *from, const store_backbone **backbones,
                                size_t *count)
{
    *backbones = from->backbones;
    *count = from->backbone_count;
    return SPUR_OK;
}

spur_status store_put_backbone(store *into, const store_backbone *backbone, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(store_begin(into, error));
    TRY(sql_prepare(into, PUT_BACKBONE, &query, error));
    sql_text(&query, backbone->name);
    sql_text(&query, backbone->architecture);
    sql_text(&query, backbone->digest);
    sql_text(&query, backbone->preprocessing);
    sql_text(&query, backbone->settings);
    sql_int(&query, backbone->features);
    sql_int(&query, backbone->classes);
    TRY(sql_run(into, &query, error));
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
    TRY(store_move_log(into, error));
done:
    store_roll_back(into);
    return status;
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* Starts the bytes of a block's seal; its failures follow. */
static spur_status encode_block(text_buffer *into, const char *backbone, const char *split,
                                const store_feature_block *block, spur_error *error)
{
    spur_status status;
    into->length = 0;
    TRY(digest_text(into, backbone, error));
    TRY(digest_text(into, split, error));
    TRY(digest_u64(into, block->block, error));
    TRY(digest_u64(into, block->images, error));
    TRY(text_add(into, (const char *)block->digest, sizeof block->digest, error));
done:
    return status;
}

static spur_status encode_failure(text_buffer *into, const store_feature_failure *failure,
                                  spur_error *error)
{
    spur_status status = digest_u64(into, failure->row, error);
    return status == SPUR_OK ? digest_text(into, failure->reason, error) : status;
}

static spur_status put_failure(store *into, const char *backbone, const char *split,
                               const store_feature_failure *failure, spur_error *error)
{
    spur_status status;
    sql_query query;
    TRY(sql_prepare(into, PUT_FEATURE_FAILURE, &query, error));
    sql_text(&query, backbone);
    sql_text(&query, split);
    sql_int(&query, failure->row);
    sql_text(&query, failure->reason);
    TRY(sql_run(into, &query, error));
done:
    return status;
}

spur_status store_put_feature_block(store *into, const char *backbone, const char *split,
                                    const store_feature_block *block, spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char seal[DIGEST_SIZE];
    sql_query query;
    TRY(encode_block(&bytes, backbone, split, block, error));
    for (size_t i = 0; i < block->failure_count; i++) {
        TRY(encode_failure(&bytes, &block->failures[i], error));
        TRY(put_failure(into, backbone, split, &block->failures[i], error));
    }
    TRY(digest_of(bytes.data, bytes.length, seal, error));
    TRY(sql_prepare(into, PUT_FEATURE_BLOCK, &query, error));
    sql_text(&query, backbone);
    sql_text(&query, split);
    sql_int(&query, block->block);
    sql_int(&query, block->images);
    sql_bytes(&query, block->digest, sizeof block->digest);
    sql_bytes(&query, seal, sizeof seal);
    TRY(sql_run(into, &query, error));
done:
    text_buffer_free(&bytes);
    return store_leave(into, status);
}

static bool take_block(sql_columns *at, store_feature_block *out)
{
    out->block = sql_take_int(at, SIZE_LIMIT / FEATURE_BLOCK_ROWS);
    out->images = sql_take_int(at, FEATURE_BLOCK_ROWS + 1);
    (void)sql_take_bytes(at, out->digest, sizeof out->digest);
    return !at->is_bad;
}

spur_status store_list_feature_blocks(store *from, const char *backbone, const char *split,
                                      unsigned char *done,
                                      unsigned char (*digests)[STORE_DIGEST_SIZE], size_t count,
                                      spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    memset(done, 0, count);
    TRY(sql_prepare(from, READ_FEATURE_BLOCKS, &query, error));
    sql_text(&query, backbone);
    sql_text(&query, split);
    while (sql_next(from, &query, &status, error)) {
        store_feature_block block = {0};
        sql_columns at = sql_columns_of(&query);
        if (!take_block(&at, &block) || block.block >= count) {
            TRY(store_fail_check(from, error, "values of table feature_blocks"));
        }
        done[block.block] = 1;
        memcpy(digests[block.block], block.digest, sizeof block.digest);
    }
done:
    sql_stop(&query);
    return status;
}

spur_status store_has_features(store *from, const char *backbone, const char *split, bool *out,
                               spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_FEATURE_BLOCKS, &query, error));
    sql_text(&query, backbone);
    sql_text(&query, split);
    TRY(sql_step(from, &query, out, error));
done:
    sql_stop(&query);
    return status;
}

spur_status store_each_feature_failure(store *from, const char *backbone, const char *split,
                                       store_failure_visit visit, void *context,
                                       spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_FEATURE_FAILURES, &query, error));
    sql_text(&query, backbone);
    sql_text(&query, split);
    while (sql_next(from, &query, &status, error)) {
        sql_columns at = sql_columns_of(&query);
        store_feature_failure failure = {sql_take_int(&at, SIZE_LIMIT),
                                         sql_take_some_text(&at)};
        if (at.is_bad) {
            TRY(store_fail_check(from, error, "values of table feature_failures"));
        }
        TRY(visit(context, &failure, error));
    }
done:
    sql_stop(&query);
    return status;
}

static spur_status drop_from(store *into, enum query which, const char *backbone,
                             const char *split, spur_error *error)
{
    const char *const key[] = {backbone, split};
    return sql_run_texts(into, which, key, sizeof key / sizeof key[0], error);
}

spur_status store_drop_features(store *into, const char *backbone, const char *split,
                                spur_error *error)
{
    spur_status status;
    TRY(store_begin(into, error));
    TRY(drop_from(into, DROP_FEATURE_BLOCKS, backbone, split, error));
    TRY(drop_from(into, DROP_FEATURE_FAILURES, backbone, split, error));
    TRY(sql_run_plain(into, DROP_IDLE_BACKBONES, error));
    TRY(store_write_checks(into, error));
    TRY(store_end(into, error));
done:
    store_roll_back(into);
    return status;
}

/* ---- verification ------------------------------------------------------------------------ */

/* A row of feature_failures while both tables are walked side by side. */
typedef struct failure_cursor {
    sql_query query;
    bool has_row;
    const char *backbone, *split;
    store_feature_failure failure;
} failure_cursor;

static spur_status next_failure(store *from, failure_cursor *cursor, spur_error *error)
{
    spur_status status;
    TRY(sql_step(from, &cursor->query, &cursor->has_row, error));
    if (cursor->has_row) {
        sql_columns at = sql_columns_of(&cursor->query);
        cursor->backbone = sql_take_some_text(&at);
        cursor->split = sql_take_some_text(&at);
        cursor->failure.row = sql_take_int(&at, SIZE_LIMIT);
        cursor->failure.reason = sql_take_some_text(&at);
        if (at.is_bad) {
            TRY(store_fail_check(from, error, "values of table feature_failures"));
        }
    }
done:
    return status;
}

/* True when the run has such a backbone and split and the block is one of the split's. */
static bool is_known_block(const store *from, const char *backbone, const char *split,
                           const store_feature_block *block)
{
    bool has_backbone = false;
    for (size_t i = 0; i < from->backbone_count; i++) {
        has_backbone = has_backbone || strcmp(from->backbones[i].name, backbone) == 0;
    }
    for (size_t i = 0; i < from->split_count && has_backbone; i++) {
        const store_split *one = &from->splits[i];
        uint64_t first = block->block * FEATURE_BLOCK_ROWS;
        if (strcmp(one->name, split) == 0 && first < one->images) {
            uint64_t left = one->images - first;
            return block->images == (left < FEATURE_BLOCK_ROWS ? left : FEATURE_BLOCK_ROWS);
        }
    }
    return false;
}

/* Compares the seal of the block the query stands on, moving over its failures. */
static spur_status verify_block(store *from, const sql_query *query, failure_cursor *cursor,
                                text_buffer *bytes, spur_error *error)
{
    spur_status status;
    store_feature_block block = {0};
    unsigned char expected[DIGEST_SIZE];
    unsigned char found[DIGEST_SIZE];
    sql_columns at = sql_columns_of(query);
    const char *backbone = sql_take_some_text(&at);
    const char *split = sql_take_some_text(&at);
    bool is_good = take_block(&at, &block) && sql_take_bytes(&at, found, sizeof found) &&
                   is_known_block(from, backbone, split, &block);
    TRY(encode_block(bytes, backbone, split, &block, error));
    while (is_good && cursor->has_row && strcmp(cursor->backbone, backbone) == 0 &&
           strcmp(cursor->split, split) == 0 &&
           cursor->failure.row / FEATURE_BLOCK_ROWS == block.block) {
        TRY(encode_failure(bytes, &cursor->failure, error));
        TRY(next_failure(from, cursor, error));
    }
    TRY(digest_of(bytes->data, bytes->length, expected, error));
    if (!is_good || memcmp(found, expected, sizeof found) != 0) {
        char what[64];
        (void)snprintf(what, sizeof what, "seal of feature block %" PRIu64, block.block);
        TRY(store_fail_check(from, error, what));
    }
done:
    return status;
}

spur_status store_verify_features(store *from, spur_error *error)
{
    spur_status status;
    sql_query blocks = {NULL, 0, 0};
    failure_cursor cursor = {.query = {NULL, 0, 0}};
    text_buffer bytes = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_ALL_FEATURE_BLOCKS, &blocks, error));
    TRY(sql_prepare(from, READ_ALL_FEATURE_FAILURES, &cursor.query, error));
    TRY(next_failure(from, &cursor, error));
    while (sql_next(from, &blocks, &status, error)) {
        TRY(verify_block(from, &blocks, &cursor, &bytes, error));
    }
    TRY(status);
    if (cursor.has_row) {
        TRY(store_fail_check(from, error, "every failed feature row belongs to a block"));
    }
done:
    sql_stop(&blocks);
    sql_stop(&cursor.query);
    text_buffer_free(&bytes);
    return status;
}
