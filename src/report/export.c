/*
 * export.c - a run's rows as CSV, JSONL and COCO detection results.
 *
 * Every image is one row, scored or failed. Numbers have nine significant digits, keys and
 * columns a fixed order; nothing of the machine is written, so the same run gives the same
 * bytes. Boxes are clipped to the picture here: the store keeps them as the detector gave them.
 */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/json.h"
#include "pipeline/rank.h"

/* Columns of one image, made once for all forms. */
typedef struct export_row {
    const store_row *from;
    const char *split, *label, *prompt;
    bool is_scored;
    float score;
    uint64_t rank;
    double rank_percent; /* (rank - 1/2) / images of the class that are scored */
    float box[4];        /* clipped */
    double area;         /* of the box, as a fraction of the picture */
    const char *other;   /* label, or NULL */
} export_row;

typedef struct exporter exporter;
typedef spur_status (*row_writer)(exporter *to, const export_row *row, spur_error *error);

struct exporter {
    spur_run *run;
    spur_export_options options;
    file_writer *file;
    text_buffer line;
    const char *split; /* being written */
    ranking order;
    uint64_t *ranks; /* [images of the split] 0 when not scored */
    row_writer write;
    bool has_bytes;       /* some file name is not UTF-8: one more column */
    uint64_t image_count; /* of COCO's ids, so far */
    uint64_t annotation_count;
    json_writer json;
};

void spur_export_options_defaults(spur_export_options *options)
{
    memset(options, 0, sizeof *options);
}

/* ---- columns ------------------------------------------------------------------------- */

static float clip(float value, size_t limit)
{
    float most = (float)limit;
    return value < 0.0F ? 0.0F : value > most ? most : value;
}

static void clip_box(const store_row *from, export_row *into)
{
    into->box[0] = clip(from->box[0], from->width);
    into->box[1] = clip(from->box[1], from->height);
    into->box[2] = clip(from->box[2], from->width);
    into->box[3] = clip(from->box[3], from->height);
    double width = (double)into->box[2] - (double)into->box[0];
    double height = (double)into->box[3] - (double)into->box[1];
    double pixels = (double)from->width * (double)from->height;
    into->area = width > 0.0 && height > 0.0 ? width * height / pixels : 0.0;
}

static void fill_score(const exporter *to, const store_row *from, export_row *into)
{
    const spur_run *run = to->run;
    size_t class_index = from->class_index;
    double scored = (double)(to->order.first[class_index + 1] - to->order.first[class_index]);
    into->is_scored = true;
    into->score = (float)(1.0 / (1.0 + exp(-(double)from->logit)));
    into->rank = to->ranks[from->row];
    into->rank_percent = ((double)into->rank - 0.5) / scored;
    into->other = from->has_other ? run->classes[from->other_class].label : NULL;
    clip_box(from, into);
}

static spur_status export_one(void *context, const store_row *from, spur_error *error)
{
    exporter *to = context;
    export_row row;
    memset(&row, 0, sizeof row);
    row.from = from;
    row.split = to->split;
    row.label = to->run->classes[from->class_index].label;
    row.prompt = to->run->classes[from->class_index].prompt;
    if (from->reason == NULL) {
        fill_score(to, from, &row);
    }
    return to->write(to, &row, error);
}

/* ---- splits -------------------------------------------------------------------------- */

static spur_status rank_rows(exporter *to, const store_split *split, spur_error *error)
{
    spur_status status;
    ranking_free(&to->order);
    memory_free(to->ranks);
    to->ranks = NULL;
    TRY(ranking_make(to->run, split->name, &to->order, error));
    TRY(memory_new_zeroed((size_t)split->images, sizeof *to->ranks, &to->ranks, error));
    for (size_t i = 0; i < to->order.count; i++) {
        const rank_entry *entry = &to->order.entries[i];
        to->ranks[entry->row] = i - to->order.first[entry->class_index] + 1;
    }
done:
    return status;
}

static bool is_wanted(const exporter *to, const store_split *split)
{
    return to->options.split == NULL || strcmp(to->options.split, split->name) == 0;
}

/* Writes every row of the wanted splits with `write`. */
static spur_status export_rows(exporter *to, row_writer write, spur_error *error)
{
    spur_status status = SPUR_OK;
    to->write = write;
    for (size_t i = 0; i < to->run->split_count; i++) {
        const store_split *split = &to->run->splits[i];
        if (is_wanted(to, split)) {
            to->split = split->name;
            TRY(rank_rows(to, split, error));
            TRY(store_each_row(to->run->db, split->name, export_one, to, error));
        }
    }
done:
    return status;
}

