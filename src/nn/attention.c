/*
 * attention.c - softmax(Q K^T) V of each head in tiles of queries and blocks of keys.
 *
 * Per head, K is packed transposed and V as it is into panels of 16 columns; then for each
 * tile of queries the scores of one block of keys [tile, block] are multiplied, turned into
 * probabilities by one step of a running softmax (Milakov and Gimelshein 2018) and multiplied
 * with V into the tile's sums [tile, head size]. The block size depends on the number of
 * tokens alone, so a row's bits depend on that row and the keys it sees.
 */
#include "nn/attention.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "nn/kernel.h"

enum {
    TILE_QUERIES = 24,
    BLOCK_KEYS = 256,
    ROWS_AHEAD = 8 /* how early a row is fetched from memory */
};

struct attention {
    attention_shape shape;
    const kernel *loops;
    size_t block_keys;   /* a multiple of 16 */
    size_t key_panels;   /* ceil(tokens / 16) */
    size_t value_panels; /* ceil(head_size / 16) */
    size_t floats;       /* of scratch */
};

/* Where the parts of the scratch memory lie. */
typedef struct workspace {
    float *keys;   /* [key_panels, head_size, 16] */
    float *values; /* [value_panels, tokens, 16] */
    float *scores; /* [TILE_QUERIES, score_stride] */
    float *sums;   /* [value_panels, TILE_QUERIES, 16] */
    float *peak, *total, *rescale;
    size_t score_stride;
} workspace;

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t score_stride(const attention *from)
{
    return from->block_keys + PANEL_WIDTH;
}

