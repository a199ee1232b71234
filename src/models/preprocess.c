/*
 * preprocess.c - preparation recipes: read from a model's files, described, run.
 *
 * Files of all ages write the same thing in different ways (size as a number, a pair, an
 * object; `rescale` for `do_rescale`); what is missing takes the default of the class that
 * wrote the file, not a general one. A recipe that cannot give pictures of one size, or that
 * says something Spur does not do, is refused and never approximated.
 */
#include "models/preprocess.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "models/zoom.h"

enum {
    CHANNELS = 3,
    LEVELS = 256,      /* values of a byte */
    SIDE_LIMIT = 16384 /* of a network's input */
};

#define IMAGENET_MEAN                                                                          \
    {                                                                                          \
        0.485, 0.456, 0.406                                                                    \
    }
#define IMAGENET_STD                                                                           \
    {                                                                                          \
        0.229, 0.224, 0.225                                                                    \
    }
#define CLIP_MEAN                                                                              \
    {                                                                                          \
        0.48145466, 0.4578275, 0.40821073                                                      \
    }
#define CLIP_STD                                                                               \
    {                                                                                          \
        0.26862954, 0.26130258, 0.27577711                                                     \
    }
#define HALVES                                                                                 \
    {                                                                                          \
        0.5, 0.5, 0.5                                                                          \
    }

/* An image processor class of Hugging Face and what its files need not say. */
typedef struct processor_kind {
    const char *class_prefix, *model_type;
    size_t size, crop_size;
    bool crop, pads;
    resize_filter filter;
    double mean[CHANNELS], std[CHANNELS];
} processor_kind;

static const processor_kind PROCESSORS[] = {
    {"OwlViT", "owlvit", 768, 768, false, false, RESIZE_BICUBIC, CLIP_MEAN, CLIP_STD},
    {"Owlv2", "owlv2", 960, 960, false, true, RESIZE_BILINEAR, CLIP_MEAN, CLIP_STD},
    {"ViT", "vit", 224, 224, false, false, RESIZE_BILINEAR, HALVES, HALVES},
    {"DeiT", "deit", 256, 224, true, false, RESIZE_BICUBIC, HALVES, HALVES},
};

/* ---- members ---------------------------------------------------------------------------- */

/* A size as files write it: a number, [height, width], {height, width} or {shortest_edge}. */
typedef struct picture_size {
    size_t width, height;
    bool is_short_side; /* width = height = the short side */
} picture_size;

static spur_status size_number(const json_t *value, const char *name, size_t *out,
                               spur_error *error)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || number > SIDE_LIMIT) {
        return error_set(error, SPUR_MODEL, "%s holds a side that is not 1 to %d pixels", name,
                         SIDE_LIMIT);
    }
    *out = (size_t)number;
    return SPUR_OK;
}

static spur_status read_size_object(const json_t *value, const char *name, picture_size *out,
                                    spur_error *error)
{
    spur_status status;
    const json_t *edge = json_object_get(value, "shortest_edge");
    if (edge != NULL) {
        TRY(size_number(edge, name, &out->width, error));
        out->height = out->width;
        out->is_short_side = true;
    } else {
        TRY(size_number(json_object_get(value, "height"), name, &out->height, error));
        TRY(size_number(json_object_get(value, "width"), name, &out->width, error));
    }
done:
    return status;
}

static spur_status read_size(const json_t *object, const char *name, picture_size *out,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    const json_t *value = json_object_get(object, name);
    picture_size size = {0, 0, false};
    if (value == NULL || json_is_null(value)) {
        return SPUR_OK;
    }
    if (json_is_object(value)) {
        TRY(read_size_object(value, name, &size, error));
    } else if (json_is_array(value) && json_array_size(value) == 2) {
        TRY(size_number(json_array_get(value, 0), name, &size.height, error));
        TRY(size_number(json_array_get(value, 1), name, &size.width, error));
    } else {
        TRY(size_number(value, name, &size.width, error));
        size.height = size.width;
    }
    *out = size;
done:
    return status;
}

