/*
 * owl_heads.c - class, box and objectness heads of OWL-ViT and OWLv2.
 */
#include "models/owl_heads.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "nn/rows.h"

/* dense2 act dense1 act dense0, `outputs` values a row. */
typedef struct mlp_head {
    linear *dense0, *dense1;
    float *weight, *bias; /* dense2: [outputs, W], [outputs] */
    size_t outputs;
} mlp_head;

struct owl_heads {
    size_t width, embedding, grid, patches, stride;
    size_t class_block;
    bool has_objectness;
    linear *class_dense;
    float *affine; /* [2, W]: weights of shift and scale */
    float affine_bias[2];
    mlp_head box, objectness;
    float *grid_bias; /* [grid]: lambda((i + 1) / grid) */
    float size_bias;  /* lambda(1 / grid) */
};

/* ---- tensors ------------------------------------------------------------------------- */

static spur_status mlp_head_expect(weights *from, const char *prefix, size_t width,
                                   size_t outputs, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    tensor_name(name, "%s.dense0", prefix);
    TRY(linear_expect(from, name, width, width, error));
    tensor_name(name, "%s.dense1", prefix);
    TRY(linear_expect(from, name, width, width, error));
    tensor_name(name, "%s.dense2", prefix);
    TRY(linear_expect(from, name, width, outputs, error));
done:
    return status;
}

spur_status owl_heads_expect(weights *from, const owl_config *config, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    const char *family = config->is_v2 ? "owlv2" : "owlvit";
    size_t width = config->vision.width;
    if (config->text.width != config->projection) {
        FAIL(SPUR_MODEL,
             "projection_dim %zu differs from text_config.hidden_size %zu: class embeddings "
             "and queries do not fit",
             config->projection, config->text.width);
    }
    TRY(linear_expect(from, "class_head.dense0", width, config->projection, error));
    TRY(linear_expect(from, "class_head.logit_shift", width, 1, error));
    TRY(linear_expect(from, "class_head.logit_scale", width, 1, error));
    TRY(mlp_head_expect(from, "box_head", width, 4, error));
    if (config->is_v2) {
        TRY(mlp_head_expect(from, "objectness_head", width, 1, error));
    }
    tensor_name(name, "%s.logit_scale", family);
    weights_ignore(from, name);
    tensor_name(name, "%s.visual_projection.weight", family);
    weights_ignore(from, name);
done:
    return status;
}

/* ---- opening ------------------------------------------------------------------------- */

static spur_status mlp_head_open(engine *on, const weights *from, const char *prefix,
                                 const linear_shape *shape, size_t outputs, mlp_head *made,
                                 spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    made->outputs = outputs;
    tensor_name(name, "%s.dense0", prefix);
    TRY(linear_take(on, from, name, shape, &made->dense0, error));
    tensor_name(name, "%s.dense1", prefix);
    TRY(linear_take(on, from, name, shape, &made->dense1, error));
    tensor_name(name, "%s.dense2.weight", prefix);
    TRY(weights_take(from, name, &made->weight, error));
    tensor_name(name, "%s.dense2.bias", prefix);
    TRY(weights_take(from, name, &made->bias, error));
done:
    return status;
}

static void mlp_head_close(mlp_head *block)
{
    linear_close(block->dense0);
    linear_close(block->dense1);
    memory_free(block->weight);
    memory_free(block->bias);
}

/* Row `index` of the joint shift and scale product. */
static spur_status affine_take(const weights *from, const char *prefix, owl_heads *made,
                               size_t index, spur_error *error)
{
    spur_status status;
    char name[TENSOR_NAME_SIZE];
    float *weight = NULL, *bias = NULL;
    tensor_name(name, "%s.weight", prefix);
    TRY(weights_take(from, name, &weight, error));
    tensor_name(name, "%s.bias", prefix);
    TRY(weights_take(from, name, &bias, error));
    memcpy(made->affine + index * made->width, weight, made->width * sizeof *weight);
    made->affine_bias[index] = bias[0];
done:
    memory_free(weight);
    memory_free(bias);
    return status;
}

/* lambda(u) = ln(u + 1e-4) - ln(1 - u + 1e-4), u clipped to [0, 1] */
static float box_bias(double u)
{
    return (float)(log(u + 1e-4) - log1p(-u + 1e-4));
}

static spur_status grid_bias_make(owl_heads *made, spur_error *error)
{
    spur_status status = memory_new(made->grid, sizeof(float), &made->grid_bias, error);
    if (status == SPUR_OK) {
        for (size_t i = 0; i < made->grid; i++) {
            made->grid_bias[i] = box_bias((double)(i + 1) / (double)made->grid);
        }
        made->size_bias = box_bias(1.0 / (double)made->grid);
    }
    return status;
}

static spur_status class_open(engine *on, const weights *from, owl_heads *made,
                              spur_error *error)
{
    spur_status status;
    const linear_shape shape = {.rows = made->class_block,
                                .in = made->width,
                                .out = made->embedding,
                                .src_stride = made->stride,
                                .dst_stride = made->embedding};
    TRY(linear_take(on, from, "class_head.dense0", &shape, &made->class_dense, error));
    TRY(memory_new(2 * made->width, sizeof(float), &made->affine, error));
    TRY(affine_take(from, "class_head.logit_shift", made, 0, error));
    TRY(affine_take(from, "class_head.logit_scale", made, 1, error));
done:
    return status;
}

