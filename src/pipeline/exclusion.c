/*
 * exclusion.c - exclusion lists: every entry is looked up among all images of the run, so that
 * a misspelt one is noticed.
 */
#include "pipeline/exclusion.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/text.h"
#include "io/lines.h"
#include "pipeline/name_index.h"

enum {
    SHOWN_LIMIT = 20,
    ID_HEX_SIZE = 2 * STORE_ID_SIZE + 1
};

typedef struct search {
    text_lines lines;
    name_index index;
    unsigned char *is_known; /* [lines] */
    bool is_wanted;          /* the split being read is the one asked for */
    exclusion *into;
    text_buffer ids; /* of the images left out */
} search;

static bool look_up(search *in, const char *name)
{
    size_t at = name_index_find(&in->index, name);
    if (at == SIZE_MAX) {
        return false;
    }
    in->is_known[at] = 1;
    return true;
}

static spur_status try_row(void *context, const store_row *row, spur_error *error)
{
    search *in = context;
    char id[ID_HEX_SIZE];
    digest_hex(row->image_id, STORE_ID_SIZE, id);
    bool has_name = look_up(in, row->file_name);
    bool has_id = look_up(in, id);
    if (!in->is_wanted || (!has_name && !has_id)) {
        return SPUR_OK;
    }
    in->into->is_out[row->row] = 1;
    in->into->count++;
    return text_add(&in->ids, (const char *)row->image_id, STORE_ID_SIZE, error);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, STORE_ID_SIZE);
}

/* In the order of the ids: neither the list's order nor the files' matters. */
static spur_status hash_ids(search *in, spur_error *error)
{
    spur_status status = SPUR_OK;
    unsigned char sum[DIGEST_SIZE];
    if (in->into->count > 0) {
        qsort(in->ids.data, in->into->count, STORE_ID_SIZE, compare_ids);
        TRY(digest_of(in->ids.data, in->ids.length, sum, error));
        digest_hex(sum, sizeof sum, in->into->digest);
    }
done:
    return status;
}

static spur_status tell(const spur_monitor *monitor, const char *file, const text_line *line,
                        spur_error *error)
{
    spur_status status;
    text_buffer message = {NULL, 0, 0};
    TRY(text_format(&message, error, "%s: line %zu: no image of the run is '%s'", file,
                    line->number, line->text));
    monitor_warn(monitor, message.data);
done:
    text_buffer_free(&message);
    return status;
}

static spur_status tell_unknown(search *in, const char *file, const spur_monitor *monitor,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    bool has_log = monitor_has_log(monitor);
    for (size_t i = 0; i < in->lines.count; i++) {
        const text_line *line = &in->lines.lines[i];
        if (in->is_known[name_index_find(&in->index, line->text)]) {
            continue;
        }
        if (has_log && in->into->unknown < SHOWN_LIMIT) {
            TRY(tell(monitor, file, line, error));
        }
        in->into->unknown++;
    }
done:
    return status;
}

static spur_status load(search *in, const char *file, spur_error *error)
{
    spur_status status = lines_load(file, SPUR_DATASET, &in->lines, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", file);
        return status;
    }
    TRY(memory_new_zeroed(in->lines.count, 1, &in->is_known, error));
    for (size_t i = 0; i < in->lines.count; i++) {
        TRY(name_index_add(&in->index, in->lines.lines[i].text, i, error));
    }
    name_index_sort(&in->index);
done:
    return status;
}

spur_status exclusion_make(spur_run *run, const store_split *split, const char *file,
                           const spur_monitor *monitor, exclusion *out, spur_error *error)
{
    spur_status status;
    exclusion made = {NULL, 0, 0, ""};
    search in = {.into = &made};
    TRY(memory_new_zeroed((size_t)split->images, 1, &made.is_out, error));
    if (file != NULL) {
        TRY(load(&in, file, error));
        for (size_t i = 0; i < run->split_count; i++) {
            in.is_wanted = &run->splits[i] == split;
            TRY(store_each_row(run->db, run->splits[i].name, try_row, &in, error));
        }
        TRY(hash_ids(&in, error));
        TRY(tell_unknown(&in, file, monitor, error));
    }
    *out = made;
    made.is_out = NULL;
done:
    lines_free(&in.lines);
    name_index_free(&in.index);
    memory_free(in.is_known);
    text_buffer_free(&in.ids);
    exclusion_free(&made);
    return status;
}

void exclusion_free(exclusion *block)
{
    memory_free(block->is_out);
    block->is_out = NULL;
}