static spur_status read_channels(const json_t *object, const char *name, double lowest,
                                 double out[CHANNELS], spur_error *error)
{
    const json_t *list = json_object_get(object, name);
    if (list == NULL || json_is_null(list)) {
        return SPUR_OK;
    }
    for (size_t c = 0; c < CHANNELS; c++) {
        const json_t *value = json_array_get(list, c);
        double number = json_number_value(value);
        if (json_array_size(list) != CHANNELS || !json_is_number(value) || number < lowest ||
            !isfinite(number)) {
            return error_set(error, SPUR_MODEL, "%s is not a list of 3 numbers of at least %g",
                             name, lowest);
        }
        out[c] = number;
    }
    return SPUR_OK;
}

/* Mean and deviation; a deviation below 1e-6 would make pictures meaningless. */
static spur_status read_statistics(const json_t *object, const char *mean, const char *std,
                                   preprocess *into, spur_error *error)
{
    spur_status status;
    TRY(read_channels(object, mean, -1e6, into->mean, error));
    TRY(read_channels(object, std, 1e-6, into->std, error));
done:
    return status;
}

/* ---- Hugging Face: preprocessor_config.json --------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const processor_kind *kind_by_class(const char *class_name)
{
    for (size_t i = 0; i < sizeof PROCESSORS / sizeof PROCESSORS[0]; i++) {
        if (begins_with(class_name, PROCESSORS[i].class_prefix)) {
            return &PROCESSORS[i];
        }
    }
    return NULL;
}

static const processor_kind *kind_by_model(const char *model_type)
{
    for (size_t i = 0; i < sizeof PROCESSORS / sizeof PROCESSORS[0]; i++) {
        if (strcmp(model_type, PROCESSORS[i].model_type) == 0) {
            return &PROCESSORS[i];
        }
    }
    return NULL;
}

static spur_status find_kind(const json_t *object, const json_t *model,
                             const processor_kind **out, spur_error *error)
{
    spur_status status;
    const char *name = NULL;
    const char *old_name = NULL;
    const char *model_type = NULL;
    TRY(json_get_text(object, "image_processor_type", SPUR_MODEL, &name, error));
    TRY(json_get_text(object, "feature_extractor_type", SPUR_MODEL, &old_name, error));
    TRY(json_get_text(model, "model_type", SPUR_MODEL, &model_type, error));
    name = name != NULL ? name : old_name;
    *out = NULL;
    if (name != NULL) {
        *out = kind_by_class(name);
    } else if (model_type != NULL) {
        *out = kind_by_model(model_type);
    }
    if (*out == NULL) {
        FAIL(SPUR_MODEL,
             "image processor \"%s\" is not one of OwlViT, Owlv2, ViT, DeiT image processors",
             name != NULL         ? name
             : model_type != NULL ? model_type
                                  : "");
    }
done:
    return status;
}

/* The switches; what Spur cannot leave out is refused when it is switched off. */
static spur_status read_switches(const json_t *object, const processor_kind *kind,
                                 preprocess *into, spur_error *error)
{
    spur_status status;
    bool do_resize = true;
    bool do_pad = true;
    TRY(json_get_bool(object, "do_resize", SPUR_MODEL, &do_resize, error));
    TRY(json_get_bool(object, "do_pad", SPUR_MODEL, &do_pad, error));
    TRY(json_get_bool(object, "rescale", SPUR_MODEL, &into->rescale, error));
    TRY(json_get_bool(object, "do_rescale", SPUR_MODEL, &into->rescale, error));
    TRY(json_get_bool(object, "do_normalize", SPUR_MODEL, &into->normalise, error));
    TRY(json_get_bool(object, "do_center_crop", SPUR_MODEL, &into->crop, error));
    TRY(json_get_double(object, "rescale_factor", SPUR_MODEL, &into->rescale_factor, error));
    if (!do_resize) {
        FAIL(SPUR_MODEL, "do_resize is false: pictures of different sizes are not supported");
    }
    if (kind->pads && !do_pad) {
        FAIL(SPUR_MODEL, "do_pad is false: OWLv2 without padding is not supported");
    }
done:
    return status;
}

