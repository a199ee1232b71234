/*
 * export_predictions.c - what every head says of every image, and its accuracy by rank, as CSV.
 *
 * Sets come in the order split, backbone, head, images in row order. Only sets that hold for
 * the heads and features of now are written; `spur eval` makes the others again.
 */
#include <string.h>

#include "base/statistics_intervals.h"
#include "pipeline/rank_curve.h"
#include "report/exporter.h"

#define MISS 0.05

/* ---- all sets asked for ------------------------------------------------------------------ */

typedef struct set_writer {
    exporter *to;
    const prediction_name *name;
    const evaluation_rows *rows;
    prediction_set set;
} set_writer;

typedef spur_status (*write_set)(set_writer *of, spur_error *error);

static spur_status check_count(const exporter *to, const prediction_list *sets,
                               spur_error *error)
{
    return sets->count > 0
               ? SPUR_OK
               : error_set(error, SPUR_DATASET,
                           "the run has no predictions%s%s; `spur eval %s` makes them",
                           to->options.backbone == NULL ? "" : " of backbone ",
                           to->options.backbone == NULL ? "" : to->options.backbone,
                           to->run->folder);
}

static spur_status each_set(exporter *to, write_set write, spur_error *error)
{
    spur_status status;
    prediction_list sets = {NULL, 0, NULL};
    evaluation_rows rows = {.split = NULL};
    set_writer of = {.to = to, .rows = &rows};
    const predictions_request request = {to->options.split, to->options.backbone, 0, NULL};
    TRY(prediction_list_make(to->run, &request, &sets, error));
    TRY(check_count(to, &sets, error));
    for (size_t i = 0; i < sets.count; i++) {
        of.name = &sets.names[i];
        if (rows.split == NULL || strcmp(rows.split, of.name->split) != 0) {
            evaluation_rows_free(&rows);
            TRY(evaluation_rows_make(to->run, of.name->split, &rows, error));
        }
        TRY(predictions_load(to->run, of.name, &of.set, error));
        TRY(write(&of, error));
        prediction_set_free(&of.set);
    }
done:
    prediction_set_free(&of.set);
    evaluation_rows_free(&rows);
    prediction_list_free(&sets);
    return status;
}

static spur_status add_names(const set_writer *of, spur_error *error)
{
    spur_status status;
    TRY(exporter_add_text(of->to, true, of->name->split, error));
    TRY(exporter_add_text(of->to, false, of->name->backbone, error));
    TRY(exporter_add_text(of->to, false, of->name->head, error));
done:
    return status;
}

static spur_status export_sets(spur_run *run, const char *path,
                               const spur_export_options *options, const char *header,
                               write_set write, spur_error *error)
{
    spur_status status;
    exporter to;
    TRY(exporter_open(&to, run, path, options, error));
    TRY(text_add(&to.line, header, strlen(header), error));
    TRY(exporter_flush(&to, error));
    TRY(each_set(&to, write, error));
    TRY(file_commit(to.file, error));
done:
    exporter_close(&to);
    return status;
}

/* ---- predictions ------------------------------------------------------------------------- */

static spur_status write_image(const set_writer *of, size_t i, spur_error *error)
{
    spur_status status;
    exporter *to = of->to;
    unsigned flags = of->set.flags[i];
    bool is_judged = (flags & PREDICTION_VALID) != 0;
    bool is_inside = is_judged && of->set.predicted[i] != UINT32_MAX;
    TRY(add_names(of, error));
    TRY(exporter_add_text(to, false, of->rows->file_name[i], error));
    TRY(exporter_add_count(to, true, of->rows->class_index[i], error));
    TRY(exporter_add_count(to, of->rows->rank[i] > 0, of->rows->rank[i], error));
    TRY(exporter_add_count(to, is_inside, of->set.predicted[i], error));
    TRY(exporter_add_count(to, is_judged, (flags & PREDICTION_CORRECT) != 0 ? 1 : 0, error));
    TRY(exporter_add_number(to, is_judged, (double)of->set.margin[i], error));
    TRY(text_add(&to->line, "\n", 1, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

static spur_status write_images(set_writer *of, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < of->rows->count; i++) {
        if (of->rows->file_name[i] != NULL) {
            TRY(write_image(of, i, error));
        }
    }
done:
    return status;
}

spur_status spur_export_predictions(spur_run *run, const char *path,
                                    const spur_export_options *options, spur_error *error)
{
    return export_sets(
        run, path, options,
        "split,backbone,head,file_name,class_index,rank,predicted,correct,margin\n",
        write_images, error);
}

/* ---- the curve by rank ------------------------------------------------------------------- */

static spur_status write_point(const set_writer *of, size_t rank, const curve_point *point,
                               spur_error *error)
{
    spur_status status;
    exporter *to = of->to;
    bool is_there = point->n > 0;
    statistics_interval wilson = statistics_wilson(point->correct, point->n, MISS);
    double accuracy = is_there ? (double)point->correct / (double)point->n : 0.0;
    TRY(add_names(of, error));
    TRY(exporter_add_count(to, true, rank, error));
    TRY(exporter_add_count(to, true, point->n, error));
    TRY(exporter_add_count(to, true, point->correct, error));
    TRY(exporter_add_number(to, is_there, accuracy, error));
    TRY(exporter_add_number(to, is_there, wilson.low, error));
    TRY(exporter_add_number(to, is_there, wilson.high, error));
    TRY(text_add(&to->line, "\n", 1, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

static spur_status write_curve(set_writer *of, spur_error *error)
{
    spur_status status;
    curve_rows rows = {.count = 0};
    curve_point *points = NULL;
    size_t count = 0;
    TRY(curve_rows_make(of->rows, &of->set, &rows, error));
    TRY(curve_points(&rows, &points, &count, error));
    for (size_t i = 0; i < count; i++) {
        TRY(write_point(of, i + 1, &points[i], error));
    }
done:
    memory_free(points);
    curve_rows_free(&rows);
    return status;
}

spur_status spur_export_curve(spur_run *run, const char *path,
                              const spur_export_options *options, spur_error *error)
{
    return export_sets(run, path, options,
                       "split,backbone,head,rank,n,correct,accuracy,wilson_low,wilson_high\n",
                       write_curve, error);
}
