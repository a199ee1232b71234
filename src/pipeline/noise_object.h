/*
 * noise_object.h - where the object is on a classifier's input, in one of three ways: the box
 * of the run, the union of all boxes that the run's detector rates highly, or a picture.
 */
#ifndef PIPELINE_NOISE_OBJECT_H
#define PIPELINE_NOISE_OBJECT_H

#include "models/preprocess.h"
#include "pipeline/features_job.h"
#include "pipeline/scorer.h"

/* The way, the same for all workers; zeros: the box of the run. */
typedef struct noise_way {
    const char *pictures;      /* folder of pictures of the objects, or NULL */
    const scorer_task *scores; /* for the union of boxes: how the run was scored; or NULL */
    double probability;        /* that a box of the union has at least */
} noise_way;

/* One worker's. */
typedef struct noise_finder noise_finder;
spur_status noise_finder_new(const noise_way *way, noise_finder **out,
                             spur_error *error) SPUR_MUST_USE;
void noise_finder_free(noise_finder *block);
/* A look of the detector ends with SPUR_INTERRUPTED soon after *cancelled turns true. */
void noise_finder_watch(noise_finder *with, const atomic_bool *cancelled);

typedef struct noise_object {
    size_t inside; /* samples of the mask */
    size_t boxes;  /* whose union it is: 1 unless asked for more; 0: it is a picture's */
} noise_object;

/* mask [recipe->height, recipe->width] of the picture of that row. The box of the run is in the
 * union whatever its probability. SPUR_IMAGE: the picture of the object has another size or is
 * bad, or a score is not finite. */
spur_status noise_finder_look(noise_finder *with, const preprocess *recipe,
                              const feature_row *row, const image *of, unsigned char *mask,
                              noise_object *out, spur_error *error) SPUR_MUST_USE;

#endif