static spur_status read_geometry(const json_t *object, const processor_kind *kind,
                                 preprocess *into, spur_error *error)
{
    spur_status status;
    picture_size size = {kind->size, kind->size, false};
    picture_size crop = {kind->crop_size, kind->crop_size, false};
    size_t code = (size_t)kind->filter;
    TRY(read_size(object, "size", &size, error));
    TRY(read_size(object, "crop_size", &crop, error));
    TRY(json_get_size(object, "resample", 0, RESIZE_HAMMING, SPUR_MODEL, &code, error));
    into->filter = (resize_filter)code;
    into->width = size.width;
    into->height = size.height;
    if (kind->pads) {
        into->geometry = PREPROCESS_PAD_ZOOM;
        into->blur = into->filter != RESIZE_NEAREST; /* the code is taken for a switch there */
        into->crop = false;
    } else if (into->crop) {
        into->geometry = PREPROCESS_SHORT_SIDE;
        into->resize_first_square = !size.is_short_side;
        into->short_side = size.width;
        into->width = crop.width;
        into->height = crop.height;
    }
    if (size.is_short_side && !into->crop) {
        FAIL(SPUR_MODEL, "size is a shortest_edge without a centre crop: pictures of different "
                         "sizes are not supported");
    }
    if (into->crop && size.width != size.height) {
        FAIL(SPUR_MODEL, "a centre crop after a resize to %zux%zu is not supported", size.width,
             size.height);
    }
done:
    return status;
}

static spur_status recipe_from_processor(const json_t *object, const json_t *model,
                                         preprocess *out, spur_error *error)
{
    spur_status status;
    const processor_kind *kind = NULL;
    TRY(find_kind(object, model, &kind, error));
    preprocess made = {.geometry = PREPROCESS_STRETCH,
                       .crop = kind->crop,
                       .rescale = true,
                       .normalise = true,
                       .rescale_factor = 1.0 / 255.0};
    memcpy(made.mean, kind->mean, sizeof made.mean);
    memcpy(made.std, kind->std, sizeof made.std);
    TRY(read_switches(object, kind, &made, error));
    TRY(read_geometry(object, kind, &made, error));
    TRY(read_statistics(object, "image_mean", "image_std", &made, error));
    *out = made;
done:
    return status;
}

/* ---- timm: pretrained_cfg --------------------------------------------------------------- */

static spur_status filter_by_name(const char *name, resize_filter *out, spur_error *error)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear",
                                        "bicubic", "box",     "hamming"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (resize_filter)i;
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_MODEL, "interpolation \"%s\" is not one that Pillow has",
                     name);
}

static spur_status read_input_size(const json_t *object, size_t *side, spur_error *error)
{
    spur_status status = SPUR_OK;
    const json_t *list = json_object_get(object, "input_size");
    size_t width = 0;
    if (list == NULL) {
        return SPUR_OK;
    }
    if (json_array_size(list) != 3 || json_integer_value(json_array_get(list, 0)) != CHANNELS) {
        FAIL(SPUR_MODEL, "input_size is not [3, height, width]");
    }
    TRY(size_number(json_array_get(list, 1), "input_size", side, error));
    TRY(size_number(json_array_get(list, 2), "input_size", &width, error));
    if (width != *side) {
        FAIL(SPUR_MODEL, "input_size %zux%zu is not square: not supported", width, *side);
    }
done:
    return status;
}

