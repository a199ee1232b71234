/*
 * option_groups.c - options that several commands share, and the settings they stand for.
 */
#include "cli/option_groups.h"

#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"

static const option json_table[] = {
    {"json", 0, OPTION_FLAG, NULL, "print the result as JSON", false}, {0}};
const option_group json_options = {"General", json_table};

static const option progress_table[] = {
    {"no-progress", 0, OPTION_FLAG, NULL, "no progress bar or progress lines", false}, {0}};
const option_group progress_options = {"General", progress_table};

static const option screen_table[] = {
    {"quiet", 'q', OPTION_FLAG, NULL, "no progress and no notes; warnings stay", false},
    {"verbose", 'v', OPTION_FLAG, NULL, "say more", false},
    {"color", 0, OPTION_CHOICE, "auto|always|never",
     "colour on a terminal (default auto; NO_COLOR is obeyed)", false},
    {"help", 'h', OPTION_FLAG, NULL, "show this help", false},
    {0}};
const option_group screen_options = {"General", screen_table};

static const option image_table[] = {
    {"orientation", 0, OPTION_CHOICE, "ignore|apply",
     "EXIF orientation (default ignore, as torchvision and timm do)", false},
    {"alpha", 0, OPTION_CHOICE, "drop|white",
     "transparent pictures: drop the channel (default) or composite on white", false},
    {"pillow-compat", 0, OPTION_FLAG, NULL,
     "16-bit grey saturates as in Pillow instead of taking the high byte", false},
    {"max-pixels", 0, OPTION_COUNT, "N", "refuse larger images (default 178956970)", false},
    {"allow-truncated", 0, OPTION_FLAG, NULL, "score what is there of a cut JPEG", false},
    {0}};
const option_group image_options = {"Image", image_table};

static const option detector_table[] = {
    {"geometry", 0, OPTION_CHOICE, "hf|scenic",
     "preprocessing and heads as Hugging Face (default) or as the original implementation",
     false},
    {"pad-value", 0, OPTION_NUMBER, "V", "padding of scenic geometry, 0 to 1 (default 0)",
     false},
    {"resize", 0, OPTION_CHOICE, "pillow12|pillow13",
     "order of the resampling passes (default pillow12)", false},
    {"literal-config", 0, OPTION_FLAG, NULL,
     "take config.json at its word, known errors included", false},
    {"allow-nonfinite", 0, OPTION_FLAG, NULL, "open weights that hold NaN or infinity", false},
    {"offline", 0, OPTION_FLAG, NULL, "never use a network (nothing here does)", false},
    {0}};
const option_group detector_options = {"Model", detector_table};

static const option backbone_table[] = {
    {"arch", 0, OPTION_TEXT, "NAME",
     "resnet, vit or a full name, where neither config.json nor the tensors tell", false},
    {"preprocessing", 0, OPTION_CHOICE, "torchvision-v1|torchvision-v2|timm-deit|timm-vit",
     "a published recipe instead of what the model's files say", false},
    {0}};
const option_group backbone_options = {"Backbone", backbone_table};

static const option network_table[] = {
    {"resize", 0, OPTION_CHOICE, "pillow12|pillow13",
     "order of the resampling passes (default pillow12)", false},
    {"allow-nonfinite", 0, OPTION_FLAG, NULL, "open weights that hold NaN or infinity", false},
    {0}};
const option_group network_options = {"Backbone", network_table};

static const option data_table[] = {
    {"split", 0, OPTION_TEXT, "NAME",
     "split of rows that name none: train (default), val or ood:NAME", false},
    {"labels", 0, OPTION_PATH, "FILE",
     "flat folder: file of 'file_name label' lines, or of one class index per line", false},
    {"devkit", 0, OPTION_FLAG, NULL, "the labels are ImageNet devkit ids (1 to 1000)", false},
    {"class-list", 0, OPTION_PATH, "FILE", "classes in index order", false},
    {"class-names", 0, OPTION_PATH, "FILE", "names of the classes in prompts", false},
    {"class-order", 0, OPTION_CHOICE, "auto|lex|natural|numeric|file",
     "order of class folders (default auto: byte-wise, numeric when all are numbers)", false},
    {"allow-duplicates", 0, OPTION_FLAG, NULL, "the same path may stand twice in a manifest",
     false},
    {"limit", 0, OPTION_COUNT, "N", "at most N images, spread evenly over the classes", false},
    {0}};
