/*
 * detector.c - a model folder opened as one detector; one worker's look at an image.
 *
 *     folder -> config, preprocessing, tokenizer, weights -> text tower, vision tower, heads
 *     image -> preprocess -> vision -> map F -> class embeddings, shift, scale -> logits
 */
#include "models/detector.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/model_digest.h"
#include "models/owl_heads.h"
#include "models/owl_text.h"
#include "models/owl_vision.h"
#include "nn/rows.h"

enum {
    WARNING_MAX = 4,
    QUERY_BLOCK = 64
};

struct detector {
    spur_detector_options options;
    owl_config config;
    preprocess recipe;
    tokenizer *words;
    engine *compute;
    owl_text *text;
    owl_vision *vision;
    owl_heads *heads;
    char digest[DIGEST_HEX_SIZE];
    char *warning_texts[WARNING_MAX];
    const char *warnings[WARNING_MAX + 1];
    size_t warning_count;
};

struct detector_worker {
    const detector *of;
    engine_worker *compute;
    float *pixels;     /* [3, S, S] */
    float *scratch;    /* of whichever part runs */
    float *map;        /* F: [map rows, row_stride(W)] */
    float *embeddings; /* [map rows, D] */
    float *directions; /* [P, D]: embeddings / (norm + 1e-6) */
    float *shift, *scale, *objectness, *boxes;
    float *queries;  /* [QUERY_BLOCK, D] */
    bool *has_boxes; /* per block of HEAD_ROWS patches */
    bool has_objectness;
    const tower_watch *watch;
};

/* ---- opening ------------------------------------------------------------------------- */

static spur_status warning_add(detector *made, spur_error *error, const char *text)
{
    char *copy = NULL;
    spur_status status = memory_copy_text(text, strlen(text), &copy, error);
    if (status == SPUR_OK) {
        made->warning_texts[made->warning_count] = copy;
        made->warnings[made->warning_count++] = copy;
    }
    return status;
}

static spur_status recipe_open(const char *folder, detector *made, spur_error *error)
{
    spur_status status;
    TRY(preprocess_read(folder, &made->recipe, error));
    made->recipe.order = made->options.resize_order;
    if (made->options.geometry == SPUR_GEOMETRY_SCENIC) {
        preprocess_use_scenic(&made->recipe, made->options.pad_value);
    } else if (made->recipe.crop) {
        TRY(warning_add(made, error,
                        "preprocessor_config.json asks for a centre crop, as defective early "
                        "files of this model did: boxes of pictures that are not square will "
                        "be off; get the model's current files"));
    }
    if (made->recipe.width != made->config.side || made->recipe.height != made->config.side) {
        FAIL(SPUR_MODEL,
             "preprocessor_config.json gives pictures of %zux%zu, vision_config.image_size is "
             "%zu",
             made->recipe.width, made->recipe.height, made->config.side);
    }
done:
    return status;
}

static spur_status words_open(const char *folder, detector *made, spur_error *error)
{
    spur_status status;
    TRY(tokenizer_open(folder, &made->words, error));
    if (tokenizer_size(made->words) > made->config.vocabulary) {
        FAIL(SPUR_MODEL, "the tokenizer has %zu ids, text_config.vocab_size is %zu",
             tokenizer_size(made->words), made->config.vocabulary);
    }
done:
    return status;
}

static spur_status towers_open(const weights *from, detector *made, spur_error *error)
{
    spur_status status;
    bool is_scenic = made->options.geometry == SPUR_GEOMETRY_SCENIC;
    float merge_eps = is_scenic ? 1e-6F : made->config.vision.eps;
    activation act = is_scenic ? ACTIVATION_GELU_TANH : ACTIVATION_GELU_ERF;
    TRY(engine_open(&made->compute, error));
    TRY(owl_vision_open(made->compute, from, &made->config, merge_eps, &made->vision, error));
    TRY(owl_heads_open(made->compute, from, &made->config, act, &made->heads, error));
    TRY(owl_text_open(made->compute, from, &made->config, &made->text, error));
done:
    return status;
}

static spur_status weights_expect_all(weights *from, const owl_config *config,
                                      spur_error *error)
{
    spur_status status;
    TRY(owl_vision_expect(from, config, error));
    TRY(owl_heads_expect(from, config, error));
    TRY(owl_text_expect(from, config, error));
    TRY(weights_check_complete(from, error));
done:
    return status;
}

