/*
 * thin_start.c - see thin_start.h.
 *
 * The way from zero to within a few hundredths of the optimum is as long on a part of the rows
 * as on all of them; further down the parts differ, so the tolerance is loose.
 */
#include "pipeline/thin_start.h"

#include <string.h>

#include "base/memory.h"
#include "pipeline/lbfgs.h"

enum {
    EVERY = 4,
    ROWS_LEAST = 4096,
    ROWS_OF_CLASS_LEAST = 16, /* in the mean */
    STEPS_MOST = 30
};

#define TOLERANCE 0.5

typedef struct thinning {
    const objective *of;
    size_t *seen;         /* [classes] rows so far */
    double *whole, *part; /* [classes] their coefficients' sums */
    uint32_t *labels;     /* [rows.count] of the part */
    double *coefficient;
    training_set set; /* the part; but for x, everything is the whole's */
} thinning;

static void thinning_close(thinning *block)
{
    memory_free(block->seen);
    memory_free(block->whole);
    memory_free(block->part);
    memory_free(block->labels);
    memory_free(block->coefficient);
    memory_free(block->set.x);
}

/* The part's rows, labels and coefficients. */
static void pick_rows(thinning *on)
{
    const objective *of = on->of;
    const training_set *set = of->set;
    size_t count = 0;
    for (size_t i = 0; i < set->rows.count; i++) {
        uint32_t label = of->is.labels[i];
        on->whole[label] += of->is.coefficient[i];
        if (on->seen[label]++ % EVERY == 0) {
            on->part[label] += of->is.coefficient[i];
            on->labels[count] = label;
            on->coefficient[count] = of->is.coefficient[i];
            memcpy(on->set.x + count * set->stride, set->x + i * set->stride,
                   set->stride * sizeof(float));
            count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t label = on->labels[i];
        on->coefficient[i] *= on->part[label] > 0.0 ? on->whole[label] / on->part[label] : 0.0;
    }
}

static size_t count_part(thinning *on)
{
    size_t count = 0;
    for (size_t i = 0; i < on->of->set->rows.count; i++) {
        on->seen[on->of->is.labels[i]]++;
    }
    for (size_t k = 0; k < on->of->is.classes; k++) {
        count += (on->seen[k] + EVERY - 1) / EVERY;
        on->seen[k] = 0;
    }
    return count;
}

static spur_status thinning_open(thinning *on, spur_error *error)
{
    spur_status status;
    const objective *of = on->of;
    size_t classes = of->is.classes;
    TRY(memory_new_zeroed(classes, sizeof *on->seen, &on->seen, error));
    TRY(memory_new_zeroed(classes, sizeof *on->whole, &on->whole, error));
    TRY(memory_new_zeroed(classes, sizeof *on->part, &on->part, error));
    size_t count = count_part(on);
    size_t padded = (count + TRAINING_BLOCK - 1) / TRAINING_BLOCK * TRAINING_BLOCK;
    on->set = *of->set;
    on->set.x = NULL;
    on->set.rows = (training_rows){.width = of->set->rows.width, .count = count};
    on->set.padded = padded;
    TRY(memory_new(count, sizeof *on->labels, &on->labels, error));
    TRY(memory_new(count, sizeof *on->coefficient, &on->coefficient, error));
    TRY(memory_new_zeroed(padded, of->set->stride * sizeof(float), &on->set.x, error));
    pick_rows(on);
done:
    return status;
}

/* Every class that counts at all must count in the part, or its bias would run away. */
static bool is_fair(const thinning *on)
{
    for (size_t k = 0; k < on->of->is.classes; k++) {
        if (on->whole[k] > 0.0 && !(on->part[k] > 0.0)) {
            return false;
        }
    }
    return true;
}

static spur_status descend(thinning *on, descent *whole, double *w, spur_error *error)
{
    spur_status status;
    objective part = {0};
    objective_options is = on->of->is;
    descent_options loose = *whole->options;
    is.labels = on->labels;
    is.coefficient = on->coefficient;
    loose.tolerance = TOLERANCE;
    loose.steps = STEPS_MOST;
    descent task = {.of = &part,
                    .approximation = whole->approximation,
                    .options = &loose,
                    .gauge = whole->gauge};
    TRY(objective_make(&on->set, on->of->team, &is, &part, error));
    TRY(lbfgs_minimise(&task, w, error));
    whole->report.steps = task.report.steps;
    whole->report.objective = task.report.objective;
    whole->report.is_cancelled = task.report.is_cancelled;
done:
    objective_free(&part);
    return status;
}

spur_status thin_start(descent *of, double *w, spur_error *error)
{
    spur_status status = SPUR_OK;
    thinning on = {.of = of->of};
    size_t rows = of->of->set->rows.count;
    if (rows < ROWS_LEAST || rows / ROWS_OF_CLASS_LEAST < of->of->is.classes) {
        return SPUR_OK;
    }
    TRY(thinning_open(&on, error));
    if (is_fair(&on)) {
        TRY(descend(&on, of, w, error));
    }
done:
    thinning_close(&on);
    return status;
}
