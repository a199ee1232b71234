/*
 * command_preprocess.c - spur preprocess: the pixels exactly as a model will see them.
 */
#include <stdio.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

static const option preprocess_table[] = {
    {"model", 'm', OPTION_PATH, "MODEL", "model folder or hub id (default $SPUR_DETECTOR)",
     false},
    {"out", 'o', OPTION_PATH, "FILE", "safetensors file to write", false},
    {0}};
static const option_group preprocess_group = {"Preprocess", preprocess_table};
static const option_group *const preprocess_groups[] = {
    &preprocess_group, &image_options, &detector_options, &json_options, &screen_options, NULL};

static void print_result(const arguments *from, const char *path, const char *recipe)
{
    if (argument_flag(from, "json")) {
        json_printer json = {.to = stdout};
        json_put_open(&json, NULL, '{');
        json_put_file_name(&json, "path", path);
        json_put_count(&json, "images", argument_count(from));
        json_put_text(&json, "preprocessing", recipe);
        json_put_close(&json, '}');
        json_put_end(&json);
        return;
    }
    (void)printf("%zu images, ", argument_count(from));
    escape_print(recipe == NULL ? "" : recipe, stdout);
    (void)putchar('\n');
}

static spur_status run_preprocess(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *recipe = NULL;
    const char *out = argument_text(from, "out");
    const char *model = argument_text(from, "model");
    spur_image_options images;
    spur_detector_options options;
    TRY(read_image_options(from, &images, error));
    TRY(read_detector_options(from, &options, error));
    if (out == NULL) {
        FAIL(SPUR_USAGE, "no output file: give --out FILE");
    }
    if (model == NULL) {
        TRY(read_detector_path(from, &model, error));
    }
    TRY(spur_preprocess(argument_words(from), argument_count(from), model, &images, &options,
                        out, &recipe, error));
    print_result(from, out, recipe);
    terminal_note(screen, "wrote %s", out);
done:
    spur_text_free(recipe);
    return status;
}

const command preprocess_command = {
    .name = "preprocess",
    .usage = "IMAGE... --model MODEL --out FILE",
    .summary = "the pixels exactly as a model will see them",
    .description = "Writes a safetensors file with pixel_values (float32, N x 3 x H x W) and, "
                   "where that stage is 8-bit, pixels (N x H x W x 3, after resize, pad and "
                   "crop), in the order of the images. Prints the resolved recipe.",
    .examples =
        "  spur preprocess cat.jpg --model google/owlvit-base-patch32 -o cat.safetensors\n",
    .groups = preprocess_groups,
    .least = 1,
    .most = SIZE_MAX,
    .run = run_preprocess};
