/*
 * select_summary.c - definitions in words, counts per subset and class.
 */
#include "pipeline/select_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static spur_status keep_text(select_summary *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status fill_classes(const spur_run *run, const subset_pool *pool,
                                const ranking *order, select_summary *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t c = 0; c < run->class_count; c++) {
        spur_subset_class *one = &into->shown.classes[c];
        TRY(keep_text(into, run->classes[c].label, &one->label, error));
        TRY(keep_text(into, run->classes[c].name, &one->name, error));
        one->available = pool->first[c + 1] - pool->first[c];
        one->excluded = order->first[c + 1] - order->first[c] - one->available;
        into->shown.available += one->available;
        into->shown.excluded += one->excluded;
    }
done:
    return status;
}

static uint64_t count_pending(const spur_run *run, const store_split *split,
                              const ranking *order)
{
    uint64_t seen = order->count;
    for (size_t c = 0; c < run->class_count; c++) {
        seen += order->failed[c];
    }
    return split->images - seen;
}

spur_status select_summary_new(const spur_run *run, const store_split *split,
                               const subset_pool *pool, const ranking *order, size_t capacity,
                               select_summary **out, spur_error *error)
{
    spur_status status;
    select_summary *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    TRY(arena_take(made->texts, run->class_count, sizeof *made->shown.classes,
                   &made->shown.classes, error));
    TRY(arena_take(made->texts, capacity, sizeof *made->shown.subsets, &made->shown.subsets,
                   error));
    TRY(keep_text(made, split->name, &made->shown.split, error));
    TRY(fill_classes(run, pool, order, made, error));
    made->shown.class_count = run->class_count;
    made->shown.pending = count_pending(run, split, order);
    *out = made;
    made = NULL;
done:
    select_summary_free(made);
    return status;
}

static void print_amount(const subset_key *key, char *dst, size_t capacity)
{
    if (key->is_fraction) {
        (void)snprintf(dst, capacity, "%.6g %% of the images",
                       (double)key->amount * 100.0 / SUBSET_PARTS);
    } else {
        (void)snprintf(dst, capacity, "%" PRIu64 " image%s", key->amount,
                       key->amount == 1 ? "" : "s");
    }
}

static void define(const subset_key *key, char *dst, size_t capacity)
{
    static const char *const places[] = {[SUBSET_CLEAR] = "with the highest scores",
                                         [SUBSET_MID] = "in the middle of the order by score",
                                         [SUBSET_HIDDEN] = "with the lowest scores"};
    char amount[64];
    print_amount(key, amount, sizeof amount);
    if (key->kind == SUBSET_RANDOM) {
        (void)snprintf(dst, capacity, "of each class %s at random, seed %" PRIu64, amount,
                       key->seed);
    } else {
        (void)snprintf(dst, capacity, "of each class the %s %s", amount, places[key->kind]);
    }
}

spur_status select_summary_add(select_summary *into, const subset_key *key, spur_naming naming,
                               spur_subset **out, uint64_t **class_images, spur_error *error)
{
    spur_status status;
    char text[256];
    spur_subset *one = &into->shown.subsets[into->shown.subset_count];
    uint64_t *counts = NULL;
    memset(one, 0, sizeof *one);
    subset_key_text(key, SPUR_NAMING_CONTENT, text);
    TRY(keep_text(into, text, &one->name, error));
    subset_key_text(key, naming, text);
    TRY(keep_text(into, text, &one->shown, error));
    define(key, text, sizeof text);
    TRY(keep_text(into, text, &one->definition, error));
    TRY(arena_take(into->texts, into->shown.class_count, sizeof *counts, &counts, error));
    one->class_images = counts;
    into->shown.subset_count++;
    *out = one;
    *class_images = counts;
done:
    return status;
}

void select_summary_count(const select_summary *from, const subset_key *key, spur_subset *into)
{
    for (size_t c = 0; c < from->shown.class_count; c++) {
        uint64_t available = from->shown.classes[c].available;
        uint64_t taken = into->class_images[c];
        if (available == 0) {
            continue;
        }
        into->smallest = into->images == 0 || taken < into->smallest ? taken : into->smallest;
        into->largest = taken > into->largest ? taken : into->largest;
        into->images += taken;
        uint64_t wanted = key->is_fraction ? taken : key->amount;
        into->short_classes += available < wanted;
        into->overlap_classes += available < 2 * wanted;
    }
}

void select_summary_free(select_summary *block)
{
    if (block != NULL) {
        arena_free(block->texts);
        memory_free(block);
    }
}

void spur_select_summary_free(spur_select_summary *summary)
{
    select_summary_free((select_summary *)(void *)summary);
}