static spur_status check_split(const exporter *to, spur_error *error)
{
    for (size_t i = 0; i < to->run->split_count; i++) {
        if (is_wanted(to, &to->run->splits[i])) {
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_DATASET, "split %s is not in the run; its first is %s",
                     to->options.split, to->run->splits[0].name);
}

static spur_status flush(exporter *to, spur_error *error)
{
    spur_status status = to->line.length == 0
                             ? SPUR_OK
                             : file_write(to->file, to->line.data, to->line.length, error);
    to->line.length = 0;
    return status;
}

static void exporter_close(exporter *block)
{
    file_writer_close(block->file);
    text_buffer_free(&block->line);
    ranking_free(&block->order);
    memory_free(block->ranks);
}

static spur_status exporter_open(exporter *to, spur_run *run, const char *path,
                                 const spur_export_options *options, spur_error *error)
{
    spur_status status;
    memset(to, 0, sizeof *to);
    if (run == NULL || path == NULL) {
        FAIL(SPUR_USAGE, "a run and a file to write are needed");
    }
    to->run = run;
    to->json.into = &to->line;
    spur_export_options_defaults(&to->options);
    if (options != NULL) {
        to->options = *options;
    }
    TRY(check_split(to, error));
    TRY(file_create(path, &to->file, error));
done:
    return status;
}

/* ---- CSV ----------------------------------------------------------------------------- */

static const char csv_header[] =
    "file_name,label,class_index,split,status,reason,logit,score,rank,rank_pct,box_xmin,"
    "box_ymin,box_xmax,box_ymax,box_area_frac,other_class,other_logit,prompt";

/* A text cell; bytes that are not UTF-8 are escaped, NULL is an empty cell. */
static spur_status add_text_cell(exporter *to, bool is_first, const char *text,
                                 spur_error *error)
{
    spur_status status;
    char *safe = NULL;
    size_t length = text == NULL ? 0 : strlen(text);
    if (text != NULL && !text_is_utf8(text, length)) {
        TRY(memory_new(4 * length + 1, 1, &safe, error));
        text_escape(text, length, safe, 4 * length + 1);
    }
    TRY(csv_add(&to->line, is_first,
                safe != NULL   ? safe
                : text == NULL ? ""
                               : text,
                to->options.spreadsheet_safe, error));
done:
    memory_free(safe);
    return status;
}

/* A number, or an empty cell when there is none. */
static spur_status add_number_cell(exporter *to, bool is_there, double value, spur_error *error)
{
    char number[TEXT_NUMBER_SIZE] = "";
    if (is_there) {
        text_from_rounded(value, number);
    }
    return csv_add(&to->line, false, number, false, error);
}

static spur_status add_count_cell(exporter *to, bool is_there, uint64_t value,
                                  spur_error *error)
{
    return is_there ? text_format(&to->line, error, ",%llu", (unsigned long long)value)
                    : text_add(&to->line, ",", 1, error);
}

static spur_status add_bytes_cell(exporter *to, const char *name, spur_error *error)
{
    spur_status status;
    char *exact = NULL;
    size_t length = strlen(name);
    if (!text_is_utf8(name, length)) {
        TRY(text_base64(name, length, &exact, error));
    }
    TRY(csv_add(&to->line, false, exact == NULL ? "" : exact, false, error));
done:
    memory_free(exact);
    return status;
}

static spur_status write_csv_row(exporter *to, const export_row *row, spur_error *error)
{
    spur_status status;
    bool is_scored = row->is_scored;
    TRY(add_text_cell(to, true, row->from->file_name, error));
    TRY(add_text_cell(to, false, row->label, error));
    TRY(add_count_cell(to, true, row->from->class_index, error));
    TRY(add_text_cell(to, false, row->split, error));
    TRY(add_text_cell(to, false, is_scored ? "scored" : "failed", error));
    TRY(add_text_cell(to, false, row->from->reason, error));
    TRY(add_number_cell(to, is_scored, (double)row->from->logit, error));
    TRY(add_number_cell(to, is_scored, (double)row->score, error));
    TRY(add_count_cell(to, is_scored, row->rank, error));
    TRY(add_number_cell(to, is_scored, row->rank_percent, error));
    for (size_t i = 0; i < 4; i++) {
        TRY(add_number_cell(to, is_scored, (double)row->box[i], error));
    }
    TRY(add_number_cell(to, is_scored, row->area, error));
    TRY(add_text_cell(to, false, row->other, error));
    TRY(add_number_cell(to, row->other != NULL, (double)row->from->other_logit, error));
    TRY(add_text_cell(to, false, row->prompt, error));
    TRY(to->has_bytes ? add_bytes_cell(to, row->from->file_name, error) : SPUR_OK);
    TRY(text_add(&to->line, "\n", 1, error));
    TRY(flush(to, error));
done:
    return status;
}

static spur_status look_at_name(void *context, const store_row *row, spur_error *error)
{
    exporter *to = context;
    (void)error;
    to->has_bytes = to->has_bytes || !text_is_utf8(row->file_name, strlen(row->file_name));
    return SPUR_OK;
}

static spur_status look_for_bytes(exporter *to, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < to->run->split_count; i++) {
        if (is_wanted(to, &to->run->splits[i])) {
            TRY(store_each_row(to->run->db, to->run->splits[i].name, look_at_name, to, error));
        }
    }
done:
    return status;
}

spur_status spur_export_csv(spur_run *run, const char *path, const spur_export_options *options,
                            spur_error *error)
{
    spur_status status;
    exporter to;
    TRY(exporter_open(&to, run, path, options, error));
    TRY(look_for_bytes(&to, error));
    TRY(text_format(&to.line, error, "%s%s\n", csv_header,
                    to.has_bytes ? ",file_name_b64" : ""));
    TRY(flush(&to, error));
    TRY(export_rows(&to, write_csv_row, error));
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
    TRY(flush(to, error));
done:
    return status;
}

spur_status spur_export_jsonl(spur_run *run, const char *path,
                              const spur_export_options *options, spur_error *error)
{
    spur_status status;
    exporter to;
    TRY(exporter_open(&to, run, path, options, error));
    TRY(export_rows(&to, write_json_row, error));
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
    TRY(flush(to, error));
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
    TRY(flush(to, error));
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
    TRY(flush(to, error));
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
    TRY(export_rows(&to, write_coco_image, error));
    TRY(json_close_array(json, error));
    TRY(write_categories(&to, error));
    TRY(json_open_array(json, "annotations", error));
    to.image_count = 0;
    TRY(export_rows(&to, write_coco_box, error));
    TRY(json_close_array(json, error));
    TRY(json_close_object(json, error));
    TRY(text_add(&to.line, "\n", 1, error));
    TRY(flush(&to, error));
    TRY(file_commit(to.file, error));
done:
    exporter_close(&to);
    return status;
}
