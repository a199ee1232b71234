/*
 * report_picks.c - which images and classes a report shows.
 *
 * At most REPORT_PER_CLASS images of a class: both ends and the middle of its ranking, evenly
 * spaced ones for the strips of the first page, its first suspects, and images that a head
 * changed. The choice depends on the run and the seed only.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "report/report_data.h"

enum {
    NAMED_CLASSES = 6,
    RANDOM_CLASSES = 4,
    LEAST_IMAGES = 4 /* of a class in a strip */
};

spur_status report_pick_add(report_data *into, const report_pick *pick, spur_error *error)
{
    spur_status status = memory_grow(&into->picks, &into->pick_capacity, into->pick_count + 1,
                                     sizeof *into->picks, error);
    if (status == SPUR_OK) {
        into->picks[into->pick_count++] = *pick;
    }
    return status;
}

/* ---- classes ----------------------------------------------------------------------------- */

static bool is_chosen(const report_data *in, size_t class_index)
{
    for (size_t i = 0; i < in->telling_count; i++) {
        if (in->telling[i] == class_index) {
            return true;
        }
    }
    return false;
}

static bool can_show(const report_data *in, size_t class_index)
{
    const spur_class_rank *rank = in->classes[class_index].rank;
    return rank != NULL && rank->scored >= LEAST_IMAGES && !is_chosen(in, class_index);
}

static spur_status choose_by_name(report_data *into, spur_error *error)
{
    const spur_run *run = into->run;
    for (size_t i = 0; i < into->options->class_count; i++) {
        const char *wanted = into->options->classes[i];
        size_t found = run->class_count;
        for (size_t c = 0; c < run->class_count && found == run->class_count; c++) {
            bool is_label = strcmp(run->classes[c].label, wanted) == 0;
            bool is_name =
                run->classes[c].name != NULL && strcmp(run->classes[c].name, wanted) == 0;
            found = is_label || is_name ? c : found;
        }
        if (found == run->class_count) {
            return error_set(error, SPUR_USAGE, "class %s is not in the run; its first is %s",
                             wanted, run->classes[0].label);
        }
        if (can_show(into, found)) {
            into->telling[into->telling_count++] = found;
        }
    }
    return SPUR_OK;
}

/* The mean gap of the backbones' original heads; NaN when none is known. */
static double gap_of(const report_data *in, size_t class_index)
{
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < in->heads.backbone_count; i++) {
        double gap = report_gap(&in->heads.backbones[i].gaps[class_index]);
        sum += isfinite(gap) ? gap : 0.0;
        count += isfinite(gap);
    }
    return count == 0 ? (double)NAN : sum / (double)count;
}

/* How much a class's strip tells: by the gap between its clear and hidden images; without one,
 * or between equal ones, by how far apart their scores are. A class that the detector cannot
 * see comes last, whatever its numbers. */
static double weight_of(const report_data *in, size_t class_index)
{
    const spur_class_rank *rank = in->classes[class_index].rank;
    double gap = gap_of(in, class_index);
    double spread = (double)rank->quantile75 - (double)rank->quantile25;
    double weight = (isfinite(gap) ? 1e3 * gap : -1e4) + spread;
    return rank->is_invisible ? weight - 1e6 : weight;
}

static void choose_by_weight(report_data *into)
{
    while (into->telling_count < NAMED_CLASSES) {
        size_t best = into->run->class_count;
        for (size_t c = 0; c < into->run->class_count; c++) {
            if (can_show(into, c) && (best == into->run->class_count ||
                                      weight_of(into, c) > weight_of(into, best))) {
                best = c;
            }
        }
        if (best == into->run->class_count) {
            return;
        }
        into->telling[into->telling_count++] = best;
    }
}

/* The classes whose random words are the smallest: no draw depends on another. */
static void choose_at_random(report_data *into)
{
    random_key key = random_key_make(into->options->seed, "report classes");
    for (size_t i = 0; i < RANDOM_CLASSES; i++) {
        size_t best = into->run->class_count;
        double lowest = 2.0;
        for (size_t c = 0; c < into->run->class_count; c++) {
            double drawn = random_uniform(key, 0, c);
            if (can_show(into, c) && drawn < lowest) {
                best = c;
                lowest = drawn;
            }
        }
        if (best == into->run->class_count) {
            return;
        }
        into->telling[into->telling_count++] = best;
    }
}