const option_group data_options = {"Data", data_table};

static const option ood_table[] = {
    {"class-map", 0, OPTION_PATH, "FILE",
     "a set with other classes: 'their class,our class' as CSV, or a JSON object; classes not "
     "in it are left out",
     false},
    {"ood-rule", 0, OPTION_TEXT, "RULE",
     "how a published set names its classes: imagenet-a, imagenet-r, imagenet-v2, "
     "imagenet-sketch, objectnet or none (default auto: by the name of --split ood:NAME)",
     false},
    {"border", 0, OPTION_COUNT, "N",
     "pixels to cut from every side first (default 0; 2 by the rule objectnet)", false},
    {0}};
const option_group ood_options = {"Out of distribution", ood_table};

static const option naming_table[] = {
    {"naming", 0, OPTION_CHOICE, "content|spuriosity|score",
     "clear and hidden (default); or the paper's bot = clear, top = hidden (spuriosity) or top "
     "= clear, bot = hidden (score)",
     false},
    {0}};
const option_group naming_options = {"Subsets", naming_table};

spur_naming read_naming(const arguments *from)
{
    static const spur_naming namings[] = {SPUR_NAMING_CONTENT, SPUR_NAMING_SPURIOSITY,
                                          SPUR_NAMING_SCORE};
    return namings[argument_choice(from, "naming", 0)];
}

spur_status read_image_options(const arguments *from, spur_image_options *out,
                               spur_error *error)
{
    spur_image_options_defaults(out);
    out->orientation = argument_choice(from, "orientation", 0) == 1 ? SPUR_ORIENTATION_APPLY
                                                                    : SPUR_ORIENTATION_IGNORE;
    out->alpha = argument_choice(from, "alpha", 0) == 1 ? SPUR_ALPHA_WHITE : SPUR_ALPHA_DROP;
    out->pillow_compat = argument_flag(from, "pillow-compat");
    out->allow_truncated = argument_flag(from, "allow-truncated");
    out->max_pixels = argument_whole(from, "max-pixels", out->max_pixels);
    if (out->max_pixels == 0) {
        return failure_set(error, SPUR_USAGE, "--max-pixels: must be at least 1");
    }
    return SPUR_OK;
}

spur_status read_detector_options(const arguments *from, spur_detector_options *out,
                                  spur_error *error)
{
    spur_detector_options_defaults(out);
    out->geometry =
        argument_choice(from, "geometry", 0) == 1 ? SPUR_GEOMETRY_SCENIC : SPUR_GEOMETRY_HF;
    out->resize_order =
        argument_choice(from, "resize", 0) == 1 ? SPUR_RESIZE_PILLOW13 : SPUR_RESIZE_PILLOW12;
    out->literal_config = argument_flag(from, "literal-config");
    out->allow_nonfinite = argument_flag(from, "allow-nonfinite");
    out->offline = argument_flag(from, "offline");
    out->pad_value = (float)argument_number(from, "pad-value", (double)out->pad_value);
    if (!(out->pad_value >= 0.0f && out->pad_value <= 1.0f)) {
        return failure_set(error, SPUR_USAGE, "--pad-value: %s is not between 0 and 1",
                           argument_text(from, "pad-value"));
    }
    if (argument_flag(from, "pad-value") && out->geometry != SPUR_GEOMETRY_SCENIC) {
        return failure_set(error, SPUR_USAGE, "--pad-value needs --geometry scenic");
    }
    return SPUR_OK;
}

