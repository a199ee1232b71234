/*
 * backbone.c - a classifier's files opened as one backbone; one worker's runs of it.
 *
 *     files -> recipe, weights -> the network whose tensors they are -> head, names, digest
 */
#include "models/backbone.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/backbone_files.h"
#include "models/backbone_network.h"
#include "models/model_digest.h"

enum {
    WARNING_MAX = 2
};

struct backbone {
    spur_backbone_options options; /* its texts are read while opening only */
    backbone_files files;
    char *path;
    preprocess recipe;
    engine *compute;
    const network_kind *kind;
    void *network;
    network_facts facts;
    head last;
    arena *texts; /* class names */
    const char *const *class_names;
    text_buffer preprocessing;
    char digest[DIGEST_HEX_SIZE];
    const char *warnings[WARNING_MAX + 1];
    size_t warning_count;
};

struct backbone_worker {
    engine_worker *compute;
    float *scratch;
};

void spur_backbone_options_defaults(spur_backbone_options *options)
{
    *options = (spur_backbone_options){0};
}

/* ---- architecture ------------------------------------------------------------------------ */

static const network_kind *const kinds[] = {&network_resnet, &network_vit};

enum {
    KINDS = sizeof kinds / sizeof *kinds
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The family a name belongs to, or NULL. */
static const network_kind *kind_by_name(const char *name)
{
    if (begins_with(name, "resnet") || begins_with(name, "wide_resnet")) {
        return &network_resnet;
    }
    if (begins_with(name, "vit") || begins_with(name, "deit")) {
        return &network_vit;
    }
    return NULL;
}

static const network_kind *kind_by_tensors(const weights *from)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i]->recognise(from)) {
            return kinds[i];
        }
    }
    return NULL;
}

#define FAMILIES                                                                               \
    "Spur runs ResNet (names of torchvision and timm) and ViT and DeiT (timm and Hugging "     \
    "Face)"

/* By --arch, else by the tensors, else by config.json. */
static spur_status kind_choose(const weights *from, const char *asked, const char *configured,
                               const network_kind **out, spur_error *error)
{
    if (asked != NULL) {
        *out = kind_by_name(asked);
        return *out != NULL ? SPUR_OK
                            : error_set(error, SPUR_USAGE,
                                        "unknown architecture '%s'; " FAMILIES, asked);
    }
    *out = kind_by_tensors(from);
    if (*out == NULL && configured != NULL) {
        *out = kind_by_name(configured);
    }
    if (*out != NULL) {
        return SPUR_OK;
    }
    if (configured != NULL) {
        return error_set(error, SPUR_MODEL,
                         "config.json says '%s', which is not supported; " FAMILIES,
                         configured);
    }
    const tensor_file *file = weights_file(from);
    return error_set(
        error, SPUR_MODEL,
        "the %zu tensors (the first is '%s') are of no known architecture; " FAMILIES,
        tensor_file_count(file),
        tensor_file_count(file) > 0 ? tensor_file_at(file, 0)->name : "");
}

/* A full name that was asked for must be the one found. */
static spur_status architecture_agrees(const backbone *made, spur_error *error)
{
    const char *asked = made->options.architecture;
    bool is_family = asked == NULL || strcmp(asked, "resnet") == 0 ||
                     strcmp(asked, "vit") == 0 || strcmp(asked, "deit") == 0;
    if (is_family || strcmp(asked, made->facts.architecture) == 0) {
        return SPUR_OK;
    }
    return error_set(error, SPUR_MODEL, "the weights are those of %s, not of %s",
                     made->facts.architecture, asked);
}

/* ---- opening ----------------------------------------------------------------------------- */

/* The recipe from the model's files; a named one waits until the network's side is known. */
static spur_status recipe_open(backbone *made, size_t *side, spur_error *error)
{
    spur_status status;
    const char *named = made->options.preprocessing;
    if (named != NULL) {
        TRY(preprocess_preset(named, 0, &made->recipe, error));
        goto done;
    }
    if (made->files.folder == NULL) {
        FAIL(SPUR_MODEL,
             "%s: nothing beside these weights says how pictures are prepared; name a recipe "
             "with "
             "--preprocessing torchvision-v1, torchvision-v2, timm-deit or timm-vit",
             made->files.weights);
    }
    TRY(preprocess_read(made->files.folder, &made->recipe, error));
    if (made->recipe.width != made->recipe.height) {
        FAIL(SPUR_MODEL, "pictures are prepared at %zux%zu; classifiers take squares",
             made->recipe.width, made->recipe.height);
    }
    *side = made->recipe.width;
done:
    return status;
}

static spur_status recipe_finish(backbone *made, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *named = made->options.preprocessing;
    if (named != NULL) {
        TRY(preprocess_preset(named, made->facts.side, &made->recipe, error));
    }
    made->recipe.order = made->options.resize_order;
    TRY(preprocess_describe(&made->recipe, &made->preprocessing, error));
done:
    return status;
}

/* Letters of either case. */
static bool mentions_deit(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if ((text[0] | 32) == 'd' && (text[1] | 32) == 'e' && (text[2] | 32) == 'i' &&
            (text[3] | 32) == 't') {
            return true;
        }
    }
    return false;
}

/* Hugging Face's files of DeiT carry the ViT default, mean and deviation 0.5; the weights were
 * trained with ImageNet's. */
