/*
 * rank_boxes.c - the winning boxes against true boxes in further columns of the manifest.
 *
 * The detector's box is clipped to the picture first: a true box never leaves it.
 */
#include <math.h>
#include <string.h>

#include "pipeline/truth_column.h"

enum {
    SIDES = 4
};

typedef struct box_sums {
    const truth_cell *sides[SIDES]; /* xmin, ymin, xmax, ymax of one split */
    const truth_cell *condition;    /* or NULL */
    double above;
    double iou;
    uint64_t images, halves;
} box_sums;

void spur_box_options_defaults(spur_box_options *options)
{
    *options = (spur_box_options){NULL, NULL, 0};
}

static double area(const double box[SIDES])
{
    return fmax(0, box[2] - box[0]) * fmax(0, box[3] - box[1]);
}

/* 0 when both are empty. */
static double box_iou(const double a[SIDES], const double b[SIDES])
{
    double common[SIDES] = {fmax(a[0], b[0]), fmax(a[1], b[1]), fmin(a[2], b[2]),
                            fmin(a[3], b[3])};
    double both = area(common);
    double either = area(a) + area(b) - both;
    return either > 0 ? both / either : 0;
}

static spur_status add_row(void *context, const store_row *row, spur_error *error)
{
    box_sums *into = context;
    double truth[SIDES], found[SIDES];
    (void)error;
    if (row->reason != NULL ||
        (into->condition != NULL && !(into->condition[row->row].number > into->above))) {
        return SPUR_OK;
    }
    for (size_t i = 0; i < SIDES; i++) {
        double most = (double)(i % 2 == 0 ? row->width : row->height);
        truth[i] = into->sides[i][row->row].number;
        found[i] = fmin(most, fmax(0, (double)row->box[i]));
        if (isnan(truth[i])) {
            return SPUR_OK;
        }
    }
    double iou = box_iou(truth, found);
    into->iou += iou;
    into->images++;
    into->halves += iou >= 0.5;
    return SPUR_OK;
}

static spur_status read_columns(spur_run *run, const spur_box_options *options,
                                truth_column *columns[SIDES + 1], spur_error *error)
{
    static const char *const names[SIDES] = {"box_xmin", "box_ymin", "box_xmax", "box_ymax"};
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < SIDES; i++) {
        TRY(truth_column_read(run, names[i], options->split, &columns[i], error));
    }
    if (options->column != NULL) {
        TRY(truth_column_read(run, options->column, options->split, &columns[SIDES], error));
    }
done:
    return status;
}

spur_status spur_rank_boxes(spur_run *run, const spur_box_options *options,
                            spur_box_quality *out, spur_error *error)
{
    spur_status status;
    spur_box_options defaults;
    truth_column *columns[SIDES + 1] = {NULL};
    box_sums sums = {.images = 0};
    spur_box_options_defaults(&defaults);
    options = options == NULL ? &defaults : options;
    sums.above = options->above;
    TRY(read_columns(run, options, columns, error));
    for (size_t i = 0; i < run->split_count; i++) {
        if (columns[0]->cells[i] == NULL) {
            continue;
        }
        for (size_t j = 0; j < SIDES; j++) {
            sums.sides[j] = columns[j]->cells[i];
        }
        sums.condition = columns[SIDES] == NULL ? NULL : columns[SIDES]->cells[i];
        TRY(store_each_row(run->db, run->splits[i].name, add_row, &sums, error));
    }
    double count = (double)sums.images;
    *out = (spur_box_quality){sums.images, sums.images == 0 ? (double)NAN : sums.iou / count,
                              sums.images == 0 ? (double)NAN : (double)sums.halves / count};
done:
    for (size_t i = 0; i <= SIDES; i++) {
        truth_column_free(columns[i]);
    }
    return status;
}
