/*
 * rank.c - rankings, their quantiles and ties, and classes the detector cannot see.
 */
#include "pipeline/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/statistics.h"
#include "io/store_digest.h"

#define INVISIBLE_BELOW 0.6

/* ---- one split ----------------------------------------------------------------------- */

void ranking_free(ranking *block)
{
    if (block != NULL) {
        arena_free(block->texts);
        memory_free(block->entries);
        memory_free(block->first);
        memory_free(block->failed);
        memset(block, 0, sizeof *block);
    }
}

static spur_status take_row(void *context, const store_row *row, spur_error *error)
{
    spur_status status;
    ranking *into = context;
    char *name = NULL;
    if (row->reason != NULL) {
        into->failed[row->class_index]++;
        return SPUR_OK;
    }
    TRY(arena_text(into->texts, row->file_name, strlen(row->file_name), &name, error));
    TRY(memory_grow(&into->entries, &into->capacity, into->count + 1, sizeof *into->entries,
                    error));
    rank_entry *entry = &into->entries[into->count++];
    *entry = (rank_entry){name, row->row, row->class_index, row->logit, {0}};
    memcpy(entry->image_id, row->image_id, sizeof entry->image_id);
    into->first[row->class_index + 1]++;
done:
    return status;
}

static int compare_entries(const void *a, const void *b)
{
    const rank_entry *left = a;
    const rank_entry *right = b;
    if (left->class_index != right->class_index) {
        return left->class_index < right->class_index ? -1 : 1;
    }
    if (left->logit < right->logit || left->logit > right->logit) {
        return left->logit < right->logit ? -1 : 1;
    }
    int order = strcmp(left->file_name, right->file_name);
    return order != 0 ? order : (left->row > right->row) - (left->row < right->row);
}

spur_status ranking_make(spur_run *run, const char *split, ranking *out, spur_error *error)
{
    spur_status status;
    ranking made = {NULL, NULL, 0, 0, NULL, NULL};
    TRY(arena_new(&made.texts, error));
    TRY(memory_new_zeroed(run->class_count + 1, sizeof *made.first, &made.first, error));
    TRY(memory_new_zeroed(run->class_count, sizeof *made.failed, &made.failed, error));
    TRY(store_each_row(run->db, split, take_row, &made, error));
    for (size_t i = 0; i < run->class_count; i++) {
        made.first[i + 1] += made.first[i];
    }
    if (made.count > 1) {
        qsort(made.entries, made.count, sizeof *made.entries, compare_entries);
    }
    *out = made;
    memset(&made, 0, sizeof made);
done:
    ranking_free(&made);
    return status;
}

typedef struct ranking_hash {
    digest *into;
    text_buffer bytes;
} ranking_hash;

static spur_status hash_row(void *context, const store_row *row, spur_error *error)
{
    spur_status status;
    ranking_hash *to = context;
    uint32_t bits;
    if (row->reason != NULL) {
        return SPUR_OK;
    }
    memcpy(&bits, &row->logit, sizeof bits);
    to->bytes.length = 0;
    TRY(digest_u64(&to->bytes, row->row, error));
    TRY(text_add(&to->bytes, (const char *)row->image_id, STORE_ID_SIZE, error));
    TRY(digest_u64(&to->bytes, row->class_index, error));
    TRY(digest_u64(&to->bytes, bits, error));
    TRY(digest_add(to->into, to->bytes.data, to->bytes.length, error));
done:
    return status;
}

static spur_status hash_split(spur_run *run, const store_split *split,
                              unsigned char out[DIGEST_SIZE], spur_error *error)
{
    spur_status status;
    ranking_hash to = {NULL, {NULL, 0, 0}};
    TRY(digest_new(&to.into, error));
    TRY(digest_text(&to.bytes, split->name, error));
    TRY(digest_u64(&to.bytes, run->class_count, error));
    TRY(digest_add(to.into, to.bytes.data, to.bytes.length, error));
    TRY(store_each_row(run->db, split->name, hash_row, &to, error));
    TRY(digest_finish(to.into, out, error));
done:
    digest_free(to.into);
    text_buffer_free(&to.bytes);
    return status;
}

spur_status ranking_digest(spur_run *run, const store_split *split,
                           unsigned char out[DIGEST_SIZE], spur_error *error)
{
    spur_status status = SPUR_OK;
    if (run->hashed != split) {
        run->hashed = NULL;
        TRY(hash_split(run, split, run->ranking_digest, error));
        run->hashed = split;
    }
    memcpy(out, run->ranking_digest, DIGEST_SIZE);
done:
    return status;
}

/* ---- one class ----------------------------------------------------------------------- */

/* Images that share their logit with another of the class. */
static uint64_t count_ties(const rank_entry *entries, size_t count)
{
    uint64_t ties = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_tie = (i > 0 && entries[i - 1].logit == entries[i].logit) ||
                      (i + 1 < count && entries[i + 1].logit == entries[i].logit);
        ties += is_tie;
    }
    return ties;
}

