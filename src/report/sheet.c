/*
 * sheet.c - contact sheets of a world and of a ranking.
 */
#include "report/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "demo/world_split.h"
#include "io/resize.h"
#include "pipeline/extremes.h"

enum {
    NAME_WIDTH = 78, /* in front of a row: 12 characters */
    NAME_LENGTH = 12,
    GAP = 4,
    CAPTION = 10, /* height of the line under a picture */
    HEADING = 14,
    STEP_X = SHEET_CELL + GAP,
    STEP_Y = SHEET_CELL + CAPTION + GAP,
    TEXT_SIZE = 64
};

static const colour PAPER = {0xFF, 0xFF, 0xFF}, INK = {0x22, 0x22, 0x22},
                    FRAME = {0xF0, 0xE4, 0x42};

spur_status sheet_open(size_t rows, size_t columns, sheet *out, spur_error *error)
{
    spur_status status;
    size_t width, height;
    if (!size_mul(columns, STEP_X, &width) || !size_add(width, NAME_WIDTH + GAP, &width) ||
        !size_mul(rows, STEP_Y, &height) || !size_add(height, HEADING + GAP, &height)) {
        FAIL(SPUR_RESOURCE, "a sheet of %zu x %zu pictures is too large", columns, rows);
    }
    *out = (sheet){.rows = rows, .columns = columns};
    TRY(paint_new(width, height, PAPER, &out->page, error));
done:
    return status;
}

void sheet_close(sheet *block)
{
    image_free(&block->page);
}

static size_t cell_left(size_t column)
{
    return NAME_WIDTH + GAP + column * STEP_X;
}

static size_t cell_top(size_t row)
{
    return HEADING + GAP + row * STEP_Y;
}

void sheet_name_row(sheet *on, size_t row, const char *name)
{
    char text[NAME_LENGTH + 1];
    text_copy(name, text, sizeof text);
    paint_text(&on->page, text, GAP, cell_top(row) + SHEET_CELL / 2 - GLYPH_HEIGHT / 2, 1, INK);
}

void sheet_head_column(sheet *on, size_t column, const char *text)
{
    paint_text(&on->page, text, cell_left(column), GAP, 1, INK);
}

void sheet_put(sheet *on, const sheet_cell *cell)
{
    size_t left = cell_left(cell->column) + (SHEET_CELL - cell->picture->width) / 2;
    size_t top = cell_top(cell->row) + (SHEET_CELL - cell->picture->height) / 2;
    paint_picture(&on->page, cell->picture, left, top);
    if (cell->box != NULL) {
        float box[4];
        for (size_t i = 0; i < 4; i++) {
            float most = (float)(i % 2 == 0 ? cell->picture->width : cell->picture->height);
            float cut = fminf(fmaxf(cell->box[i], 0.0F), most);
            box[i] = cut + (float)(i % 2 == 0 ? left : top);
        }
        paint_frame(&on->page, box, 1.0, FRAME);
    }
    if (cell->caption != NULL) {
        paint_text(&on->page, cell->caption, cell_left(cell->column),
                   cell_top(cell->row) + SHEET_CELL + 2, 1, INK);
    }
}

/* ---- a world --------------------------------------------------------------------------- */

enum {
    WORLD_COLUMNS = 10
};

/* How far the image is from what the column should show; planted errors never fit. */
static double misfit(const world_truth *truth, size_t column)
{
    double wanted = ((double)column + 0.5) / WORLD_COLUMNS;
    return truth->planted == WORLD_OK ? fabs(truth->clearness - wanted) : 2.0;
}

/* For each column the train image of the label whose clearness comes nearest; `count` where
 * none comes near. */
static void choose_images(const world_split *split, size_t label, size_t chosen[WORLD_COLUMNS])
{
    double best[WORLD_COLUMNS];
    for (size_t column = 0; column < WORLD_COLUMNS; column++) {
        best[column] = 1.0 / WORLD_COLUMNS;
        chosen[column] = split->images;
    }
    for (size_t i = 0; i < split->images; i++) {
        world_truth truth;
        world_foretell(&split->options, split->key, label, i, &truth);
        for (size_t column = 0; column < WORLD_COLUMNS; column++) {
            if (misfit(&truth, column) < best[column]) {
                best[column] = misfit(&truth, column);
                chosen[column] = i;
            }
        }
    }
}

static void put_world_row(sheet *on, const world_split *split, size_t label)
{
    size_t chosen[WORLD_COLUMNS];
    unsigned char pixels[SCENE_BYTES];
    image picture = {SCENE_SIDE, SCENE_SIDE, pixels};
    sheet_name_row(on, label, shape_name(label));
    choose_images(split, label, chosen);
    for (size_t column = 0; column < WORLD_COLUMNS; column++) {
        world_truth truth;
        if (chosen[column] < split->images) {
            world_image(&split->options, split->key, label, chosen[column], pixels, &truth);
            sheet_cell cell = {label, column, &picture, NULL, NULL};
            sheet_put(on, &cell);
        }
    }
}