spur_status report_choose_classes(report_data *into, spur_error *error)
{
    spur_status status;
    size_t most = into->options->class_count + NAMED_CLASSES + RANDOM_CLASSES;
    TRY(memory_new(most, sizeof *into->telling, &into->telling, error));
    TRY(choose_by_name(into, error));
    if (into->options->class_count == 0) {
        choose_by_weight(into);
    }
    into->named_count = into->telling_count;
    choose_at_random(into);
done:
    return status;
}

/* ---- images of the ranking --------------------------------------------------------------- */

static spur_status pick_rank(report_data *into, const ranking *from, const report_pick *like,
                             uint64_t rank, spur_error *error)
{
    report_pick pick = *like;
    size_t first = from->first[like->class_index];
    pick.split = into->main_index;
    pick.row = from->entries[first + rank - 1].row;
    pick.rank = rank;
    pick.images = from->first[like->class_index + 1] - first;
    return report_pick_add(into, &pick, error);
}

/* The lowest ranks, as many around the middle, and the highest, the clearest first. No image
 * stands twice: a small class is cut in three. */
static spur_status pick_gallery(report_data *into, const ranking *from, size_t class_index,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t count = from->first[class_index + 1] - from->first[class_index];
    uint64_t part = (count + 1) / 3;
    part = part < REPORT_PER_PART ? part : REPORT_PER_PART;
    uint64_t middle = count - 2 * part;
    middle = middle < REPORT_PER_PART ? middle : REPORT_PER_PART;
    uint64_t before = (count - middle) / 2;
    for (uint64_t i = 0; i < part; i++) {
        report_pick like = {.class_index = class_index, .role = REPORT_HIDDEN, .place = i};
        TRY(pick_rank(into, from, &like, i + 1, error));
    }
    for (uint64_t i = 0; i < middle; i++) {
        report_pick like = {.class_index = class_index, .role = REPORT_MID, .place = i};
        TRY(pick_rank(into, from, &like, before + i + 1, error));
    }
    for (uint64_t i = 0; i < part; i++) {
        report_pick like = {.class_index = class_index, .role = REPORT_CLEAR, .place = i};
        TRY(pick_rank(into, from, &like, count - i, error));
    }
done:
    return status;
}

static spur_status pick_strip(report_data *into, const ranking *from, size_t class_index,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t count = from->first[class_index + 1] - from->first[class_index];
    uint64_t shown = count < REPORT_STRIP ? count : REPORT_STRIP;
    for (uint64_t i = 0; i < shown; i++) {
        report_pick like = {.class_index = class_index, .role = REPORT_ALONG, .place = i};
        uint64_t rank = shown == 1 ? 1 : 1 + i * (count - 1) / (shown - 1);
        TRY(pick_rank(into, from, &like, rank, error));
    }
done:
    return status;
}

static void fill_histogram(const ranking *from, size_t class_index, report_class *into)
{
    size_t first = from->first[class_index], end = from->first[class_index + 1];
    if (first == end) {
        return;
    }
    into->lowest = from->entries[first].logit;
    into->highest = from->entries[end - 1].logit;
    double width = ((double)into->highest - (double)into->lowest) / REPORT_BINS;
    for (size_t i = first; i < end; i++) {
        double at =
            width > 0.0 ? ((double)from->entries[i].logit - (double)into->lowest) / width : 0.0;
        size_t bin = at < REPORT_BINS - 1 ? (size_t)at : REPORT_BINS - 1;
        into->bins[bin]++;
    }
}

/* Images of the run's smallest clear or hidden subset; without subsets a tenth. */
static uint64_t cut_size(const report_data *in, uint64_t count)
{
    for (size_t i = 0; i < in->subset_count; i++) {
        if (in->subsets[i].kind == SUBSET_CLEAR || in->subsets[i].kind == SUBSET_HIDDEN) {
            return subset_size(&in->subsets[i], count);
        }
    }
    return (count + 9) / 10;
}

