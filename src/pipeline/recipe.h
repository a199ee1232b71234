/*
 * recipe.h - ways to train a last layer: one table entry per published procedure.
 *
 * A recipe sees rows, labels and perhaps the model's own head; it knows nothing of runs and
 * files. What each does is said in docs/evaluation.md and by `spur retrain --recipe help`.
 */
#ifndef PIPELINE_RECIPE_H
#define PIPELINE_RECIPE_H

#include "pipeline/solver.h"

enum {
    RECIPE_C_MOST = 64
};

/* Labelled images whose gap in accuracy, clear minus hidden, decides when to stop. */
typedef struct recipe_gap {
    training_rows clear, hidden;
    const uint32_t *clear_labels, *hidden_labels;
} recipe_gap;

typedef struct recipe_job {
    solver_rows rows;
    const double *weights; /* [rows] sample weights, or NULL */
    const head *original;  /* the model's own head, or NULL */
    const recipe_gap *gap; /* or NULL */
    const double *C;       /* none: the recipe's own; several: the best of a k-fold */
    size_t C_count, folds;
    bool is_balanced, keeps_raw, warm_start;
    uint64_t seed;
    size_t threads;
    double tolerance; /* 0: as far as the numbers go */
    /* Says how far it is; non-zero stops. */
    int (*visit)(void *context, const char *detail);
    void *context;
} recipe_job;

typedef struct recipe_result {
    head own;
    solver *with; /* whose rows the certificate speaks of, or NULL */
    bool is_certified, is_cancelled;
    certificate proof;
    descent_report steps;
    double C; /* chosen; 0: the recipe has none */
    double weight_sum;
    size_t epochs;      /* of stochastic descent */
    double seconds;     /* it took */
    size_t tried_count; /* by k-fold */
    double tried_C[RECIPE_C_MOST], tried_top1[RECIPE_C_MOST];
} recipe_result;

typedef struct recipe {
    const char *name, *summary;
    const char *text; /* what it does, whole */
    double usual_C;   /* 0: none, or a grid */
    bool needs_original, needs_gap;
    spur_status (*fit)(const recipe_job *job, recipe_result *out, spur_error *error);
} recipe;

/* Ended by NULL; the first is the default. */
extern const recipe *const recipe_table[];
/* SPUR_USAGE names those there are. */
spur_status recipe_find(const char *name, const recipe **out, spur_error *error) SPUR_MUST_USE;
/* The recipe's fit, timed. */
spur_status recipe_fit(const recipe *with, const recipe_job *job, recipe_result *out,
                       spur_error *error) SPUR_MUST_USE;
void recipe_result_free(recipe_result *block);

/* For the recipes: a visit of the solver that goes on to job->visit (context: the job). */
int recipe_visit(void *context, const descent_progress *progress);

/* fold[i] below job->folds of every row: within a class, rows in an order drawn from (seed,
 * row) go round the folds. */
spur_status recipe_deal_folds(const recipe_job *job, size_t *fold,
                              spur_error *error) SPUR_MUST_USE;

/* Chooses among C values by accuracy on held-out folds, no more than the largest class has
 * rows. The trial trains on some rows. The best mean accuracy wins, of equals the smaller C.
 * Cancelled: SPUR_INTERRUPTED, as there is no head yet. */
typedef spur_status (*recipe_trial)(const recipe_job *job, const solver_rows *rows,
                                    const double *weights, double *accuracies,
                                    const training_rows *held_out, const uint32_t *held_labels,
                                    bool *is_cancelled, spur_error *error);
spur_status recipe_choose(const recipe_job *job, recipe_trial trial, recipe_result *into,
                          spur_error *error) SPUR_MUST_USE;

#endif
