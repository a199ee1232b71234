/*
 * noise_object.c - boxes of the run's detector, or a picture of the object, to a mask.
 *
 * A box belongs to the union when the logit of its own class on its patch (of the run's
 * prompts, with objectness where the run adds it) is at least ln(p / (1 - p)). The run's box
 * comes first: it stays where another machine's rounding would move it, and stands alone below
 * p.
 */
#include "pipeline/noise_object.h"

#include <string.h>

#include "base/memory.h"
#include "base/plain_math.h"
#include "pipeline/noise_mask.h"

static const double LN2 = 0.69314718055994531;

struct noise_finder {
    const noise_way *way;
    scorer *scores;    /* or NULL */
    float (*boxes)[4]; /* [1 + patches]: the run's, then those of the union */
    double logit;      /* that a box of the union has at least */
};

static spur_status open_scores(noise_finder *into, spur_error *error)
{
    spur_status status;
    const noise_way *way = into->way;
    size_t patches = detector_patches(way->scores->model);
    into->logit = LN2 * (plain_log2(way->probability) - plain_log2(1.0 - way->probability));
    TRY(memory_new(1 + patches, sizeof *into->boxes, &into->boxes, error));
    TRY(scorer_new(way->scores, &into->scores, error));
done:
    return status;
}

spur_status noise_finder_new(const noise_way *way, noise_finder **out, spur_error *error)
{
    spur_status status;
    noise_finder *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->way = way;
    TRY(way->scores == NULL ? SPUR_OK : open_scores(made, error));
    *out = made;
    made = NULL;
done:
    noise_finder_free(made);
    return status;
}

void noise_finder_free(noise_finder *block)
{
    if (block != NULL) {
        scorer_free(block->scores);
        memory_free(block->boxes);
        memory_free(block);
    }
}

void noise_finder_watch(noise_finder *with, const atomic_bool *cancelled)
{
    if (with->scores != NULL) {
        scorer_watch(with->scores, cancelled);
    }
}

static spur_status look_at_picture(const char *root, const preprocess *recipe,
                                   const feature_row *row, const image *of, unsigned char *mask,
                                   size_t *inside, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    image objects = {0, 0, NULL};
    TRY(noise_mask_path(root, row->file_name, &path, error));
    status = image_load(path, NULL, &objects, NULL, error);
    if (status != SPUR_OK) {
        error_prefix(error, "mask %s", path);
        goto done;
    }
    TRY(noise_mask_picture(recipe, of->width, of->height, &objects, mask, inside, error));
done:
    image_free(&objects);
    memory_free(path);
    return status;
}

/* The boxes of the union into with->boxes, behind the run's; without a detector none. */
static spur_status find_others(noise_finder *with, const feature_row *row, const image *of,
                               size_t *count, spur_error *error)
{
    *count = 0;
    return with->scores == NULL ? SPUR_OK
                                : scorer_boxes(with->scores, of, row->class_index, with->logit,
                                               with->boxes + 1, count, error);
}

spur_status noise_finder_look(noise_finder *with, const preprocess *recipe,
                              const feature_row *row, const image *of, unsigned char *mask,
                              noise_object *out, spur_error *error)
{
    spur_status status;
    size_t others;
    noise_object made = {0, 0};
    if (with->way->pictures != NULL) {
        TRY(look_at_picture(with->way->pictures, recipe, row, of, mask, &made.inside, error));
    } else {
        float alone[1][4];
        float(*boxes)[4] = with->scores == NULL ? alone : with->boxes;
        memcpy(boxes[0], row->box, sizeof boxes[0]);
        TRY(find_others(with, row, of, &others, error));
        const noise_boxes all = {(const float(*)[4])boxes, 1 + others};
        TRY(noise_mask_boxes(recipe, of->width, of->height, &all, mask, &made.inside, error));
        made.boxes = others == 0 ? 1 : others; /* the run's is among the others */
    }
    *out = made;
    status = SPUR_OK;
done:
    return status;
}
