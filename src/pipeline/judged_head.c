/*
 * judged_head.c - head files of a run, their outputs against its classes, rows of logits.
 *
 * What a model calls its outputs is the note "class_names" of original.safetensors, a JSON
 * list; without it only as many outputs as classes can be matched, by position.
 */
#include "pipeline/judged_head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/folder.h"
#include "models/head_names.h"
#include "pipeline/class_map.h"
#include "pipeline/tally.h"

enum {
    TOP = 5
};

static const char ending[] = ".safetensors";

/* ---- which heads there are --------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const head_entry *left = a;
    const head_entry *right = b;
    int left_own = strcmp(left->name, HEAD_ORIGINAL) == 0;
    int right_own = strcmp(right->name, HEAD_ORIGINAL) == 0;
    return left_own != right_own ? right_own - left_own : strcmp(left->name, right->name);
}

static spur_status add_entry(head_list *into, const char *folder, const char *name,
                             spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t length = strlen(name), tail = sizeof ending - 1;
    char *path = NULL, *stem = NULL, *kept = NULL;
    if (length <= tail || strcmp(name + length - tail, ending) != 0 || name[0] == '.') {
        return SPUR_OK;
    }
    TRY(file_join(folder, name, &path, error));
    if (file_kind_of(path) == FILE_REGULAR) {
        TRY(arena_text(into->texts, name, length - tail, &stem, error));
        TRY(arena_text(into->texts, path, strlen(path), &kept, error));
        into->heads[into->count++] = (head_entry){stem, kept};
    }
done:
    memory_free(path);
    return status;
}

spur_status head_list_make(const spur_run *run, const char *backbone, head_list *out,
                           spur_error *error)
{
    spur_status status;
    text_buffer folder = {NULL, 0, 0};
    folder_list files = {NULL, 0};
    head_list made = {NULL, 0, NULL};
    TRY(arena_new(&made.texts, error));
    TRY(text_format(&folder, error, "%s/heads/%s", run->folder, backbone));
    if (file_kind_of(folder.data) == FILE_FOLDER) {
        TRY(folder_read(folder.data, SPUR_DATASET, &files, error));
    }
    TRY(memory_new(files.count, sizeof *made.heads, &made.heads, error));
    for (size_t i = 0; i < files.count; i++) {
        TRY(add_entry(&made, folder.data, files.names[i], error));
    }
    if (made.count > 1) {
        qsort(made.heads, made.count, sizeof *made.heads, compare_entries);
    }
    *out = made;
    made = (head_list){NULL, 0, NULL};
done:
    head_list_free(&made);
    folder_free(&files);
    text_buffer_free(&folder);
    return status;
}

void head_list_free(head_list *block)
{
    if (block != NULL) {
        memory_free(block->heads);
        arena_free(block->texts);
        *block = (head_list){NULL, 0, NULL};
    }
}

/* ---- what the outputs mean ----------------------------------------------------------------
 */

void judged_head_close(judged_head *block)
{
    if (block != NULL) {
        head_file_close(block->file);
        memory_free(block->class_of);
        memory_free(block->output_of);
        memory_free(block->absent);
        memset(block, 0, sizeof *block);
    }
}

static spur_status map_original(const spur_run *run, const judged_head *of, class_map *out,
                                spur_error *error)
{
    spur_status status;
    arena *texts = NULL;
    const char *const *names = NULL;
    class_map made = {NULL, NULL};
    TRY(arena_new(&texts, error));
    TRY(head_names_read(of->file, texts, &names, error));
    TRY(class_map_make(run->classes, run->class_count, names, of->own->classes, texts, &made,
                       error));
    if (made.outputs == NULL) {
        FAIL(SPUR_DATASET, "%s", made.how);
    }
    *out = made;
done:
    arena_free(texts);
    return status;
}

static spur_status make_maps(const spur_run *run, const class_map *map, judged_head *into,
                             spur_error *error)
{
    spur_status status;
    size_t outputs = into->own->classes;
    into->class_count = run->class_count;
    TRY(memory_new(outputs, sizeof *into->class_of, &into->class_of, error));
    TRY(memory_new(run->class_count, sizeof *into->output_of, &into->output_of, error));
    TRY(memory_new(outputs, sizeof *into->absent, &into->absent, error));
    for (size_t k = 0; k < outputs; k++) {
        into->class_of[k] = UINT32_MAX;
        into->absent[k] = into->own->bias[k] <= TALLY_ABSENT_BIAS ? 1 : 0;
    }
    for (size_t c = 0; c < run->class_count; c++) {
        size_t output = map->outputs == NULL ? c : map->outputs[c];
        into->output_of[c] = (uint32_t)output;
        into->class_of[output] = (uint32_t)c;
    }
done:
    return status;
}

spur_status judged_head_open(const spur_run *run, const store_backbone *backbone,
                             const head_entry *entry, judged_head *out, spur_error *error)
{
    spur_status status;
    judged_head made;
    class_map map = {NULL, NULL};
    memset(&made, 0, sizeof made);
    bool is_original = strcmp(entry->name, HEAD_ORIGINAL) == 0;
    TRY(head_file_open(entry->path, &made.file, error));
    made.own = head_file_head(made.file);
    TRY(head_file_check(made.file, is_original ? made.own->classes : run->class_count,
                        backbone->features, backbone->digest, error));
    if (is_original) {
        TRY(map_original(run, &made, &map, error));
    }
    TRY(make_maps(run, &map, &made, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    memory_free(map.outputs);
    judged_head_close(&made);
    return status;
}

/* ---- one row ----------------------------------------------------------------------------- */

/* Distance of the largest logit to the next; 0 without a next one. */
static float margin_of(const judged_head *with, const float *logits, size_t best)
{
    float second = -HUGE_VALF;
    for (size_t k = 0; k < with->own->classes; k++) {
        if (k != best && with->absent[k] == 0 && logits[k] > second) {
            second = logits[k];
        }
    }
    float margin = logits[best] - second;
    return isfinite(margin) ? margin : 0.0F;
}

/* How many outputs stand before the wanted one. */
static size_t place_of(const float *logits, size_t count, size_t wanted)
{
    size_t before = 0;
    for (size_t k = 0; k < count; k++) {
        before += logits[k] > logits[wanted] || (k < wanted && logits[k] == logits[wanted]);
    }
    return before;
}

judgement judge_logits(const judged_head *with, const float *logits, uint32_t wanted)
{
    size_t outputs = with->own->classes, target = with->output_of[wanted];
    size_t best = tally_best(logits, outputs);
    judgement out = {UINT32_MAX, 0.0F, PREDICTION_VALID};
    if (with->absent[target] == 0) {
        out.flags |= PREDICTION_KNOWN;
    }
    if (!isfinite(logits[best]) || with->absent[best] != 0) {
        return out;
    }
    out.predicted = with->class_of[best];
    out.margin = margin_of(with, logits, best);
    if (best == target) {
        out.flags |= PREDICTION_CORRECT;
    }
    if ((out.flags & PREDICTION_KNOWN) != 0 && isfinite(logits[target]) &&
        place_of(logits, outputs, target) < TOP) {
        out.flags |= PREDICTION_TOP5;
    }
    return out;
}