static spur_status recipe_from_timm(const json_t *object, preprocess *out, spur_error *error)
{
    spur_status status;
    const char *interpolation = "bicubic";
    const char *crop_mode = "center";
    double crop_share = 0.875;
    size_t side = 224;
    preprocess made;
    preprocess_torchvision(&made);
    TRY(read_input_size(object, &side, error));
    TRY(json_get_text(object, "interpolation", SPUR_MODEL, &interpolation, error));
    TRY(json_get_text(object, "crop_mode", SPUR_MODEL, &crop_mode, error));
    TRY(json_get_double(object, "crop_pct", SPUR_MODEL, &crop_share, error));
    TRY(filter_by_name(interpolation, &made.filter, error));
    TRY(read_statistics(object, "mean", "std", &made, error));
    if (!(crop_share > 0.05 && crop_share <= 1.0)) {
        FAIL(SPUR_MODEL, "crop_pct %g is not over 0.05 and at most 1", crop_share);
    }
    if (strcmp(crop_mode, "center") != 0 && strcmp(crop_mode, "squash") != 0) {
        FAIL(SPUR_MODEL, "crop_mode \"%s\" is not supported; center and squash are", crop_mode);
    }
    made.width = side;
    made.height = side;
    made.short_side = (size_t)floor((double)side / crop_share);
    made.resize_first_square = strcmp(crop_mode, "squash") == 0;
    *out = made;
done:
    return status;
}

/* ---- a model folder --------------------------------------------------------------------- */

/* Reads folder/name into *out; a file that is not there leaves it NULL. */
static spur_status read_optional(const char *folder, const char *name, char **path,
                                 json_t **out, spur_error *error)
{
    spur_status status;
    TRY(file_join(folder, name, path, error));
    if (access(*path, F_OK) == 0) {
        TRY(json_read_file(*path, SPUR_MODEL, out, error));
        if (!json_is_object(*out)) {
            FAIL(SPUR_MODEL, "%s: a JSON object is expected", *path);
        }
    }
done:
    return status;
}

/* The files a recipe may come from. */
typedef struct recipe_files {
    json_t *processor, *combined, *model;
    char *processor_path, *combined_path, *model_path;
} recipe_files;

static spur_status files_read(const char *folder, recipe_files *out, spur_error *error)
{
    spur_status status;
    TRY(read_optional(folder, "preprocessor_config.json", &out->processor_path, &out->processor,
                      error));
    TRY(read_optional(folder, "processor_config.json", &out->combined_path, &out->combined,
                      error));
    TRY(read_optional(folder, "config.json", &out->model_path, &out->model, error));
done:
    return status;
}

static void files_free(recipe_files *files)
{
    json_decref(files->processor);
    json_decref(files->combined);
    json_decref(files->model);
    memory_free(files->processor_path);
    memory_free(files->combined_path);
    memory_free(files->model_path);
}

/* timm's settings: under pretrained_cfg, or at the top in old files. */
static const json_t *timm_settings(const json_t *model)
{
    const json_t *settings = json_object_get(model, "pretrained_cfg");
    if (json_is_object(settings)) {
        return settings;
    }
    return json_object_get(model, "input_size") != NULL ? model : NULL;
}

