/*
 * control_claims.c - sentences made of the numbers; no number is made here.
 */
#include "pipeline/control_claims.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "pipeline/agreement.h"

enum {
    MOST_NAMES = 5, /* classes named in a sentence */
    MOST_MOVED = 3  /* images */
};

#define SURVIVES 0.05
#define NAME(set) (set)->split, (set)->backbone, (set)->head

static double points(double share)
{
    return 100.0 * share;
}

static const char *name_of(const spur_run *run, size_t class_index)
{
    const store_class *class = &run->classes[class_index];
    return class->name != NULL ? class->name : class->label;
}

/* ---- one head ---------------------------------------------------------------------------- */

/* "; within equal box area 6.3 points remain, within equal image size 9.0" */
static spur_status add_within(const control_group *group, const control_story *story,
                              text_buffer *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    bool is_first = true;
    for (size_t j = 0; j < group->number_count; j++) {
        if (!isnan(story->within[j])) {
            TRY(text_format(into, error, "%s equal %s %.1f%s", is_first ? "; within" : ",",
                            group->numbers[j].shown, points(story->within[j]),
                            is_first ? " points remain" : ""));
            is_first = false;
        }
    }
done:
    return status;
}

/* " (gap@100, 95 % 8.1 to 14.0)", of a gap told without its sign; the interval is that of all
 * classes. */
static spur_status add_interval(const control_group *group, const control_story *story,
                                text_buffer *into, spur_error *error)
{
    spur_status status;
    bool is_known = !isnan(story->low) && !isnan(story->high) && group->of->invisible == 0;
    bool is_less = story->null.all.gap < 0;
    TRY(text_format(into, error, " (gap@%s", story->k));
    TRY(is_known ? text_format(into, error, ", 95 %% %.1f to %.1f",
                               points(is_less ? -story->high : story->low),
                               points(is_less ? -story->low : story->high))
                 : SPUR_OK);
    TRY(text_add(into, ")", 1, error));
done:
    return status;
}

spur_status claim_gap(const control_group *group, size_t of_head, const control_story *story,
                      size_t permutations, result_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    const prediction_name *name = &group->names[of_head];
    const permutation_gap *gap =
        group->of->invisible > 0 ? &story->null.counted : &story->null.all;
    text_buffer text = {NULL, 0, 0};
    if (isnan(gap->gap)) {
        return SPUR_OK;
    }
    bool is_there = gap->p < SURVIVES;
    unsigned long long reached =
        (unsigned long long)(gap->p * (1 + (double)permutations) + 0.5);
    TRY(text_format(&text, error,
                    "%s, %s, %s: clear images are %.1f points %s often right "
                    "than hidden ones",
                    NAME(name), fabs(points(gap->gap)), gap->gap < 0 ? "less" : "more"));
    TRY(add_interval(group, story, &text, error));
    TRY(text_format(&text, error, "%s shuffled rankings reach this in %llu of %llu (p = %.2g)",
                    is_there ? ";" : ": no more than chance,", reached,
                    (unsigned long long)permutations + 1, gap->p));
    TRY(is_there ? add_within(group, story, &text, error) : SPUR_OK);
    TRY(result_find(into, error, is_there ? "null-survives" : "null-fails", "%s", text.data));
done:
    text_buffer_free(&text);
    return status;
}

spur_status claim_given(const control_group *group, size_t of_head, const control_story *story,
                        result_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    const prediction_name *name = &group->names[of_head];
    const confound_correlation *plain = &story->plain, *given = &story->given;
    text_buffer text = {NULL, 0, 0};
    if (isnan(plain->value) || isnan(given->value) || given->given == 0) {
        return SPUR_OK;
    }
    for (size_t j = 0; j < group->number_count; j++) {
        bool is_last = j + 1 == group->number_count;
        TRY(text_format(&text, error, "%s%s",
                        j == 0    ? ""
                        : is_last ? " and "
                                  : ", ",
                        group->numbers[j].shown));
    }
    TRY(result_find(into, error,
                    given->low <= 0 && given->high >= 0 ? "given-fails" : "given-survives",
                    "%s, %s, %s: in class, rank and being right correlate with %.2f (95 %% "
                    "%.2f to %.2f); given %s, %.2f remains (%.2f to %.2f)",
                    NAME(name), plain->value, plain->low, plain->high, text.data, given->value,
                    given->low, given->high));
done:
    text_buffer_free(&text);
    return status;
}

/* ---- classes of a head, other heads --------------------------------------------------------
 */

spur_status claim_classes(const spur_run *run, const control_group *group, size_t of_head,
                          const permutation_result *null, result_list *into, spur_error *error)
{
    const prediction_name *name = &group->names[of_head];
    size_t tested = 0, kept = 0, best = SIZE_MAX;
    assert(group->head_count > 0);
    for (size_t c = 0; c < run->class_count; c++) {
        size_t at = c * group->head_count + of_head;
        if (isnan(null->holm[at]) || group->of->is_visible[c] == 0) {
            continue;
        }
        tested++;
        if (null->holm[at] < SURVIVES) {
            kept++;
            if (best == SIZE_MAX ||
                fabs(null->classes[at].gap) > fabs(null->classes[best].gap)) {
                best = at;
            }
        }
    }
    if (tested == 0) {
        return SPUR_OK;
    }
    if (kept == 0) {
        return result_find(into, error, "classes",
                           "%s, %s, %s: in none of %zu classes alone is the gap beyond chance "
                           "(Holm, 5 %%)",
                           NAME(name), tested);
    }
    return result_find(
        into, error, "classes",
        "%s, %s, %s: in %zu of %zu classes the gap alone is beyond chance (Holm, "
        "5 %%); the largest is %s, %.1f points",
        NAME(name), kept, tested, name_of(run, best / group->head_count),
        points(null->classes[best].gap));
}

