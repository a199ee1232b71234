/*
 * export.c - a run's rows as CSV, JSONL and COCO detection results.
 *
 * Every image is one row, scored or failed. Numbers have nine significant digits, keys and
 * columns a fixed order; nothing of the machine is written, so the same run gives the same
 * bytes. Boxes are clipped to the picture here: the store keeps them as the detector gave them.
 */
#include <math.h>
#include <string.h>

#include "report/exporter.h"

/* ---- CSV ----------------------------------------------------------------------------- */

static const char csv_header[] =
    "file_name,label,class_index,split,status,reason,logit,score,rank,rank_pct,box_xmin,"
    "box_ymin,box_xmax,box_ymax,box_area_frac,other_class,other_logit,prompt";

static spur_status write_csv_row(exporter *to, const export_row *row, spur_error *error)
{
    spur_status status;
    bool is_scored = row->is_scored;
    TRY(exporter_add_text(to, true, row->from->file_name, error));
    TRY(exporter_add_text(to, false, row->label, error));
    TRY(exporter_add_count(to, true, row->from->class_index, error));
    TRY(exporter_add_text(to, false, row->split, error));
    TRY(exporter_add_text(to, false, is_scored ? "scored" : "failed", error));
    TRY(exporter_add_text(to, false, row->from->reason, error));
    TRY(exporter_add_number(to, is_scored, (double)row->from->logit, error));
    TRY(exporter_add_number(to, is_scored, (double)row->score, error));
    TRY(exporter_add_count(to, is_scored, row->rank, error));
    TRY(exporter_add_number(to, is_scored, row->rank_percent, error));
    for (size_t i = 0; i < 4; i++) {
        TRY(exporter_add_number(to, is_scored, (double)row->box[i], error));
    }
    TRY(exporter_add_number(to, is_scored, row->area, error));
    TRY(exporter_add_text(to, false, row->other, error));
    TRY(exporter_add_number(to, row->other != NULL, (double)row->from->other_logit, error));
    TRY(exporter_add_text(to, false, row->prompt, error));
    TRY(to->has_bytes ? exporter_add_bytes(to, row->from->file_name, error) : SPUR_OK);
    TRY(text_add(&to->line, "\n", 1, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

spur_status spur_export_csv(spur_run *run, const char *path, const spur_export_options *options,
                            spur_error *error)
{
    spur_status status;
    exporter to;
    TRY(exporter_open(&to, run, path, options, error));
    TRY(exporter_look_for_bytes(&to, error));
    TRY(text_format(&to.line, error, "%s%s\n", csv_header,
                    to.has_bytes ? ",file_name_b64" : ""));
    TRY(exporter_flush(&to, error));
    TRY(exporter_rows(&to, write_csv_row, error));
    TRY(file_commit(to.file, error));
done:
    exporter_close(&to);
    return status;
}

/* ---- JSONL --------------------------------------------------------------------------- */

static spur_status add_scores(exporter *to, const export_row *row, spur_error *error)
{
    static const char *const boxes[] = {"box_xmin", "box_ymin", "box_xmax", "box_ymax"};
    spur_status status;
    json_writer *json = &to->json;
    bool is_scored = row->is_scored;
    /* A number that is not finite is written as null. */
    double none = (double)NAN;
    TRY(json_add_rounded(json, "logit", is_scored ? (double)row->from->logit : none, error));
    TRY(json_add_rounded(json, "score", is_scored ? (double)row->score : none, error));
    TRY(is_scored ? json_add_u64(json, "rank", row->rank, error)
                  : json_add_null(json, "rank", error));
    TRY(json_add_rounded(json, "rank_pct", is_scored ? row->rank_percent : none, error));
    for (size_t i = 0; i < 4; i++) {
        TRY(json_add_rounded(json, boxes[i], is_scored ? (double)row->box[i] : none, error));
    }
    TRY(json_add_rounded(json, "box_area_frac", is_scored ? row->area : none, error));
    TRY(json_add_text(json, "other_class", row->other, error));
    TRY(json_add_rounded(json, "other_logit",
                         row->other != NULL ? (double)row->from->other_logit : none, error));
done:
    return status;
}

static spur_status write_json_row(exporter *to, const export_row *row, spur_error *error)
{
    spur_status status;
    json_writer *json = &to->json;
    json->need_comma = false;
    TRY(json_open_object(json, NULL, error));
    TRY(json_add_name(json, "file_name", row->from->file_name, error));
    TRY(json_add_text(json, "label", row->label, error));
    TRY(json_add_u64(json, "class_index", row->from->class_index, error));
    TRY(json_add_text(json, "split", row->split, error));
    TRY(json_add_text(json, "status", row->is_scored ? "scored" : "failed", error));
    TRY(json_add_text(json, "reason", row->from->reason, error));
    TRY(add_scores(to, row, error));
    TRY(json_add_text(json, "prompt", row->prompt, error));
    TRY(json_close_object(json, error));
    TRY(text_add(&to->line, "\n", 1, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

spur_status spur_export_jsonl(spur_run *run, const char *path,
                              const spur_export_options *options, spur_error *error)
{
    spur_status status;
    exporter to;
    TRY(exporter_open(&to, run, path, options, error));
    TRY(exporter_rows(&to, write_json_row, error));
    TRY(file_commit(to.file, error));
done:
    exporter_close(&to);
    return status;
}

/* ---- COCO ---------------------------------------------------------------------------- */

/* Ids start at 1: some readers take 0 for "nothing". */
static spur_status write_coco_image(exporter *to, const export_row *row, spur_error *error)
{
    spur_status status;
    json_writer *json = &to->json;
    TRY(json_open_object(json, NULL, error));
    TRY(json_add_u64(json, "id", ++to->image_count, error));
    TRY(json_add_name(json, "file_name", row->from->file_name, error));
    TRY(json_add_u64(json, "width", row->from->width, error));
    TRY(json_add_u64(json, "height", row->from->height, error));
    TRY(json_add_text(json, "split", row->split, error));
    TRY(json_close_object(json, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

static spur_status add_box(exporter *to, const export_row *row, spur_error *error)
{
    spur_status status;
    json_writer *json = &to->json;
    double width = (double)row->box[2] - (double)row->box[0];
    double height = (double)row->box[3] - (double)row->box[1];
    width = width > 0.0 ? width : 0.0;
    height = height > 0.0 ? height : 0.0;
    TRY(json_open_array(json, "bbox", error));
    TRY(json_add_rounded(json, NULL, (double)row->box[0], error));
    TRY(json_add_rounded(json, NULL, (double)row->box[1], error));
    TRY(json_add_rounded(json, NULL, width, error));
    TRY(json_add_rounded(json, NULL, height, error));
    TRY(json_close_array(json, error));
    TRY(json_add_rounded(json, "area", width * height, error));
done:
    return status;
}

static spur_status write_coco_box(exporter *to, const export_row *row, spur_error *error)
{
    spur_status status = SPUR_OK;
    json_writer *json = &to->json;
    to->image_count++;
    if (!row->is_scored) {
        return SPUR_OK;
    }
    TRY(json_open_object(json, NULL, error));
    TRY(json_add_u64(json, "id", ++to->annotation_count, error));
    TRY(json_add_u64(json, "image_id", to->image_count, error));
    TRY(json_add_u64(json, "category_id", row->from->class_index + 1, error));
    TRY(add_box(to, row, error));
    TRY(json_add_u64(json, "iscrowd", 0, error));
    TRY(json_add_rounded(json, "score", (double)row->score, error));
    TRY(json_close_object(json, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

static spur_status write_categories(exporter *to, spur_error *error)
{
    spur_status status;
    json_writer *json = &to->json;
    TRY(json_open_array(json, "categories", error));
    for (size_t i = 0; i < to->run->class_count; i++) {
        TRY(json_open_object(json, NULL, error));
        TRY(json_add_u64(json, "id", i + 1, error));
        TRY(json_add_text(json, "name", to->run->classes[i].name, error));
        TRY(json_add_text(json, "label", to->run->classes[i].label, error));
        TRY(json_close_object(json, error));
    }
    TRY(json_close_array(json, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

spur_status spur_export_coco(spur_run *run, const char *path,
                             const spur_export_options *options, spur_error *error)
{
    spur_status status;
    exporter to;
    json_writer *json = &to.json;
    TRY(exporter_open(&to, run, path, options, error));
    TRY(json_open_object(json, NULL, error));
    TRY(json_open_array(json, "images", error));
    TRY(exporter_rows(&to, write_coco_image, error));
    TRY(json_close_array(json, error));
    TRY(write_categories(&to, error));
    TRY(json_open_array(json, "annotations", error));
    to.image_count = 0;
    TRY(exporter_rows(&to, write_coco_box, error));
    TRY(json_close_array(json, error));
    TRY(json_close_object(json, error));
    TRY(text_add(&to.line, "\n", 1, error));
    TRY(exporter_flush(&to, error));
    TRY(file_commit(to.file, error));
done:
    exporter_close(&to);
    return status;
}
