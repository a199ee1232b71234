/*
 * feature_file.c - header, positions and digests of feature files.
 *
 * Nothing in a file is believed: it must begin with the bytes we would write and have the size
 * they imply; then every block is compared with the digest run.db holds.
 */
#include "pipeline/feature_file.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/half.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/tensor.h"

/* ---- names ------------------------------------------------------------------------------- */

/* Letters that are safe in a file name anywhere; a first dot would hide the file. */
static bool is_plain(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-' || c == ':' || c == '+' || c == '=' || (c == '.' && !is_first);
}

spur_status features_path(const char *run_folder, const char *backbone, const char *split,
                          char **out, spur_error *error)
{
    spur_status status;
    text_buffer path = {NULL, 0, 0};
    TRY(text_add(&path, run_folder, strlen(run_folder), error));
    TRY(text_format(&path, error, "/features/%s/", backbone));
    for (const char *at = split; *at != '\0'; at++) {
        TRY(is_plain(*at, at == split)
                ? text_add(&path, at, 1, error)
                : text_format(&path, error, "%%%02X", (unsigned)(unsigned char)*at));
    }
    TRY(text_add(&path, ".safetensors", 12, error));
    *out = path.data;
    path.data = NULL;
done:
    text_buffer_free(&path);
    return status;
}

spur_status feature_settings(bool is_half, const char *resize, const spur_image_options *images,
                             char **out, spur_error *error)
{
    spur_status status;
    text_buffer text = {NULL, 0, 0};
    TRY(text_format(&text, error, "%s, resize %s, orientation %s, alpha %s",
                    is_half ? "float16" : "float32", resize,
                    images->orientation == SPUR_ORIENTATION_APPLY ? "applied" : "ignored",
                    images->alpha == SPUR_ALPHA_WHITE ? "on white" : "dropped"));
    *out = text.data;
    text.data = NULL;
done:
    text_buffer_free(&text);
    return status;
}

/* ---- layout ------------------------------------------------------------------------------ */

static spur_status make_start(const store_backbone *backbone, const store_split *split,
                              feature_layout *into, spur_error *error)
{
    const size_t shapes[FEATURE_PARTS][2] = {
        {into->rows, into->width}, {into->rows, STORE_ID_SIZE}, {into->rows, 0}};
    const tensor_out tensors[FEATURE_PARTS] = {
        [FEATURE_VALUES] = {"features", into->is_half ? TENSOR_F16 : TENSOR_F32, 2,
                            shapes[FEATURE_VALUES], NULL},
        [FEATURE_IDS] = {"image_id", TENSOR_U8, 2, shapes[FEATURE_IDS], NULL},
        [FEATURE_VALID] = {"valid", TENSOR_U8, 1, shapes[FEATURE_VALID], NULL}};
    const char *const metadata[] = {"format_version",  "1",
                                    "backbone",        backbone->name,
                                    "architecture",    backbone->architecture,
                                    "backbone_digest", backbone->digest,
                                    "preprocessing",   backbone->preprocessing,
                                    "settings",        backbone->settings,
                                    "split",           split->name,
                                    "manifest_digest", split->manifest_digest};
    return safetensors_start(tensors, FEATURE_PARTS, metadata,
                             sizeof metadata / sizeof metadata[0] / 2, &into->start,
                             into->offsets, &into->size, error);
}

spur_status feature_layout_make(const char *run_folder, const store_backbone *backbone,
                                const store_split *split, feature_layout *out,
                                spur_error *error)
{
    spur_status status;
    feature_layout made = {.rows = (size_t)split->images, .width = backbone->features};
    size_t bytes;
    made.is_half = strncmp(backbone->settings, "float16", 7) == 0;
    if (!size_mul(made.width, made.is_half ? 2 : 4, &bytes) ||
        !size_mul(bytes, made.rows, &bytes) ||
        !size_mul(sizeof(float) * made.width, made.rows, &bytes)) {
        FAIL(SPUR_RESOURCE, "%zu features of %zu images are too many for this machine",
             made.width, made.rows);
    }
    made.block_count = made.rows / FEATURE_BLOCK_ROWS + (made.rows % FEATURE_BLOCK_ROWS != 0);
    made.row_bytes[FEATURE_VALUES] = made.width * (made.is_half ? 2 : 4);
    made.row_bytes[FEATURE_IDS] = STORE_ID_SIZE;
    made.row_bytes[FEATURE_VALID] = 1;
    TRY(features_path(run_folder, backbone->name, split->name, &made.path, error));
    TRY(make_start(backbone, split, &made, error));
    *out = made;
    made = (feature_layout){.path = NULL};
done:
    feature_layout_free(&made);
    return status;
}