static spur_status attention_size(attention *made, spur_error *error)
{
    const attention_shape *shape = &made->shape;
    size_t keys, values, both, fixed;
    made->key_panels = ceil_div(shape->tokens, PANEL_WIDTH);
    made->value_panels = ceil_div(shape->head_size, PANEL_WIDTH);
    size_t blocks = ceil_div(shape->tokens, BLOCK_KEYS);
    made->block_keys = ceil_div(ceil_div(shape->tokens, blocks), PANEL_WIDTH) * PANEL_WIDTH;
    fixed = TILE_QUERIES * (score_stride(made) + made->value_panels * PANEL_WIDTH + 4);
    if (!size_mul(made->key_panels * PANEL_WIDTH, shape->head_size, &keys) ||
        !size_mul(made->value_panels * PANEL_WIDTH, shape->tokens, &values) ||
        !size_add(keys, values, &both) || !size_add(both, fixed, &made->floats)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return SPUR_OK;
}

spur_status attention_open(engine *on, const attention_shape *shape, attention **out,
                           spur_error *error)
{
    spur_status status;
    attention *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->shape = *shape;
    made->loops = engine_kernel(on);
    TRY(attention_size(made, error));
    engine_reserve(on, made->floats);
    *out = made;
    made = NULL;
done:
    attention_close(made);
    return status;
}

void attention_close(attention *block)
{
    memory_free(block);
}

static workspace workspace_of(const attention *from, float *scratch)
{
    workspace made;
    made.score_stride = score_stride(from);
    made.keys = scratch;
    made.values = made.keys + from->key_panels * PANEL_WIDTH * from->shape.head_size;
    made.scores = made.values + from->value_panels * PANEL_WIDTH * from->shape.tokens;
    made.sums = made.scores + TILE_QUERIES * made.score_stride;
    made.peak = made.sums + TILE_QUERIES * from->value_panels * PANEL_WIDTH;
    made.total = made.peak + TILE_QUERIES;
    made.rescale = made.total + TILE_QUERIES;
    return made;
}

/* The rows of one head lie far apart, where no processor expects the next. */
static void fetch_row(const float *row, size_t size)
{
    for (size_t i = 0; i < size; i += PANEL_WIDTH) {
        __builtin_prefetch(row + i);
    }
}

/* Panel n of K^T: element [k, j] is component k of key 16 n + j, 0 behind the last key. */
static void pack_keys(const attention *from, const float *src, float *dst)
{
    size_t size = from->shape.head_size, stride = from->shape.src_stride;
    size_t tokens = from->shape.tokens;
    memset(dst + tokens / PANEL_WIDTH * PANEL_WIDTH * size, 0,
           (from->key_panels - tokens / PANEL_WIDTH) * PANEL_WIDTH * size * sizeof *dst);
    for (size_t key = 0; key < tokens; key++) {
        float *panel = dst + key / PANEL_WIDTH * PANEL_WIDTH * size + key % PANEL_WIDTH;
        const float *row = src + key * stride;
        if (key + ROWS_AHEAD < tokens) {
            fetch_row(row + ROWS_AHEAD * stride, size);
        }
        for (size_t k = 0; k < size; k++) {
            panel[k * PANEL_WIDTH] = row[k];
        }
    }
}

/* Panel n of V: element [key, j] is component 16 n + j of that key, 0 behind the last. */
static void pack_values(const attention *from, const float *src, float *dst)
{
    size_t size = from->shape.head_size, stride = from->shape.src_stride;
    size_t tokens = from->shape.tokens;
    for (size_t key = 0; key < tokens; key++) {
        const float *row = src + key * stride;
        if (key + ROWS_AHEAD < tokens) {
            fetch_row(row + ROWS_AHEAD * stride, size);
        }
        for (size_t first = 0; first < size; first += PANEL_WIDTH) {
            float *panel = dst + first * tokens + key * PANEL_WIDTH;
            size_t count = size - first < PANEL_WIDTH ? size - first : PANEL_WIDTH;
            if (count == PANEL_WIDTH) { /* a size the compiler knows */
                memcpy(panel, row + first, PANEL_WIDTH * sizeof *dst);
                continue;
            }
            memcpy(panel, row + first, count * sizeof *dst);
            memset(panel + count, 0, (PANEL_WIDTH - count) * sizeof *dst);
        }
    }
}

/* scores = Q K^T of one tile and block of keys. */
static void multiply_keys(const attention *from, const workspace *space, const float *queries,
                          size_t rows, size_t key)
{
    size_t size = from->shape.head_size;
    size_t left = from->key_panels - key / PANEL_WIDTH;
    size_t panels = from->block_keys / PANEL_WIDTH;
    const product what = {.rows = rows,
                          .panels = left < panels ? left : panels,
                          .depth = size,
                          .a = queries,
                          .a_stride = from->shape.src_stride,
                          .a_step = 1,
                          .a_tile = from->loops->tile_rows * from->shape.src_stride,
                          .b = space->keys + key * size,
                          .b_panel = PANEL_WIDTH * size,
                          .c = space->scores,
                          .c_stride = space->score_stride,
                          .c_panel = PANEL_WIDTH};
    from->loops->multiply(&what);
}

/* sums = sums * rescale + probabilities V. */
static void multiply_values(const attention *from, const workspace *space, size_t rows,
                            size_t key, size_t keys)
{
    size_t c_panel = TILE_QUERIES * PANEL_WIDTH;
    for (size_t panel = 0; key > 0 && panel < from->value_panels; panel++) {
        from->loops->scale_panel(space->sums + panel * c_panel, rows, space->rescale);
    }
    const product what = {.rows = rows,
                          .panels = from->value_panels,
                          .depth = keys,
                          .a = space->scores,
                          .a_stride = space->score_stride,
                          .a_step = 1,
                          .a_tile = from->loops->tile_rows * space->score_stride,
                          .b = space->values + key * PANEL_WIDTH,
                          .b_panel = from->shape.tokens * PANEL_WIDTH,
                          .c = space->sums,
                          .c_stride = PANEL_WIDTH,
                          .c_panel = c_panel,
                          .add = key > 0};
    from->loops->multiply(&what);
}

/* dst = sums / total. */
static void store_tile(const attention *from, const workspace *space, size_t rows, float *dst)
{
    size_t size = from->shape.head_size;
    for (size_t row = 0; row < rows; row++) {
        space->rescale[row] = 1.0F / space->total[row];
    }
    for (size_t first = 0; first < size; first += PANEL_WIDTH) {
        size_t count = size - first < PANEL_WIDTH ? size - first : PANEL_WIDTH;
        float *sums = space->sums + first * TILE_QUERIES;
        from->loops->scale_panel(sums, rows, space->rescale);
        for (size_t row = 0; row < rows; row++) {
            memcpy(dst + row * from->shape.dst_stride + first, sums + row * PANEL_WIDTH,
                   count * sizeof *sums);
        }
    }
}

/* Queries token .. token + rows - 1 of one head against all keys they see. */
static void run_tile(const attention *from, const workspace *space, const float *queries,
                     size_t token, size_t rows)
{
    size_t tokens = from->shape.tokens;
    size_t end = from->shape.causal ? token + rows : tokens;
    for (size_t key = 0; key < end; key += from->block_keys) {
        size_t left = end - key;
        size_t keys = left < from->block_keys ? left : from->block_keys;
        multiply_keys(from, space, queries, rows, key);
        const softmax_step step = {.scores = space->scores,
                                   .stride = space->score_stride,
                                   .rows = rows,
                                   .keys = keys,
                                   .query = token,
                                   .key = key,
                                   .causal = from->shape.causal,
                                   .peak = space->peak,
                                   .total = space->total,
                                   .rescale = space->rescale};
        from->loops->softmax_step(&step);
        multiply_values(from, space, rows, key, keys);
    }
}

static void run_head(const attention *from, const workspace *space, const float *qkv,
                     size_t head, size_t queries, float *dst)
{
    const attention_shape *shape = &from->shape;
    size_t width = shape->heads * shape->head_size;
    const float *own = qkv + head * shape->head_size;
    pack_keys(from, own + width, space->keys);
    pack_values(from, own + 2 * width, space->values);
    for (size_t token = 0; token < queries; token += TILE_QUERIES) {
        size_t left = queries - token;
        size_t rows = left < TILE_QUERIES ? left : TILE_QUERIES;
        for (size_t i = rows; i < 2 * rows && token + i < queries; i++) {
            fetch_row(own + (token + i) * shape->src_stride, shape->head_size);
        }
        run_tile(from, space, own + token * shape->src_stride, token, rows);
        store_tile(from, space, rows,
                   dst + token * shape->dst_stride + head * shape->head_size);
    }
}

spur_status attention_run(const attention *from, engine_worker *worker, const float *qkv,
                          size_t queries, float *dst, spur_error *error)
{
    float *scratch = engine_scratch(worker, from->floats);
    if (scratch == NULL) {
        return error_set(error, SPUR_INTERNAL, "a worker is older than the attention it runs");
    }
    const workspace space = workspace_of(from, scratch);
    for (size_t head = 0; head < from->shape.heads; head++) {
        run_head(from, &space, qkv, head, queries, dst);
    }
    return SPUR_OK;
}