spur_status spur_world_draw(const spur_world_options *options, const char *path,
                            spur_error *error)
{
    spur_status status;
    sheet on = {0};
    spur_world_options defaults;
    world_split splits[WORLD_SPLITS];
    spur_world_options_defaults(&defaults);
    if (path == NULL) {
        FAIL(SPUR_USAGE, "a file for the sheet is needed");
    }
    TRY(world_splits_make(options == NULL ? &defaults : options, splits, error));
    TRY(sheet_open(splits[0].options.classes, WORLD_COLUMNS, &on, error));
    sheet_head_column(&on, 0, "hidden");
    sheet_head_column(&on, WORLD_COLUMNS - 1, "clear");
    for (size_t label = 0; label < splits[0].options.classes; label++) {
        put_world_row(&on, &splits[0], label);
    }
    TRY(image_write_png(path, &on.page, error));
done:
    sheet_close(&on);
    return status;
}

/* ---- a ranking ------------------------------------------------------------------------- */

/* The picture made to fit a cell, and its box with it. */
static spur_status load_cell(const spur_extreme *from, image *out, float box[4],
                             spur_error *error)
{
    spur_status status;
    image whole = {0};
    TRY(image_load(from->path, NULL, &whole, NULL, error));
    size_t longest = whole.width > whole.height ? whole.width : whole.height;
    double scale = (double)SHEET_CELL / (double)longest;
    size_t width = (size_t)fmax(1.0, floor((double)whole.width * scale + 0.5));
    size_t height = (size_t)fmax(1.0, floor((double)whole.height * scale + 0.5));
    TRY(image_resize(&whole, width, height, RESIZE_BICUBIC, SPUR_RESIZE_PILLOW12, out, error));
    for (size_t i = 0; i < 4; i++) {
        box[i] = from->box[i] * (float)scale;
    }
done:
    image_free(&whole);
    return status;
}

static spur_status put_extreme(sheet *on, const spur_extreme *from, size_t row, size_t column,
                               spur_error *error)
{
    spur_status status;
    image picture = {0};
    float box[4];
    char caption[TEXT_SIZE];
    TRY(load_cell(from, &picture, box, error));
    (void)snprintf(caption, sizeof caption, "%llu  %.2f", (unsigned long long)from->rank,
                   (double)from->logit);
    sheet_cell cell = {row, column, &picture, box, caption};
    sheet_put(on, &cell);
done:
    image_free(&picture);
    return status;
}

/* Clearest from the left edge inwards, most hidden from the right edge inwards: the row reads
 * as the ranking does. With `only` one class has the sheet for itself, and an image that cannot
 * be read leaves its cell empty. */
static spur_status put_extremes(sheet *on, const extremes *found, size_t per_end,
                                const size_t *only, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < found->count; i++) {
        const spur_extreme *item = &found->items[i];
        bool is_hidden = item->rank <= item->images - item->images / 2;
        size_t place = (size_t)(is_hidden ? item->rank - 1 : item->images - item->rank);
        size_t column = is_hidden ? 2 * per_end - 1 - place : place;
        if (only != NULL && found->classes[i] != *only) {
            continue;
        }
        status = put_extreme(on, item, only == NULL ? found->classes[i] : 0, column, error);
        TRY(only != NULL && status == SPUR_IMAGE ? SPUR_OK : status);
    }
done:
    return status;
}

static spur_status find_class(const spur_run *run, const char *label, size_t *out,
                              spur_error *error)
{
    for (size_t i = 0; i < run->class_count; i++) {
        if (strcmp(run->classes[i].label, label) == 0) {
            *out = i;
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_USAGE, "class %s is not in the run; its first is %s", label,
                     run->classes[0].label);
}

/* label NULL: a row per class. */
static spur_status draw_extremes(spur_run *run, const char *split, const char *label,
                                 size_t per_end, const char *path, spur_error *error)
{
    spur_status status;
    extremes found = {0};
    sheet on = {0};
    size_t columns, only = 0;
    if (run == NULL || split == NULL || path == NULL || per_end == 0) {
        FAIL(SPUR_USAGE, "a run, a split, a count and a file for the sheet are needed");
    }
    if (!size_mul(per_end, 2, &columns)) {
        FAIL(SPUR_USAGE, "%zu images per end are too many", per_end);
    }
    TRY(label == NULL ? SPUR_OK : find_class(run, label, &only, error));
    TRY(extremes_make(run, split, per_end, &found, error));
    TRY(sheet_open(label == NULL ? run->class_count : 1, columns, &on, error));
    sheet_head_column(&on, 0, "clearest");
    sheet_head_column(&on, per_end, "most hidden");
    for (size_t i = 0; i < on.rows; i++) {
        sheet_name_row(&on, i, run->classes[label == NULL ? i : only].name);
    }
    TRY(put_extremes(&on, &found, per_end, label == NULL ? NULL : &only, error));
    TRY(image_write_png(path, &on.page, error));
done:
    extremes_free(&found);
    sheet_close(&on);
    return status;
}

spur_status spur_extremes_draw(spur_run *run, const char *split, size_t per_end,
                               const char *path, spur_error *error)
{
    return draw_extremes(run, split, NULL, per_end, path, error);
}

spur_status spur_extremes_draw_class(spur_run *run, const char *split, const char *label,
                                     size_t per_end, const char *path, spur_error *error)
{
    if (label == NULL) {
        return error_set(error, SPUR_USAGE, "a class is needed");
    }
    return draw_extremes(run, split, label, per_end, path, error);
}
