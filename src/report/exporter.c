/*
 * exporter.c - the rows of an export: ranked, clipped, and only those of a subset when one is
 * asked for.
 */
#include "report/exporter.h"

#include <math.h>
#include <string.h>

#include "io/csv.h"
#include "pipeline/select.h"
#include "pipeline/subset_key.h"

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

/* Rows come in rising order, and so do the members of a subset. */
static bool is_member(exporter *to, uint64_t row)
{
    if (to->subset_split == NULL) {
        return true;
    }
    if (to->next == to->member_count || to->members[to->next] != row) {
        return false;
    }
    to->next++;
    return true;
}

static spur_status export_one(void *context, const store_row *from, spur_error *error)
{
    exporter *to = context;
    export_row row;
    if (!is_member(to, from->row)) {
        return SPUR_OK;
    }
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
spur_status exporter_rows(exporter *to, row_writer write, spur_error *error)
{
    spur_status status = SPUR_OK;
    to->write = write;
    for (size_t i = 0; i < to->run->split_count; i++) {
        const store_split *split = &to->run->splits[i];
        bool is_chosen = to->subset_split == NULL || strcmp(to->subset_split, split->name) == 0;
        if (is_wanted(to, split) && is_chosen) {
            to->split = split->name;
            to->root = split->root;
            to->next = 0;
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

static spur_status open_subset(exporter *to, spur_error *error)
{
    spur_status status;
    subset_key key;
    char name[SUBSET_KEY_SIZE];
    TRY(subset_key_parse(to->options.subset, to->options.naming, &key, error));
    subset_key_text(&key, SPUR_NAMING_CONTENT, name);
    TRY(subset_members(to->run, name, &to->subset_split, &to->members, &to->member_count,
                       error));
    if (to->options.split != NULL && strcmp(to->options.split, to->subset_split) != 0) {
        FAIL(SPUR_USAGE, "subset %s is of split %s, not of %s", name, to->subset_split,
             to->options.split);
    }
done:
    return status;
}

spur_status exporter_flush(exporter *to, spur_error *error)
{
    spur_status status = to->line.length == 0
                             ? SPUR_OK
                             : file_write(to->file, to->line.data, to->line.length, error);
    to->line.length = 0;
    return status;
}

void exporter_close(exporter *block)
{
    file_writer_close(block->file);
    text_buffer_free(&block->line);
    ranking_free(&block->order);
    memory_free(block->ranks);
    memory_free(block->members);
}

spur_status exporter_open(exporter *to, spur_run *run, const char *path,
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
    TRY(to->options.subset == NULL ? SPUR_OK : open_subset(to, error));
    TRY(file_create(path, &to->file, error));
done:
    return status;
}

/* ---- names that are no text, cells of CSV --------------------------------------------- */

static spur_status look_at_name(void *context, const store_row *row, spur_error *error)
{
    exporter *to = context;
    (void)error;
    to->has_bytes = to->has_bytes || !text_is_utf8(row->file_name, strlen(row->file_name));
    return SPUR_OK;
}

spur_status exporter_look_for_bytes(exporter *to, spur_error *error)
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

/* A text cell; bytes that are not UTF-8 are escaped, NULL is an empty cell. */
spur_status exporter_add_text(exporter *to, bool is_first, const char *text, spur_error *error)
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
spur_status exporter_add_number(exporter *to, bool is_there, double value, spur_error *error)
{
    char number[TEXT_NUMBER_SIZE] = "";
    if (is_there) {
        text_from_rounded(value, number);
    }
    return csv_add(&to->line, false, number, false, error);
}

spur_status exporter_add_count(exporter *to, bool is_there, uint64_t value, spur_error *error)
{
    return is_there ? text_format(&to->line, error, ",%llu", (unsigned long long)value)
                    : text_add(&to->line, ",", 1, error);
}

spur_status exporter_add_bytes(exporter *to, const char *name, spur_error *error)
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