/* SHA-256 over the options that change numbers, the small files and the weights. */
static spur_status digest_make(const char *folder, const weights *from, detector *made,
                               spur_error *error)
{
    static const char *const names[] = {"config.json",
                                        "preprocessor_config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "vocab.json",
                                        "merges.txt",
                                        "special_tokens_map.json"};
    char options[128];
    (void)snprintf(options, sizeof options, "geometry %d pad %a order %d literal %d",
                   (int)made->options.geometry, (double)made->options.pad_value,
                   (int)made->options.resize_order, (int)made->options.literal_config);
    const model_parts parts = {options, folder, names, sizeof names / sizeof names[0],
                               weights_file(from)};
    return model_digest(&parts, made->digest, error);
}

static spur_status model_open(const char *folder, detector *made, spur_error *error)
{
    spur_status status;
    weights *from = NULL;
    TRY(owl_config_read(folder, made->options.literal_config, &made->config, error));
    if (made->config.text_heads_corrected) {
        TRY(warning_add(made, error,
                        "config.json gives the text tower 16 heads; these weights were trained "
                        "with 12, which is used (--literal-config keeps 16)"));
    }
    TRY(recipe_open(folder, made, error));
    TRY(words_open(folder, made, error));
    TRY(weights_open(folder, made->options.allow_nonfinite, &from, error));
    status = weights_expect_all(from, &made->config, error);
    if (status == SPUR_OK) {
        status = towers_open(from, made, error);
    }
    if (status == SPUR_OK && !made->options.without_digest) {
        status = digest_make(folder, from, made, error);
    }
    if (status == SPUR_MODEL) {
        error_prefix(error, "%s", folder);
    }
done:
    weights_close(from);
    return status;
}

spur_status detector_open(const char *folder, const spur_detector_options *options,
                          detector **out, spur_error *error)
{
    spur_status status;
    detector *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    spur_detector_options_defaults(&made->options);
    if (options != NULL) {
        made->options = *options;
    }
    TRY(model_open(folder, made, error));
    *out = made;
    made = NULL;
done:
    detector_close(made);
    return status;
}

void detector_close(detector *block)
{
    if (block == NULL) {
        return;
    }
    owl_text_close(block->text);
    owl_vision_close(block->vision);
    owl_heads_close(block->heads);
    engine_close(block->compute);
    tokenizer_close(block->words);
    for (size_t i = 0; i < block->warning_count; i++) {
        memory_free(block->warning_texts[i]);
    }
    memory_free(block);
}

void detector_drop_text(detector *from)
{
    owl_text_close(from->text);
    from->text = NULL;
}

void spur_detector_options_defaults(spur_detector_options *options)
{
    *options = (spur_detector_options){0};
}

/* ---- facts --------------------------------------------------------------------------- */

const char *detector_model_type(const detector *from)
{
    return from->config.is_v2 ? "owlv2" : "owlvit";
}

size_t detector_grid(const detector *from)
{
    return from->config.side / from->config.patch;
}

size_t detector_patches(const detector *from)
{
    return detector_grid(from) * detector_grid(from);
}

size_t detector_side(const detector *from)
{
    return from->config.side;
}

size_t detector_embedding(const detector *from)
{
    return from->config.projection;
}

size_t detector_max_tokens(const detector *from)
{
    return from->config.max_tokens;
}

bool detector_has_objectness(const detector *from)
{
    return from->config.is_v2;
}

const tokenizer *detector_tokenizer(const detector *from)
{
    return from->words;
}

const preprocess *detector_preprocess(const detector *from)
{
    return &from->recipe;
}

const char *detector_digest(const detector *from)
{
    return from->digest;
}

const char *detector_isa(const detector *from)
{
    return engine_isa(from->compute);
}

size_t detector_weight_bytes(const detector *from)
{
    return owl_vision_bytes(from->vision) + owl_heads_bytes(from->heads) +
           (from->text == NULL ? 0 : owl_text_bytes(from->text));
}

double detector_gmac(const detector *from)
{
    const owl_config *config = &from->config;
    double patches = (double)detector_patches(from), tokens = patches + 1;
    double width = (double)config->vision.width, mlp = (double)config->vision.mlp;
    double pixels = 3.0 * (double)(config->patch * config->patch);
    double layer = tokens * width * (4 * width + 2 * mlp) + 2 * tokens * tokens * width;
    double heads = patches * width * ((double)config->projection + 2);
    return (patches * pixels * width + (double)config->vision.layers * layer + heads) / 1e9;
}