spur_status owl_heads_open(engine *on, const weights *from, const owl_config *config,
                           activation act, owl_heads **out, spur_error *error)
{
    spur_status status;
    owl_heads *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->width = config->vision.width;
    made->embedding = config->projection;
    made->grid = config->side / config->patch;
    made->patches = made->grid * made->grid;
    made->stride = row_stride(made->width);
    made->class_block = block_rows(made->patches);
    made->has_objectness = config->is_v2;
    TRY(class_open(on, from, made, error));
    const linear_shape shape = {HEAD_ROWS,    made->width, made->width, made->stride,
                                made->stride, act,         false};
    TRY(mlp_head_open(on, from, "box_head", &shape, 4, &made->box, error));
    if (made->has_objectness) {
        TRY(mlp_head_open(on, from, "objectness_head", &shape, 1, &made->objectness, error));
    }
    TRY(grid_bias_make(made, error));
    *out = made;
    made = NULL;
done:
    owl_heads_close(made);
    return status;
}

void owl_heads_close(owl_heads *block)
{
    if (block != NULL) {
        linear_close(block->class_dense);
        memory_free(block->affine);
        mlp_head_close(&block->box);
        mlp_head_close(&block->objectness);
        memory_free(block->grid_bias);
        memory_free(block);
    }
}

static size_t mlp_head_bytes(const mlp_head *head, size_t width)
{
    return linear_bytes(head->dense0) + linear_bytes(head->dense1) +
           head->outputs * width * sizeof(float);
}

size_t owl_heads_bytes(const owl_heads *from)
{
    return linear_bytes(from->class_dense) + 2 * from->width * sizeof(float) +
           mlp_head_bytes(&from->box, from->width) +
           (from->has_objectness ? mlp_head_bytes(&from->objectness, from->width) : 0);
}

size_t owl_heads_scratch(const owl_heads *from)
{
    return 2 * HEAD_ROWS * from->stride;
}

size_t owl_heads_map_rows(const owl_heads *from)
{
    size_t heads = (from->patches + HEAD_ROWS - 1) / HEAD_ROWS * HEAD_ROWS;
    size_t classes = blocks_total(from->patches);
    return heads > classes ? heads : classes;
}

/* ---- running ------------------------------------------------------------------------- */

spur_status owl_heads_class(const owl_heads *from, engine_worker *worker, const float *map,
                            float *embeddings, float *shift, float *scale, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t n = 0; n < from->patches; n += from->class_block) {
        TRY(linear_run(from->class_dense, worker, map + n * from->stride,
                       embeddings + n * from->embedding, error));
    }
    for (size_t n = 0; n < from->patches; n++) {
        float pair[2];
        rows_dot(map + n * from->stride, from->stride, 1, from->affine, from->width, 2,
                 from->width, pair, 2);
        float raw = pair[1] + from->affine_bias[1];
        shift[n] = pair[0] + from->affine_bias[0];
        scale[n] = (raw > 0 ? raw : expm1f(raw)) + 1.0F;
    }
done:
    return status;
}

/* values [HEAD_ROWS, outputs] of the rows of F from `first` on. */
static spur_status mlp_head_run(const owl_heads *from, const mlp_head *head,
                                engine_worker *worker, const float *rows, float *scratch,
                                float *values, spur_error *error)
{
    spur_status status;
    float *hidden0 = scratch, *hidden1 = scratch + HEAD_ROWS * from->stride;
    TRY(linear_run(head->dense0, worker, rows, hidden0, error));
    TRY(linear_run(head->dense1, worker, hidden0, hidden1, error));
    rows_dot(hidden1, from->stride, HEAD_ROWS, head->weight, from->width, head->outputs,
             from->width, values, head->outputs);
    for (size_t i = 0; i < HEAD_ROWS * head->outputs; i++) {
        values[i] += head->bias[i % head->outputs];
    }
done:
    return status;
}

spur_status owl_heads_boxes(const owl_heads *from, engine_worker *worker, const float *map,
                            size_t first, float *scratch, float *boxes, spur_error *error)
{
    spur_status status;
    float values[HEAD_ROWS * 4];
    TRY(mlp_head_run(from, &from->box, worker, map + first * from->stride, scratch, values,
                     error));
    for (size_t i = 0; i < HEAD_ROWS && first + i < from->patches; i++) {
        size_t n = first + i;
        float *box = boxes + 4 * n;
        box[0] = sigmoid(values[4 * i] + from->grid_bias[n % from->grid]);
        box[1] = sigmoid(values[4 * i + 1] + from->grid_bias[n / from->grid]);
        box[2] = sigmoid(values[4 * i + 2] + from->size_bias);
        box[3] = sigmoid(values[4 * i + 3] + from->size_bias);
    }
done:
    return status;
}

spur_status owl_heads_objectness(const owl_heads *from, engine_worker *worker, const float *map,
                                 float *scratch, float *objectness, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t first = 0; first < from->patches; first += HEAD_ROWS) {
        float values[HEAD_ROWS];
        TRY(mlp_head_run(from, &from->objectness, worker, map + first * from->stride, scratch,
                         values, error));
        size_t left = from->patches - first;
        memcpy(objectness + first, values,
               (left < HEAD_ROWS ? left : HEAD_ROWS) * sizeof *values);
    }
done:
    return status;
}
