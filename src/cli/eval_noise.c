/*
 * eval_noise.c - spur eval --noise and --audit: what they are asked with.
 */
#include "cli/eval_noise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/option_groups.h"

enum {
    MODELS = sizeof(((noise_arguments *)0)->models) / sizeof(const char *),
    STRENGTHS = sizeof(((noise_arguments *)0)->strengths) / sizeof(double)
};

static const option noise_table[] = {
    {"noise", 0, OPTION_FLAG, NULL, "also accuracy with noise on the object and around it",
     false},
    {"noise-alpha", 0, OPTION_TEXT, "LIST", "l2 lengths of the noise (default 0,10,100,250)",
     false},
    {"noise-sigma", 0, OPTION_TEXT, "LIST",
     "instead of --noise-alpha, standard deviations of the noise per pixel value in [0, 1]",
     false},
    {"trials", 0, OPTION_COUNT, "N", "draws per image (default 3)", false},
    {"clamp", 0, OPTION_CHOICE, "on|off", "keep pixels in [0, 1] (default on)", false},
    {"noise-split", 0, OPTION_TEXT, "NAME", "images of this split (default --split, else val)",
     false},
    {"noise-masks", 0, OPTION_PATH, "DIR",
     "PNG masks of the objects by the images' names, instead of the detector's boxes", false},
    {"noise-boxes", 0, OPTION_NUMBER, "T",
     "all boxes of the own class of at least this probability, instead of the best one alone; "
     "runs the detector again",
     false},
    {"noise-limit", 0, OPTION_COUNT, "N", "only so many images, even over classes", false},
    {0}};
const option_group noise_group = {"Noise", noise_table};
static const option noise_model_table[] = {
    {"noise-backbone", 0, OPTION_PATH, "MODEL",
     "the model the features were made with; may be repeated (default $SPUR_BACKBONE)", false},
    {0}};
const option_group noise_model_group = {"Noise", noise_model_table};

static const option audit_table[] = {
    {"audit", 0, OPTION_FLAG, NULL, "also the detector without its box, and on the box alone",
     false},
    {"audit-split", 0, OPTION_TEXT, "NAME", "images of this split (default --split, else val)",
     false},
    {"audit-limit", 0, OPTION_COUNT, "N", "only so many images, even over classes", false},
    {0}};
const option_group audit_group = {"Detector audit", audit_table};
static const option audit_model_table[] = {
    {"detector", 'd', OPTION_PATH, "MODEL",
     "the model the run was scored with (default $SPUR_DETECTOR)", false},
    {0}};
const option_group audit_model_group = {"Detector audit", audit_model_table};

/* "0,10,100" into numbers. */
static spur_status read_list(const char *name, const char *list, double *out, size_t *count,
                             spur_error *error)
{
    const char *at = list;
    for (*count = 0; *count < STRENGTHS; at++) {
        char *end = NULL;
        double value = strtod(at, &end);
        if (end == at || !isfinite(value) || value < 0.0 || (*end != ',' && *end != '\0')) {
            break;
        }
        out[(*count)++] = value;
        at = end;
        if (*end == '\0') {
            return SPUR_OK;
        }
    }
    return failure_set(error, SPUR_USAGE,
                       "--%s %s: up to %d numbers of at least 0, separated by commas, are "
                       "expected",
                       name, list, (int)STRENGTHS);
}

static spur_status read_strengths(const arguments *from, noise_arguments *kept,
                                  spur_eval_options *out, spur_error *error)
{
    bool has_sigma = argument_flag(from, "noise-sigma");
    const char *name = has_sigma ? "noise-sigma" : "noise-alpha";
    const char *list = argument_text(from, name);
    if (has_sigma && argument_flag(from, "noise-alpha")) {
        return failure_set(
            error, SPUR_USAGE,
            "--noise-alpha and --noise-sigma exclude each other: the same total length of "
            "noise in both regions, or the same strength at every pixel");
    }
    out->noise_kind = has_sigma ? SPUR_NOISE_SIGMA : SPUR_NOISE_LENGTH;
    out->noise_strengths = kept->strengths;
    return list == NULL
               ? SPUR_OK
               : read_list(name, list, kept->strengths, &out->noise_strength_count, error);
}