static spur_status choose_recipe(const char *folder, const recipe_files *files, preprocess *out,
                                 spur_error *error)
{
    spur_status status;
    const char *path = files->model_path;
    const json_t *nested = json_object_get(files->combined, "image_processor");
    const json_t *timm = timm_settings(files->model);
    if (files->processor != NULL) {
        path = files->processor_path;
        status = recipe_from_processor(files->processor, files->model, out, error);
    } else if (json_is_object(nested)) {
        path = files->combined_path;
        status = recipe_from_processor(nested, files->model, out, error);
    } else if (timm != NULL) {
        status = recipe_from_timm(timm, out, error);
    } else {
        return error_set(error, SPUR_MODEL,
                         "%s: neither preprocessor_config.json nor a pretrained_cfg in "
                         "config.json says how pictures are prepared (a classifier's recipe "
                         "can be named with --preprocessing)",
                         folder);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    return status;
}

spur_status preprocess_read(const char *folder, preprocess *out, spur_error *error)
{
    spur_status status;
    recipe_files files = {0};
    TRY(files_read(folder, &files, error));
    TRY(choose_recipe(folder, &files, out, error));
done:
    files_free(&files);
    return status;
}

void preprocess_torchvision(preprocess *out)
{
    *out = (preprocess){.geometry = PREPROCESS_SHORT_SIDE,
                        .width = 224,
                        .height = 224,
                        .short_side = 256,
                        .crop = true,
                        .crop_round_half_even = true,
                        .filter = RESIZE_BILINEAR,
                        .rescale = true,
                        .normalise = true,
                        .rescale_factor = 1.0 / 255.0,
                        .mean = IMAGENET_MEAN,
                        .std = IMAGENET_STD};
}

/* `short_side` goes with a side of 224. */
typedef struct named_recipe {
    const char *name;
    size_t short_side;
    resize_filter filter;
    double mean[CHANNELS], std[CHANNELS];
} named_recipe;

static const named_recipe NAMED[] = {
    {"torchvision-v1", 256, RESIZE_BILINEAR, IMAGENET_MEAN, IMAGENET_STD},
    {"torchvision-v2", 232, RESIZE_BILINEAR, IMAGENET_MEAN, IMAGENET_STD},
    {"timm-deit", 248, RESIZE_BICUBIC, IMAGENET_MEAN, IMAGENET_STD},
    {"timm-vit", 248, RESIZE_BICUBIC, HALVES, HALVES},
};

spur_status preprocess_preset(const char *name, size_t side, preprocess *out, spur_error *error)
{
    enum {
        USUAL_SIDE = 224,
        WHOLE_SIDE = 384 /* from here on the published recipes crop nothing */
    };
    for (size_t i = 0; i < sizeof NAMED / sizeof NAMED[0]; i++) {
        const named_recipe *named = &NAMED[i];
        if (strcmp(name, named->name) != 0) {
            continue;
        }
        preprocess_torchvision(out);
        out->width = side == 0 ? USUAL_SIDE : side;
        out->height = out->width;
        out->short_side =
            out->width >= WHOLE_SIDE ? out->width : out->width * named->short_side / USUAL_SIDE;
        out->filter = named->filter;
        memcpy(out->mean, named->mean, sizeof out->mean);
        memcpy(out->std, named->std, sizeof out->std);
        return SPUR_OK;
    }
    return error_set(error, SPUR_USAGE,
                     "unknown recipe '%s'; known are torchvision-v1, torchvision-v2, timm-deit "
                     "and timm-vit",
                     name);
}

void preprocess_use_scenic(preprocess *recipe, float pad_value)
{
    recipe->geometry = PREPROCESS_PAD_ZOOM;
    recipe->blur = true;
    recipe->crop = false;
    recipe->pad_value = pad_value;
}

/* ---- in words --------------------------------------------------------------------------- */

static spur_status describe_geometry(const preprocess *recipe, text_buffer *into,
                                     spur_error *error)
{
    static const char *const filters[] = {"nearest", "lanczos", "bilinear",
                                          "bicubic", "box",     "hamming"};
    const char *filter = filters[recipe->filter];
    const char *order = recipe->order == SPUR_RESIZE_PILLOW13 ? ", pillow13 order" : "";
    if (recipe->geometry == PREPROCESS_PAD_ZOOM) {
        return text_format(
            into, error, "pad bottom/right with %g to a square, %szoom to %zux%zu",
            (double)recipe->pad_value, recipe->blur ? "blur, linear " : "linear ",
            recipe->width, recipe->height);
    }
    if (recipe->geometry == PREPROCESS_STRETCH) {
        return text_format(into, error, "stretch to %zux%zu %s%s", recipe->width,
                           recipe->height, filter, order);
    }
    if (recipe->resize_first_square) {
        return text_format(into, error, "stretch to %zux%zu %s%s, centre crop %zux%zu",
                           recipe->short_side, recipe->short_side, filter, order, recipe->width,
                           recipe->height);
    }
    return text_format(into, error, "short side to %zu %s%s, centre crop %zux%zu",
                       recipe->short_side, filter, order, recipe->width, recipe->height);
}

static spur_status describe_channels(const char *name, const double values[CHANNELS],
                                     text_buffer *into, spur_error *error)
{
    return text_format(into, error, ", %s %.9g %.9g %.9g", name, values[0], values[1],
                       values[2]);
}

spur_status preprocess_describe(const preprocess *recipe, text_buffer *into, spur_error *error)
{
    spur_status status;
    TRY(describe_geometry(recipe, into, error));
    if (recipe->rescale) {
        TRY(text_format(into, error, ", times %.9g", recipe->rescale_factor));
    }
    if (recipe->normalise) {
        TRY(describe_channels("mean", recipe->mean, into, error));
        TRY(describe_channels("std", recipe->std, into, error));
    }
done:
    return status;
}

/* ---- running ---------------------------------------------------------------------------- */

/* The float of a byte before normalising: one rounding of the double product. */
static void rescale_table(const preprocess *recipe, float table[LEVELS])
{
    double factor = recipe->rescale ? recipe->rescale_factor : 1.0;
    for (size_t level = 0; level < LEVELS; level++) {
        table[level] = (float)((double)level * factor);
    }
}

static float normalise(const preprocess *recipe, size_t channel, float value)
{
    if (!recipe->normalise) {
        return value;
    }
    return (value - (float)recipe->mean[channel]) / (float)recipe->std[channel];
}

/* dst[3, n] from src[n, 3]. */
static void bytes_to_planes(const preprocess *recipe, const image *src, float *dst)
{
    float rescaled[LEVELS];
    float table[CHANNELS][LEVELS];
    size_t count = src->width * src->height;
    rescale_table(recipe, rescaled);
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t level = 0; level < LEVELS; level++) {
            table[c][level] = normalise(recipe, c, rescaled[level]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        dst[i] = table[0][src->pixels[i * CHANNELS]];
        dst[count + i] = table[1][src->pixels[i * CHANNELS + 1]];
        dst[2 * count + i] = table[2][src->pixels[i * CHANNELS + 2]];
    }
}

/* Offset of a centre crop of c out of n samples; negative when it sticks out. */
static ptrdiff_t crop_offset(size_t n, size_t c, bool round_half_even)
{
    ptrdiff_t room = (ptrdiff_t)n - (ptrdiff_t)c;
    if (room < 0) {
        return round_half_even ? -(-room / 2) : -((1 - room) / 2);
    }
    ptrdiff_t half = room / 2;
    bool is_odd_tie = room % 2 != 0 && half % 2 != 0;
    return round_half_even && is_odd_tie ? half + 1 : half;
}

/* Width and height after the resize that comes before a crop. */
static spur_status resized_size(const preprocess *recipe, const image *src, size_t *width,
                                size_t *height, spur_error *error)
{
    bool is_upright = src->width <= src->height;
    size_t shorter = is_upright ? src->width : src->height;
    size_t longer = is_upright ? src->height : src->width;
    size_t product;
    *width = recipe->short_side;
    *height = recipe->short_side;
    if (recipe->resize_first_square) {
        return SPUR_OK;
    }
    if (!size_mul(recipe->short_side, longer, &product)) {
        return error_set(error, SPUR_IMAGE, "image too long: %zu x %zu", src->width,
                         src->height);
    }
    *(is_upright ? height : width) = (size_t)((double)product / (double)shorter);
    return SPUR_OK;
}

/* Where a crop of c samples and a picture of n meet: `count` samples, at `from` of the picture
 * and `to` of the crop. */
typedef struct overlap {
    size_t from, to, count;
} overlap;

static overlap crop_overlap(size_t n, size_t c, bool round_half_even)
{
    ptrdiff_t offset = crop_offset(n, c, round_half_even);
    overlap shared = {.from = offset > 0 ? (size_t)offset : 0,
                      .to = offset < 0 ? (size_t)-offset : 0};
    shared.count = n < c ? n : c;
    return shared;
}

/* The cut-out window on a black picture of the crop's size. */
static spur_status paste(const image *window, const preprocess *recipe, overlap across,
                         overlap down, image *out, spur_error *error)
{
    unsigned char *pixels = NULL;
    size_t count;
    if (!size_mul(recipe->width, recipe->height, &count)) {
        return error_no_memory(error, SIZE_MAX);
    }
    spur_status status = memory_new_zeroed(count, CHANNELS, &pixels, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t y = 0; y < down.count; y++) {
        memcpy(pixels + ((down.to + y) * recipe->width + across.to) * CHANNELS,
               window->pixels + y * window->width * CHANNELS, window->width * CHANNELS);
    }
    *out = (image){recipe->width, recipe->height, pixels};
    return SPUR_OK;
}

/* Resize and centre crop as one: only what the crop shows is computed. */
static spur_status resize_and_crop(const preprocess *recipe, const image *src, image *out,
                                   spur_error *error)
{
    spur_status status;
    image window = {0};
    resize_request request = {.filter = recipe->filter, .order = recipe->order};
    TRY(resized_size(recipe, src, &request.width, &request.height, error));
    overlap across = crop_overlap(request.width, recipe->width, recipe->crop_round_half_even);
    overlap down = crop_overlap(request.height, recipe->height, recipe->crop_round_half_even);
    request.left = across.from;
    request.top = down.from;
    request.window_width = across.count;
    request.window_height = down.count;
    TRY(image_resize_window(src, &request, &window, error));
    if (window.width == recipe->width && window.height == recipe->height) {
        *out = window;
        window.pixels = NULL;
    } else {
        TRY(paste(&window, recipe, across, down, out, error));
    }
done:
    image_free(&window);
    return status;
}

void preprocess_normalise(const preprocess *recipe, float *pixel_values)
{
    size_t count = recipe->width * recipe->height;
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < count; i++) {
            pixel_values[c * count + i] = normalise(recipe, c, pixel_values[c * count + i]);
        }
    }
}