spur_status claim_others(const control_group *group, size_t except, const char *k,
                         const permutation_result *null, result_list *into, spur_error *error)
{
    size_t tested = 0, kept = 0;
    for (size_t h = 0; h < group->head_count; h++) {
        const permutation_gap *gap =
            group->of->invisible > 0 ? &null->heads[h].counted : &null->heads[h].all;
        if (h != except && !isnan(gap->gap)) {
            tested++;
            kept += gap->p < SURVIVES ? 1 : 0;
        }
    }
    if (tested == 0) {
        return SPUR_OK;
    }
    return result_find(into, error, "heads",
                       "%s, %s: gap@%s is beyond chance (p < 5 %%, each head alone) for %zu of "
                       "%zu other heads",
                       group->names[0].split, group->names[0].backbone, k, kept, tested);
}

/* ---- the model's own ranking ------------------------------------------------------------- */

typedef struct moved_image {
    size_t image; /* of the group */
    uint32_t by_detector, by_model, images;
} moved_image;

static double shift_of(const moved_image *of)
{
    double images = of->images == 0 ? 1 : (double)of->images;
    return fabs((double)of->by_detector - (double)of->by_model) / images;
}

/* Keeps `best` in falling order of the shift, of equals the earlier image first. */
static void keep_moved(const moved_image *image, moved_image best[MOST_MOVED])
{
    size_t at = MOST_MOVED;
    while (at > 0 && (best[at - 1].images == 0 || shift_of(&best[at - 1]) < shift_of(image))) {
        at--;
    }
    if (at < MOST_MOVED) {
        memmove(best + at + 1, best + at, (MOST_MOVED - 1 - at) * sizeof *best);
        best[at] = *image;
    }
}

/* values [2, images of the class]: logit and -loss of images that have both. */
static spur_status look_for_moved(const control_group *group, size_t class_index,
                                  const double *loss, moved_image best[MOST_MOVED],
                                  spur_error *error)
{
    spur_status status;
    size_t size = group->first[class_index + 1] - group->first[class_index], count = 0;
    double *values = NULL;
    uint32_t *places = NULL;
    size_t *images = NULL;
    TRY(memory_new(2 * size, sizeof *values, &values, error));
    TRY(memory_new(2 * size, sizeof *places, &places, error));
    TRY(memory_new(size, sizeof *images, &images, error));
    for (size_t i = group->first[class_index]; i < group->first[class_index + 1]; i++) {
        if (isfinite(loss[group->row[i]])) {
            values[count] = (double)group->of->rows.logit[group->row[i]];
            values[size + count] = -loss[group->row[i]];
            images[count++] = i;
        }
    }
    TRY(agreement_places(values, count, places, error));
    TRY(agreement_places(values + size, count, places + size, error));
    for (size_t i = 0; i < count; i++) {
        const moved_image moved = {images[i], places[i], places[size + i], (uint32_t)count};
        keep_moved(&moved, best);
    }
done:
    memory_free(values);
    memory_free(places);
    memory_free(images);
    return status;
}

spur_status claim_moved(const spur_run *run, const control_group *group, const double *loss,
                        result_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    const prediction_name *name = &group->names[group->original];
    moved_image best[MOST_MOVED] = {{0, 0, 0, 0}};
    text_buffer text = {NULL, 0, 0};
    for (size_t c = 0; c < run->class_count; c++) {
        TRY(group->of->is_visible[c] != 0 ? look_for_moved(group, c, loss, best, error)
                                          : SPUR_OK);
    }
    for (size_t i = 0; i < MOST_MOVED && best[i].images > 0; i++) {
        TRY(text_format(&text, error, "%s%.120s (%u and %u of %u)", i == 0 ? "" : ", ",
                        group->of->rows.file_name[group->row[best[i].image]],
                        best[i].by_detector, best[i].by_model, best[i].images));
    }
    TRY(text.length == 0
            ? SPUR_OK
            : result_find(
                  into, error, "agreement-moved",
                  "%s, %s: images that the detector and the model's own loss rank most "
                  "differently (places from the most hidden, from the highest loss): %s",
                  name->split, name->backbone, text.data));
done:
    text_buffer_free(&text);
    return status;
}

/* ---- a split ----------------------------------------------------------------------------- */

static spur_status claim_invisible(const spur_run *run, const control_split *split,
                                   result_list *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer names = {NULL, 0, 0};
    size_t named = 0;
    for (size_t c = 0; c < run->class_count && named < MOST_NAMES; c++) {
        if (split->is_visible[c] == 0) {
            TRY(text_format(&names, error, "%s%s", named++ == 0 ? "" : ", ", name_of(run, c)));
        }
    }
    TRY(named == 0 ? SPUR_OK
                   : result_find(into, error, "invisible",
                                 "%s: the detector can hardly tell %zu of the classes from the "
                                 "others (%s%s); sentences leave them out, numbers are given "
                                 "with and without",
                                 split->rows.split, split->invisible, names.data,
                                 split->invisible > named ? ", ..." : ""));
done:
    text_buffer_free(&names);
    return status;
}

spur_status claim_split(const spur_run *run, const control_split *split, result_list *into,
                        spur_error *error)
{
    spur_status status;
    TRY(claim_invisible(run, split, into, error));
    if (split->suspects > 0) {
        TRY(result_find(into, error, "suspects",
                        "%s: %zu of %zu images show another class at least as clearly as their "
                        "own label: `spur rank RUN --suspects 0` lists them",
                        split->rows.split, split->suspects, split->rows.count));
    }
done:
    return status;
}