const char *const *detector_warnings(const detector *from)
{
    return from->warnings;
}

/* ---- worker -------------------------------------------------------------------------- */

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t head_blocks(const detector *from)
{
    return (detector_patches(from) + HEAD_ROWS - 1) / HEAD_ROWS;
}

static spur_status worker_buffers(const detector *from, detector_worker *made,
                                  spur_error *error)
{
    spur_status status;
    size_t side = from->config.side, width = from->config.projection;
    size_t patches = detector_patches(from), rows = owl_heads_map_rows(from->heads);
    size_t scratch = largest(owl_vision_scratch(from->vision), owl_heads_scratch(from->heads));
    if (from->text != NULL) {
        scratch = largest(scratch, owl_text_scratch(from->text));
    }
    TRY(memory_new(3 * side * side, sizeof(float), &made->pixels, error));
    TRY(memory_new_zeroed(scratch, sizeof(float), &made->scratch, error));
    TRY(memory_new_zeroed(rows * row_stride(from->config.vision.width), sizeof(float),
                          &made->map, error));
    TRY(memory_new_zeroed(rows * width, sizeof(float), &made->embeddings, error));
    TRY(memory_new(patches * width, sizeof(float), &made->directions, error));
    TRY(memory_new(patches, sizeof(float), &made->shift, error));
    TRY(memory_new(patches, sizeof(float), &made->scale, error));
    TRY(memory_new(patches, sizeof(float), &made->objectness, error));
    TRY(memory_new(patches, 4 * sizeof(float), &made->boxes, error));
    TRY(memory_new(QUERY_BLOCK * width, sizeof(float), &made->queries, error));
    TRY(memory_new_zeroed(head_blocks(from), sizeof(bool), &made->has_boxes, error));
done:
    return status;
}

spur_status detector_worker_new(const detector *from, detector_worker **out, spur_error *error)
{
    spur_status status;
    detector_worker *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->of = from;
    TRY(engine_worker_new(from->compute, &made->compute, error));
    TRY(worker_buffers(from, made, error));
    *out = made;
    made = NULL;
done:
    detector_worker_free(made);
    return status;
}

void detector_worker_free(detector_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    engine_worker_free(worker->compute);
    memory_free(worker->pixels);
    memory_free(worker->scratch);
    memory_free(worker->map);
    memory_free(worker->embeddings);
    memory_free(worker->directions);
    memory_free(worker->shift);
    memory_free(worker->scale);
    memory_free(worker->objectness);
    memory_free(worker->boxes);
    memory_free(worker->queries);
    memory_free(worker->has_boxes);
    memory_free(worker);
}

void detector_worker_watch(detector_worker *worker, const tower_watch *watch)
{
    worker->watch = watch;
}

/* ---- text ---------------------------------------------------------------------------- */

static bool is_canonical(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The original implementation's text: lower-case, everything outside a-z 0-9 - a space, runs
 * of spaces and dashes collapsed, trimmed. dst holds length + 1 bytes. */
static size_t text_canonicalise(const char *text, size_t length, char *dst)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        c = is_canonical(c) ? c : ' ';
        bool repeats = (c == ' ' || c == '-') && used > 0 && dst[used - 1] == c;
        if (!repeats && !(c == ' ' && used == 0)) {
            dst[used++] = c;
        }
    }
    if (used > 0 && dst[used - 1] == ' ') {
        used--;
    }
    dst[used] = '\0';
    return used;
}

static spur_status text_tokenize(const detector *from, const char *text, size_t length,
                                 token_ids *ids, spur_error *error)
{
    spur_status status;
    char *canonical = NULL;
    if (from->options.geometry == SPUR_GEOMETRY_SCENIC) {
        TRY(memory_new(length + 1, 1, &canonical, error));
        length = text_canonicalise(text, length, canonical);
        text = canonical;
    }
    TRY(tokenizer_encode(from->words, text, length, from->config.max_tokens, ids, error));
done:
    memory_free(canonical);
    return status;
}