static void find_cuts(const report_data *in, const ranking *from, size_t class_index,
                      report_class *into)
{
    size_t first = from->first[class_index];
    uint64_t count = from->first[class_index + 1] - first;
    uint64_t cut = cut_size(in, count);
    if (cut > 0 && 2 * cut <= count) {
        into->cut_images = cut;
        into->hidden_cut = from->entries[first + cut - 1].logit;
        into->clear_cut = from->entries[first + count - cut].logit;
    }
}

spur_status report_pick_ranked(report_data *into, spur_error *error)
{
    spur_status status;
    ranking order = {NULL, NULL, 0, 0, NULL, NULL};
    TRY(ranking_make(into->run, into->main->name, &order, error));
    for (size_t c = 0; c < into->run->class_count; c++) {
        TRY(pick_gallery(into, &order, c, error));
        fill_histogram(&order, c, &into->classes[c]);
        find_cuts(into, &order, c, &into->classes[c]);
    }
    for (size_t i = 0; i < into->telling_count; i++) {
        TRY(pick_strip(into, &order, into->telling[i], error));
    }
done:
    ranking_free(&order);
    return status;
}

/* ---- the images behind the picks --------------------------------------------------------- */

static int compare_picks(const void *a, const void *b)
{
    const report_pick *left = a, *right = b;
    if (left->class_index != right->class_index) {
        return left->class_index < right->class_index ? -1 : 1;
    }
    if (left->role != right->role) {
        return left->role < right->role ? -1 : 1;
    }
    return (left->place > right->place) - (left->place < right->place);
}

static int compare_images(const void *a, const void *b)
{
    const report_image *left = a, *right = b;
    if (left->split != right->split) {
        return left->split < right->split ? -1 : 1;
    }
    return (left->row > right->row) - (left->row < right->row);
}

static void find_roles(report_data *into)
{
    size_t at = 0;
    for (size_t c = 0; c < into->run->class_count; c++) {
        report_class *class = &into->classes[c];
        for (size_t role = 0; role < REPORT_ROLE_COUNT; role++) {
            class->first_pick[role] = at;
            while (at < into->pick_count && into->picks[at].class_index == c &&
                   into->picks[at].role == (report_role)role) {
                at++;
            }
        }
        class->first_pick[REPORT_ROLE_COUNT] = at;
    }
}

/* An image keeps the rank of a pick that knows it. */
static void drop_doubles(report_data *into)
{
    size_t kept = 0;
    for (size_t i = 0; i < into->image_count; i++) {
        if (kept > 0 && compare_images(&into->images[kept - 1], &into->images[i]) == 0) {
            if (into->images[kept - 1].rank == 0) {
                into->images[kept - 1].rank = into->images[i].rank;
                into->images[kept - 1].images = into->images[i].images;
            }
        } else {
            into->images[kept++] = into->images[i];
        }
    }
    into->image_count = kept;
}

spur_status report_pick_images(report_data *into, spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(into->pick_count, sizeof *into->images, &into->images, error));
    if (into->pick_count == 0) {
        goto done;
    }
    qsort(into->picks, into->pick_count, sizeof *into->picks, compare_picks);
    for (size_t i = 0; i < into->pick_count; i++) {
        const report_pick *pick = &into->picks[i];
        into->images[i] = (report_image){.split = pick->split,
                                         .row = pick->row,
                                         .class_index = pick->class_index,
                                         .rank = pick->rank,
                                         .images = pick->images};
    }
    into->image_count = into->pick_count;
    qsort(into->images, into->image_count, sizeof *into->images, compare_images);
    drop_doubles(into);
    for (size_t i = 0; i < into->pick_count; i++) {
        report_image key = {.split = into->picks[i].split, .row = into->picks[i].row};
        const report_image *found = bsearch(&key, into->images, into->image_count,
                                            sizeof *into->images, compare_images);
        into->picks[i].image = (size_t)(found - into->images);
    }
    find_roles(into);
done:
    return status;
}