static void fill_quantiles(const float *sorted, size_t count, spur_class_rank *into)
{
    into->lowest = (float)statistics_quantile(sorted, count, 0.0);
    into->quantile25 = (float)statistics_quantile(sorted, count, 0.25);
    into->median = (float)statistics_quantile(sorted, count, 0.5);
    into->quantile75 = (float)statistics_quantile(sorted, count, 0.75);
    into->highest = (float)statistics_quantile(sorted, count, 1.0);
}

static spur_status fill_area(spur_run *run, const char *split, size_t class_index,
                             spur_class_rank *into, spur_error *error)
{
    spur_status status;
    uint64_t *own = NULL;
    uint64_t *other = NULL;
    TRY(memory_new(STORE_BINS, sizeof *own, &own, error));
    TRY(memory_new(STORE_BINS, sizeof *other, &other, error));
    TRY(store_get_histogram(run->db, split, class_index, own, other, error));
    statistics_auc auc = statistics_auc_make(own, other, STORE_BINS);
    into->auc = auc.area;
    into->auc_low = isnan(auc.area) ? auc.area : statistics_auc_low(auc);
    into->is_invisible = into->auc_low < INVISIBLE_BELOW;
done:
    memory_free(own);
    memory_free(other);
    return status;
}

/* The public part first: its address is the whole block's. */
typedef struct summary_block {
    spur_rank_summary shown;
    arena *texts;
} summary_block;

static spur_status keep_text(summary_block *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status fill_class(spur_run *run, const char *split, const ranking *from,
                              size_t class_index, summary_block *into, spur_class_rank *out,
                              spur_error *error)
{
    spur_status status;
    const rank_entry *entries = from->entries + from->first[class_index];
    size_t count = from->first[class_index + 1] - from->first[class_index];
    float *sorted = NULL;
    TRY(memory_new(count, sizeof *sorted, &sorted, error));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = entries[i].logit;
    }
    out->scored = count;
    out->failed = from->failed[class_index];
    out->images = out->scored + out->failed;
    out->ties = count_ties(entries, count);
    fill_quantiles(sorted, count, out);
    TRY(fill_area(run, split, class_index, out, error));
    TRY(keep_text(into, split, &out->split, error));
    TRY(keep_text(into, run->classes[class_index].label, &out->label, error));
    TRY(keep_text(into, run->classes[class_index].name, &out->name, error));
    TRY(keep_text(into, count == 0 ? NULL : entries[0].file_name, &out->most_hidden, error));
    TRY(keep_text(into, count == 0 ? NULL : entries[count - 1].file_name, &out->clearest,
                  error));
done:
    memory_free(sorted);
    return status;
}

static void add_to_sums(const spur_class_rank *from, spur_rank_summary *into)
{
    into->scored += from->scored;
    into->failed += from->failed;
    into->ties += from->ties;
    into->invisible += from->is_invisible;
}

/* Classes with images of one split, behind those of the splits before. */
static spur_status rank_split(spur_run *run, const store_split *part, summary_block *into,
                              spur_error *error)
{
    const char *split = part->name;
    spur_status status;
    ranking order = {NULL, NULL, 0, 0, NULL, NULL};
    store_counts counts;
    TRY(ranking_make(run, split, &order, error));
    for (size_t i = 0; i < run->class_count; i++) {
        if (order.first[i + 1] == order.first[i] && order.failed[i] == 0) {
            continue;
        }
        spur_class_rank *out = &into->shown.classes[into->shown.class_count];
        memset(out, 0, sizeof *out);
        TRY(fill_class(run, split, &order, i, into, out, error));
        add_to_sums(out, &into->shown);
        into->shown.class_count++;
    }
    TRY(store_count(run->db, split, &counts, error));
    into->shown.duplicates += counts.duplicates;
    into->shown.pending += part->images - counts.scored - counts.failed;
done:
    ranking_free(&order);
    return status;
}

spur_status spur_rank(spur_run *run, spur_rank_summary **out, spur_error *error)
{
    spur_status status;
    summary_block *made = NULL;
    size_t size;
    if (!size_mul(run->split_count, run->class_count, &size)) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    TRY(arena_take(made->texts, size, sizeof *made->shown.classes, &made->shown.classes,
                   error));
    for (size_t i = 0; i < run->split_count; i++) {
        TRY(rank_split(run, &run->splits[i], made, error));
    }
    *out = &made->shown;
    made = NULL;
done:
    spur_rank_summary_free(made == NULL ? NULL : &made->shown);
    return status;
}

void spur_rank_summary_free(spur_rank_summary *summary)
{
    if (summary != NULL) {
        summary_block *block = (summary_block *)(void *)summary;
        arena_free(block->texts);
        memory_free(block);
    }
}