static bool read_ood_rule(const char *name, spur_ood_rule *out)
{
    static const char *const names[] = {"auto",       "none",        "imagenet-a",
                                        "imagenet-r", "imagenet-v2", "imagenet-sketch",
                                        "objectnet"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (spur_ood_rule)i;
            return true;
        }
    }
    return false;
}

spur_status read_data_options(const arguments *from, spur_data_options *out, spur_error *error)
{
    static const spur_class_order orders[] = {SPUR_CLASS_ORDER_AUTO, SPUR_CLASS_ORDER_LEX,
                                              SPUR_CLASS_ORDER_NATURAL,
                                              SPUR_CLASS_ORDER_NUMERIC, SPUR_CLASS_ORDER_FILE};
    spur_data_options_defaults(out);
    if (argument_flag(from, "split")) {
        out->split = argument_text(from, "split");
    }
    out->labels = argument_text(from, "labels");
    out->labels_are_devkit = argument_flag(from, "devkit");
    out->class_list = argument_text(from, "class-list");
    out->class_names = argument_text(from, "class-names");
    out->class_order = orders[argument_choice(from, "class-order", 0)];
    out->allow_duplicates = argument_flag(from, "allow-duplicates");
    out->limit = argument_whole(from, "limit", 0);
    out->class_map = argument_text(from, "class-map");
    out->ood_rule = SPUR_OOD_AUTO;
    if (argument_flag(from, "ood-rule") &&
        !read_ood_rule(argument_text(from, "ood-rule"), &out->ood_rule)) {
        return failure_set(error, SPUR_USAGE,
                           "--ood-rule: '%s' is none of auto, none, imagenet-a, imagenet-r, "
                           "imagenet-v2, imagenet-sketch, objectnet",
                           argument_text(from, "ood-rule"));
    }
    if (argument_flag(from, "border")) {
        out->border = (size_t)argument_whole(from, "border", 0);
    }
    if (out->labels_are_devkit && out->labels == NULL) {
        return failure_set(error, SPUR_USAGE, "--devkit needs --labels FILE");
    }
    return SPUR_OK;
}

spur_status read_detector_path(const arguments *from, const char **out, spur_error *error)
{
    const char *path = argument_text(from, "detector");
    if (path == NULL) {
        path = getenv("SPUR_DETECTOR");
    }
    if (path == NULL || path[0] == '\0') {
        return failure_set(error, SPUR_USAGE,
                           "no detector: give --detector MODEL or set SPUR_DETECTOR; "
                           "to get one: " DETECTOR_INSTALL_LINE " && " DETECTOR_DOWNLOAD_LINE);
    }
    *out = path;
    return SPUR_OK;
}

void read_backbone_options(const arguments *from, spur_backbone_options *out)
{
    spur_backbone_options_defaults(out);
    out->architecture = argument_text(from, "arch");
    out->preprocessing = argument_text(from, "preprocessing");
    out->resize_order =
        argument_choice(from, "resize", 0) == 1 ? SPUR_RESIZE_PILLOW13 : SPUR_RESIZE_PILLOW12;
    out->allow_nonfinite = argument_flag(from, "allow-nonfinite");
}

spur_status read_backbone_path(const arguments *from, const char **out, spur_error *error)
{
    const char *path = argument_text(from, "backbone");
    if (path == NULL) {
        path = getenv("SPUR_BACKBONE");
    }
    if (path == NULL || path[0] == '\0') {
        return failure_set(error, SPUR_USAGE,
                           "no backbone: give --backbone MODEL or set SPUR_BACKBONE; "
                           "to get one: " DETECTOR_INSTALL_LINE " && " BACKBONE_DOWNLOAD_LINE);
    }
    *out = path;
    return SPUR_OK;
}

spur_status read_threads(const arguments *from, size_t *out, spur_error *error)
{
    uint64_t threads = argument_whole(from, "threads", 0);
    if (threads > 4096) {
        return failure_set(error, SPUR_USAGE, "--threads: at most 4096");
    }
    *out = (size_t)threads;
    return SPUR_OK;
}