static spur_status read_models(const arguments *from, noise_arguments *kept,
                               spur_eval_options *out, spur_error *error)
{
    if (out->noise_model_count > 0) {
        return SPUR_OK;
    }
    size_t count = argument_list(from, "noise-backbone", kept->models, MODELS);
    if (count > MODELS) {
        return failure_set(error, SPUR_USAGE, "--noise-backbone: at most %d in one call",
                           (int)MODELS);
    }
    if (count == 0) {
        const char *usual = getenv("SPUR_BACKBONE");
        if (usual == NULL || usual[0] == '\0') {
            return failure_set(error, SPUR_USAGE,
                               "--noise runs the network again: --noise-backbone MODEL (or "
                               "SPUR_BACKBONE) is needed");
        }
        kept->models[count++] = usual;
    }
    out->noise_models = kept->models;
    out->noise_model_count = count;
    return SPUR_OK;
}

static spur_status check_boxes(const arguments *from, const spur_eval_options *out,
                               spur_error *error)
{
    if (!argument_flag(from, "noise-boxes")) {
        return SPUR_OK;
    }
    if (out->noise_masks != NULL) {
        return failure_set(error, SPUR_USAGE,
                           "--noise-boxes and --noise-masks exclude each other: the mask is of "
                           "the detector's boxes or of yours");
    }
    return out->noise_boxes > 0.0 && out->noise_boxes < 1.0
               ? SPUR_OK
               : failure_set(error, SPUR_USAGE,
                             "--noise-boxes %g: a probability above 0 and below 1 is expected",
                             out->noise_boxes);
}

static spur_status read_noise(const arguments *from, noise_arguments *kept,
                              spur_eval_options *out, spur_error *error)
{
    spur_status status = read_strengths(from, kept, out, error);
    if (status == SPUR_OK && argument_whole(from, "trials", 1) == 0) {
        status = failure_set(error, SPUR_USAGE, "--trials 0: at least 1 is expected");
    }
    if (status == SPUR_OK) {
        status = check_boxes(from, out, error);
    }
    return status == SPUR_OK ? read_models(from, kept, out, error) : status;
}

/* Options on how to do what is not asked for (by the table's first) would be lost. */
static spur_status check_asked(const arguments *from, const option *table, bool is_asked,
                               spur_error *error)
{
    for (const option *one = table + 1; !is_asked && one->name != NULL; one++) {
        if (argument_flag(from, one->name)) {
            return failure_set(error, SPUR_USAGE, "--%s needs --%s", one->name, table->name);
        }
    }
    return SPUR_OK;
}

spur_status read_noise_options(const arguments *from, noise_arguments *kept,
                               spur_eval_options *out, spur_error *error)
{
    spur_status status;
    out->noise = out->noise || argument_flag(from, "noise");
    out->audit = argument_flag(from, "audit");
    read_backbone_options(from, &out->noise_options);
    out->noise_trials = (size_t)argument_whole(from, "trials", 0);
    out->noise_no_clamp = argument_choice(from, "clamp", 0) == 1;
    out->noise_split = argument_text(from, "noise-split");
    out->noise_masks = argument_text(from, "noise-masks");
    out->noise_boxes = argument_number(from, "noise-boxes", 0.0);
    out->noise_limit = argument_whole(from, "noise-limit", 0);
    out->audit_split = argument_text(from, "audit-split");
    out->audit_limit = argument_whole(from, "audit-limit", 0);
    status = check_asked(from, noise_table, out->noise, error);
    if (status == SPUR_OK) {
        status = check_asked(from, audit_table, out->audit, error);
    }
    if (status == SPUR_OK && out->noise) {
        status = read_noise(from, kept, out, error);
    }
    if (status == SPUR_OK && (out->audit || (out->noise && out->noise_boxes > 0.0))) {
        status = read_detector_path(from, &out->detector, error);
    }
    return status;
}