static void recipe_doubt(backbone *made)
{
    const char *origin =
        json_string_value(json_object_get(made->files.config, "_name_or_path"));
    bool is_deit = begins_with(made->facts.architecture, "deit") || mentions_deit(made->path) ||
                   mentions_deit(origin);
    if (made->options.preprocessing == NULL && is_deit && made->recipe.std[0] == 0.5) {
        made->warnings[made->warning_count++] =
            "the model's files normalise with mean and deviation 0.5, but DeiT was trained "
            "with "
            "ImageNet's: this is what Hugging Face computes; --preprocessing timm-deit takes "
            "the "
            "training's recipe and is a few points more accurate";
    }
}

static spur_status digest_make(backbone *made, const weights *from, spur_error *error)
{
    static const char *const names[] = {"config.json", "preprocessor_config.json",
                                        "processor_config.json"};
    char options[128];
    const char *named = made->options.preprocessing;
    (void)snprintf(options, sizeof options, "order %d recipe %s",
                   (int)made->options.resize_order, named != NULL ? named : "own");
    const model_parts parts = {options, made->files.folder, names,
                               sizeof names / sizeof names[0], weights_file(from)};
    return model_digest(&parts, made->digest, error);
}

static spur_status network_open(backbone *made, weights *from, size_t side, spur_error *error)
{
    spur_status status;
    const char *configured = backbone_files_architecture(&made->files);
    const char *asked = made->options.architecture;
    const network_hints hints = {made->files.config, asked != NULL ? asked : configured, side};
    TRY(kind_choose(from, asked, configured, &made->kind, error));
    TRY(engine_open(&made->compute, error));
    TRY(made->kind->open(made->compute, from, &hints, &made->network, &made->facts, &made->last,
                         error));
    TRY(architecture_agrees(made, error));
done:
    return status;
}

static spur_status weights_use(backbone *made, size_t side, spur_error *error)
{
    spur_status status;
    weights *from = NULL;
    TRY(weights_open(made->files.weights, made->options.allow_nonfinite, &from, error));
    status = network_open(made, from, side, error);
    if (status == SPUR_MODEL) {
        error_prefix(error, "%s", made->files.weights);
    }
    if (status == SPUR_OK) {
        status = digest_make(made, from, error);
    }
done:
    weights_close(from);
    return status;
}

static spur_status model_open(backbone *made, spur_error *error)
{
    spur_status status;
    size_t side = 0;
    TRY(recipe_open(made, &side, error));
    TRY(weights_use(made, side, error));
    TRY(recipe_finish(made, error));
    recipe_doubt(made);
    TRY(arena_new(&made->texts, error));
    TRY(backbone_files_names(&made->files, made->last.classes, made->texts, &made->class_names,
                             error));
done:
    return status;
}

spur_status backbone_open(const char *path, const spur_backbone_options *options,
                          backbone **out, spur_error *error)
{
    spur_status status;
    backbone *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    if (options != NULL) {
        made->options = *options;
    }
    TRY(memory_copy_text(path, strlen(path), &made->path, error));
    TRY(backbone_files_open(path, &made->files, error));
    TRY(model_open(made, error));
    made->options.architecture = NULL;
    made->options.preprocessing = NULL;
    *out = made;
    made = NULL;
done:
    backbone_close(made);
    return status;
}

void backbone_close(backbone *block)
{
    if (block == NULL) {
        return;
    }
    if (block->network != NULL) {
        block->kind->close(block->network);
    }
    engine_close(block->compute);
    head_free(&block->last);
    arena_free(block->texts);
    text_buffer_free(&block->preprocessing);
    backbone_files_close(&block->files);
    memory_free(block->path);
    memory_free(block);
}

/* ---- facts ------------------------------------------------------------------------------- */

void backbone_describe(const backbone *from, spur_backbone_info *info)
{
    *info = (spur_backbone_info){
        .path = from->path,
        .architecture = from->facts.architecture,
        .name = from->files.name != NULL ? from->files.name : from->facts.architecture,
        .side = from->facts.side,
        .features = from->facts.features,
        .classes = from->last.classes,
        .preprocessing = from->preprocessing.data,
        .digest = from->digest,
        .weight_bytes = from->facts.weight_bytes,
        .warnings = from->warnings,
        .head_prefix = from->facts.head_prefix,
        .class_names = from->class_names,
    };
}

const preprocess *backbone_preprocess(const backbone *from)
{
    return &from->recipe;
}

const head *backbone_head(const backbone *from)
{
    return &from->last;
}

double backbone_gmac(const backbone *from)
{
    return from->facts.gmac;
}

/* ---- running ----------------------------------------------------------------------------- */

spur_status backbone_worker_new(const backbone *from, backbone_worker **out, spur_error *error)
{
    spur_status status;
    backbone_worker *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(engine_worker_new(from->compute, &made->compute, error));
    TRY(memory_new_zeroed(from->facts.scratch, sizeof(float), &made->scratch, error));
    *out = made;
    made = NULL;
done:
    backbone_worker_free(made);
    return status;
}

void backbone_worker_free(backbone_worker *worker)
{
    if (worker != NULL) {
        engine_worker_free(worker->compute);
        memory_free(worker->scratch);
        memory_free(worker);
    }
}

spur_status backbone_run(const backbone *from, backbone_worker *worker,
                         const float *pixel_values, size_t count, float *features,
                         const tower_watch *watch, spur_error *error)
{
    return from->kind->run(from->network, worker->compute, worker->scratch, pixel_values, count,
                           features, watch, error);
}