spur_status detector_encode_text(detector_worker *worker, const char *text, size_t length,
                                 float *embed, token_ids *ids, spur_error *error)
{
    spur_status status;
    token_ids own = {0};
    if (worker->of->text == NULL) {
        FAIL(SPUR_INTERNAL, "the text tower was dropped before a text was encoded");
    }
    TRY(text_tokenize(worker->of, text, length, &own, error));
    TRY(owl_text_run(worker->of->text, worker->compute, own.ids, own.count, worker->scratch,
                     embed, worker->watch, error));
    if (ids != NULL) {
        *ids = own;
        own = (token_ids){0};
    }
done:
    token_ids_free(&own);
    return status;
}

/* ---- image --------------------------------------------------------------------------- */

spur_status detector_look(detector_worker *worker, const image *src, spur_error *error)
{
    spur_status status;
    const detector *of = worker->of;
    size_t width = of->config.projection;
    TRY(preprocess_run(&of->recipe, src, worker->pixels, NULL, error));
    TRY(owl_vision_run(of->vision, worker->compute, worker->pixels, worker->scratch,
                       worker->map, worker->watch, error));
    TRY(owl_heads_class(of->heads, worker->compute, worker->map, worker->embeddings,
                        worker->shift, worker->scale, error));
    rows_l2_normalise(worker->embeddings, width, detector_patches(of), width, 1e-6F,
                      worker->directions, width);
    worker->has_objectness = false;
    memset(worker->has_boxes, 0, head_blocks(of) * sizeof(bool));
done:
    return status;
}

const float *detector_pixel_values(const detector_worker *worker)
{
    return worker->pixels;
}

const float *detector_class_embeddings(const detector_worker *worker)
{
    return worker->embeddings;
}

spur_status detector_objectness(detector_worker *worker, const float **out, spur_error *error)
{
    spur_status status = SPUR_OK;
    const detector *of = worker->of;
    if (!of->config.is_v2) {
        FAIL(SPUR_USAGE, "objectness needs an OWLv2 detector; this one is OWL-ViT");
    }
    if (!worker->has_objectness) {
        TRY(owl_heads_objectness(of->heads, worker->compute, worker->map, worker->scratch,
                                 worker->objectness, error));
        worker->has_objectness = true;
    }
    *out = worker->objectness;
done:
    return status;
}

/* logits of a block of queries that are ready for the product */
static void logits_block(const detector_worker *worker, const float *queries, size_t count,
                         size_t stride, float *logits)
{
    size_t width = worker->of->config.projection, patches = detector_patches(worker->of);
    rows_dot(worker->directions, width, patches, queries, width, count, width, logits, stride);
    for (size_t n = 0; n < patches; n++) {
        float *row = logits + n * stride;
        for (size_t j = 0; j < count; j++) {
            row[j] = (row[j] + worker->shift[n]) * worker->scale[n];
        }
    }
}

void detector_logits(const detector_worker *worker, const float *queries, size_t count,
                     bool as_given, float *logits)
{
    size_t width = worker->of->config.projection;
    for (size_t first = 0; first < count; first += QUERY_BLOCK) {
        size_t block = count - first < QUERY_BLOCK ? count - first : QUERY_BLOCK;
        const float *ready = queries + first * width;
        if (!as_given) {
            rows_l2_normalise(ready, width, block, width, 1e-6F, worker->queries, width);
            ready = worker->queries;
        }
        logits_block(worker, ready, block, count, logits + first);
    }
}

spur_status detector_box(detector_worker *worker, size_t patch, float box[4], spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t block = patch / HEAD_ROWS;
    if (!worker->has_boxes[block]) {
        TRY(owl_heads_boxes(worker->of->heads, worker->compute, worker->map, block * HEAD_ROWS,
                            worker->scratch, worker->boxes, error));
        worker->has_boxes[block] = true;
    }
    memcpy(box, worker->boxes + 4 * patch, 4 * sizeof *box);
done:
    return status;
}

void detector_box_to_pixels(const detector *from, const float box[4], size_t width,
                            size_t height, float pixels[4])
{
    bool is_padded = from->recipe.geometry != PREPROCESS_STRETCH;
    float longest = (float)largest(width, height);
    float scale_x = is_padded ? longest : (float)width;
    float scale_y = is_padded ? longest : (float)height;
    pixels[0] = (box[0] - 0.5F * box[2]) * scale_x;
    pixels[1] = (box[1] - 0.5F * box[3]) * scale_y;
    pixels[2] = (box[0] + 0.5F * box[2]) * scale_x;
    pixels[3] = (box[1] + 0.5F * box[3]) * scale_y;
}
