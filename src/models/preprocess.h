/*
 * preprocess.h - from RGB bytes to a network's input, by the model's own recipe.
 *
 * A recipe is read from preprocessor_config.json (Hugging Face OWL-ViT, OWLv2, ViT, DeiT) or
 * a config.json with pretrained_cfg (timm), or named (torchvision's preset); it is plain data,
 * printed as resolved, and run by one function.
 */
#ifndef MODELS_PREPROCESS_H
#define MODELS_PREPROCESS_H

#include <stddef.h>

#include "base/text.h"
#include "io/resize.h"

typedef enum preprocess_geometry {
    PREPROCESS_STRETCH,    /* resize to width x height ignoring aspect, 8-bit, Pillow */
    PREPROCESS_SHORT_SIDE, /* short side to `short_side`, 8-bit, Pillow; then centre crop */
    PREPROCESS_PAD_ZOOM    /* OWLv2: pad bottom/right to a square, blur, linear zoom in float */
} preprocess_geometry;

typedef struct preprocess {
    preprocess_geometry geometry;
    size_t width, height;      /* of the network's input */
    size_t short_side;         /* PREPROCESS_SHORT_SIDE */
    bool resize_first_square;  /* short side geometry: resize to short_side x short_side */
    bool crop;                 /* centre crop to width x height after resizing */
    bool crop_round_half_even; /* torchvision's crop offset; else floor */
    resize_filter filter;
    spur_resize_order order;
    bool blur;       /* PREPROCESS_PAD_ZOOM: the anti-aliasing Gaussian */
    float pad_value; /* in [0, 1] */
    bool rescale, normalise;
    double rescale_factor;
    double mean[3], std[3];
} preprocess;

/* The recipe of a model folder. SPUR_MODEL names the file and the member. */
spur_status preprocess_read(const char *folder, preprocess *out,
                            spur_error *error) SPUR_MUST_USE;

/* torchvision's classification preset: short side 256 bilinear, centre crop 224, ImageNet mean
 * and deviation. */
void preprocess_torchvision(preprocess *out);

/* A published recipe by name, for weights that come without one: "torchvision-v1" (short side
 * 256 of 224), "torchvision-v2" (232), "timm-deit" (248 bicubic, ImageNet), "timm-vit" (248
 * bicubic, mean and deviation 0.5). side: of the input, 0 = 224; at 384 and above nothing is
 * cropped. SPUR_USAGE lists the names. */
spur_status preprocess_preset(const char *name, size_t side, preprocess *out,
                              spur_error *error) SPUR_MUST_USE;

/* Replaces the geometry by the one the original implementation used (pad bottom/right). */
void preprocess_use_scenic(preprocess *recipe, float pad_value);

/* One line for people: "stretch to 768x768 bicubic, x/255, mean ..., std ...". */
spur_status preprocess_describe(const preprocess *recipe, text_buffer *into,
                                spur_error *error) SPUR_MUST_USE;

/* pixel_values: [3, height, width] float32. stage (may be NULL): receives the 8-bit picture
 * after resize, pad and crop where that stage is 8-bit, else an empty image. */
spur_status preprocess_run(const preprocess *recipe, const image *src, float *pixel_values,
                           image *stage, spur_error *error) SPUR_MUST_USE;

/* pixel_values as preprocess_run leaves them when recipe->normalise is off, normalised: the
 * same bits as with one call. */
void preprocess_normalise(const preprocess *recipe, float *pixel_values);

/* Where the network's input lies on a picture: the picture is resized to width x height, and
 * the input's first sample stands `left`, `top` samples inside it (negative: the input sticks
 * out, black there). */
typedef struct preprocess_window {
    size_t width, height;
    ptrdiff_t left, top;
} preprocess_window;

/* For a picture of width x height; not for recipes that pad and zoom (SPUR_MODEL). */
spur_status preprocess_locate(const preprocess *recipe, size_t width, size_t height,
                              preprocess_window *out, spur_error *error) SPUR_MUST_USE;

#endif