void feature_layout_free(feature_layout *block)
{
    memory_free(block->path);
    text_buffer_free(&block->start);
    *block = (feature_layout){.path = NULL};
}

size_t feature_block_rows(const feature_layout *layout, uint64_t block)
{
    size_t left = layout->rows - (size_t)block * FEATURE_BLOCK_ROWS;
    return left < FEATURE_BLOCK_ROWS ? left : FEATURE_BLOCK_ROWS;
}

spur_status feature_block_digest(const feature_layout *layout, size_t rows,
                                 const unsigned char *const parts[FEATURE_PARTS],
                                 unsigned char out[DIGEST_SIZE], spur_error *error)
{
    spur_status status;
    digest *sum = NULL;
    TRY(digest_new(&sum, error));
    for (size_t i = 0; i < FEATURE_PARTS; i++) {
        TRY(digest_add(sum, parts[i], rows * layout->row_bytes[i], error));
    }
    TRY(digest_finish(sum, out, error));
done:
    digest_free(sum);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct feature_reader {
    const feature_layout *layout;
    file *from;
    unsigned char (*digests)[STORE_DIGEST_SIZE];
};

void feature_reader_close(feature_reader *block)
{
    if (block != NULL) {
        file_close(block->from);
        memory_free(block->digests);
        memory_free(block);
    }
}

static spur_status read_digests(store *db, const char *backbone, const char *split,
                                feature_reader *into, spur_error *error)
{
    spur_status status;
    unsigned char *done = NULL;
    size_t count = into->layout->block_count;
    size_t missing = 0;
    TRY(memory_new_zeroed(count, 1, &done, error));
    TRY(memory_new_zeroed(count, STORE_DIGEST_SIZE, &into->digests, error));
    TRY(store_list_feature_blocks(db, backbone, split, done, into->digests, count, error));
    for (size_t i = 0; i < count; i++) {
        missing += done[i] == 0 ? feature_block_rows(into->layout, i) : 0;
    }
    if (missing > 0) {
        FAIL(SPUR_DATASET,
             "backbone %s: %zu of %zu images of split %s have no features yet; the command "
             "`spur features` goes on with them",
             backbone, missing, into->layout->rows, split);
    }
done:
    memory_free(done);
    return status;
}

/* The value of a metadata key, or NULL. */
static const char *find_note(const tensor_file *from, const char *key)
{
    for (size_t i = 0; i < tensor_file_metadata_count(from); i++) {
        const char *name, *value;
        tensor_file_metadata_at(from, i, &name, &value);
        if (strcmp(name, key) == 0) {
            return value;
        }
    }
    return NULL;
}

static spur_status fail_shape(const feature_layout *layout, const tensor_info *found,
                              spur_error *error)
{
    return error_set(error, SPUR_DATASET,
                     "%s: features are %s [%zu, %zu], the run says %s [%zu, %zu]; restore the "
                     "file, or use --restart",
                     layout->path, tensor_dtype_name(found->dtype), found->shape[0],
                     found->shape[1], layout->is_half ? "F16" : "F32", layout->rows,
                     layout->width);
}

/* Says how the file differs from what the run describes; it does. */
static spur_status explain_difference(const feature_layout *layout,
                                      const store_backbone *backbone, const store_split *split,
                                      spur_error *error)
{
    const char *const wanted[][2] = {{"backbone", backbone->name},
                                     {"architecture", backbone->architecture},
                                     {"backbone_digest", backbone->digest},
                                     {"preprocessing", backbone->preprocessing},
                                     {"settings", backbone->settings},
                                     {"split", split->name},
                                     {"manifest_digest", split->manifest_digest}};
    tensor_file *from = NULL;
    spur_status status = tensor_file_open(layout->path, &from, error);
    if (status != SPUR_OK) {
        if (status == SPUR_MODEL && error != NULL) {
            error->status = SPUR_DATASET;
        }
        return status == SPUR_MODEL ? SPUR_DATASET : status;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *found = find_note(from, wanted[i][0]);
        if (found == NULL || strcmp(found, wanted[i][1]) != 0) {
            FAIL(SPUR_DATASET,
                 "%s: its %s is %s, the run says %s; restore the file, or use "
                 "--restart",
                 layout->path, wanted[i][0], found == NULL ? "missing" : found, wanted[i][1]);
        }
    }
    const tensor_info *values = tensor_file_find(from, "features");
    if (values != NULL && values->rank == 2) {
        TRY(fail_shape(layout, values, error));
    }
    FAIL(SPUR_DATASET, "%s: its header is not the one that was written; use --restart",
         layout->path);
done:
    tensor_file_close(from);
    return status;
}

/* True when the file begins as it must and has the right size. */
static spur_status compare_start(const feature_reader *from, bool *is_same, spur_error *error)
{
    spur_status status = SPUR_OK;
    const feature_layout *layout = from->layout;
    unsigned char *found = NULL;
    *is_same = file_size(from->from) == layout->size;
    if (*is_same) {
        TRY(memory_new(layout->start.length, 1, &found, error));
        TRY(file_read_at(from->from, 0, found, layout->start.length, error));
        *is_same = memcmp(found, layout->start.data, layout->start.length) == 0;
    }
done:
    memory_free(found);
    return status;
}

static spur_status check_start(store *db, const feature_reader *from, const char *backbone,
                               const char *split, spur_error *error)
{
    bool is_same = false;
    const store_backbone *backbones;
    const store_split *splits;
    size_t backbone_count, split_count, b = 0, s = 0;
    spur_status status = compare_start(from, &is_same, error);
    if (status != SPUR_OK || is_same) {
        return status;
    }
    TRY(store_get_backbones(db, &backbones, &backbone_count));
    TRY(store_get_splits(db, &splits, &split_count, error));
    while (b + 1 < backbone_count && strcmp(backbones[b].name, backbone) != 0) {
        b++;
    }
    while (s + 1 < split_count && strcmp(splits[s].name, split) != 0) {
        s++;
    }
    TRY(explain_difference(from->layout, &backbones[b], &splits[s], error));
done:
    return status;
}

spur_status feature_reader_open(store *db, const feature_layout *layout, const char *backbone,
                                const char *split, feature_reader **out, spur_error *error)
{
    spur_status status;
    feature_reader *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->layout = layout;
    TRY(read_digests(db, backbone, split, made, error));
    status = file_open(layout->path, SPUR_DATASET, &made->from, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", layout->path);
        goto done;
    }
    TRY(check_start(db, made, backbone, split, error));
    *out = made;
    made = NULL;
done:
    feature_reader_close(made);
    return status;
}

static spur_status read_part(const feature_reader *from, enum feature_part part, size_t first,
                             size_t count, void *dst, spur_error *error)
{
    const feature_layout *layout = from->layout;
    spur_status status =
        file_read_at(from->from, layout->offsets[part] + first * layout->row_bytes[part], dst,
                     count * layout->row_bytes[part], error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", layout->path);
    }
    return status;
}

/* Compares the blocks in memory, `raw` being the values as they are stored. */
static spur_status check_blocks(const feature_reader *from, size_t first, size_t count,
                                const unsigned char *raw, const unsigned char *ids,
                                const unsigned char *valid, spur_error *error)
{
    spur_status status = SPUR_OK;
    const feature_layout *layout = from->layout;
    for (size_t at = 0; at < count; at += FEATURE_BLOCK_ROWS) {
        size_t block = (first + at) / FEATURE_BLOCK_ROWS;
        const unsigned char *parts[FEATURE_PARTS] = {
            raw + at * layout->row_bytes[FEATURE_VALUES], ids + at * STORE_ID_SIZE, valid + at};
        unsigned char sum[DIGEST_SIZE];
        TRY(feature_block_digest(layout, feature_block_rows(layout, block), parts, sum, error));
        if (memcmp(sum, from->digests[block], sizeof sum) != 0) {
            FAIL(SPUR_DATASET,
                 "%s: rows %zu to %zu do not match their digest in run.db: the file is "
                 "damaged; restore a copy, or use --restart",
                 layout->path, block * FEATURE_BLOCK_ROWS,
                 block * FEATURE_BLOCK_ROWS + feature_block_rows(layout, block) - 1);
        }
    }
done:
    return status;
}

spur_status feature_reader_take(feature_reader *from, size_t first, size_t count, float *values,
                                unsigned char *ids, unsigned char *valid, spur_error *error)
{
    spur_status status;
    const feature_layout *layout = from->layout;
    size_t elements = count * layout->width;
    unsigned char *raw = (unsigned char *)values + (layout->is_half ? 2 * elements : 0);
    TRY(read_part(from, FEATURE_VALUES, first, count, raw, error));
    TRY(read_part(from, FEATURE_IDS, first, count, ids, error));
    TRY(read_part(from, FEATURE_VALID, first, count, valid, error));
    TRY(check_blocks(from, first, count, raw, ids, valid, error));
    if (layout->is_half) {
        half_widen(values, elements);
    }
    TRY(file_check_unchanged(from->from, error));
done:
    return status;
}