spur_status preprocess_locate(const preprocess *recipe, size_t width, size_t height,
                              preprocess_window *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    preprocess_window made = {recipe->width, recipe->height, 0, 0};
    const image size = {.width = width, .height = height};
    bool is_even = recipe->crop_round_half_even;
    if (recipe->geometry == PREPROCESS_PAD_ZOOM) {
        FAIL(SPUR_MODEL, "a recipe that pads and zooms is not a classifier's");
    }
    if (recipe->geometry == PREPROCESS_SHORT_SIDE) {
        TRY(resized_size(recipe, &size, &made.width, &made.height, error));
        made.left = crop_offset(made.width, recipe->width, is_even);
        made.top = crop_offset(made.height, recipe->height, is_even);
    }
    *out = made;
done:
    return status;
}

static spur_status run_zoom(const preprocess *recipe, const image *src, float *pixel_values,
                            spur_error *error)
{
    float values[LEVELS];
    zoom_request request = {.width = recipe->width,
                            .height = recipe->height,
                            .blur = recipe->blur,
                            .pad_value = recipe->pad_value,
                            .values = values};
    rescale_table(recipe, values);
    spur_status status = image_zoom(src, &request, pixel_values, error);
    if (status == SPUR_OK) {
        preprocess_normalise(recipe, pixel_values);
    }
    return status;
}

spur_status preprocess_run(const preprocess *recipe, const image *src, float *pixel_values,
                           image *stage, spur_error *error)
{
    spur_status status;
    image made = {0};
    if (stage != NULL) {
        *stage = made;
    }
    if (recipe->geometry == PREPROCESS_PAD_ZOOM) {
        return run_zoom(recipe, src, pixel_values, error);
    }
    if (recipe->geometry == PREPROCESS_STRETCH) {
        TRY(image_resize(src, recipe->width, recipe->height, recipe->filter, recipe->order,
                         &made, error));
    } else {
        TRY(resize_and_crop(recipe, src, &made, error));
    }
    bytes_to_planes(recipe, &made, pixel_values);
    if (stage != NULL) {
        *stage = made;
        made.pixels = NULL;
    }
done:
    image_free(&made);
    return status;
}
