/*
 * store_results.h - numbers and findings of the evaluation in run.db, stage by stage.
 *
 * A stage is written whole, with a digest of all that its numbers depend on: while that digest
 * is the same, the stage need not be computed again. A key belongs to one stage only.
 */
#ifndef IO_STORE_RESULTS_H
#define IO_STORE_RESULTS_H

#include "io/store.h"

typedef struct store_result {
    const char *key; /* "val/resnet50/clear-100/top1": see docs/formats.md */
    double value;    /* finite: what is not defined has no key */
} store_result;

typedef struct store_finding {
    const char *kind; /* a short code: "gap", "invisible" */
    const char *text; /* one sentence for people */
} store_finding;

typedef struct store_stage {
    const char *name;   /* "eval", "groups", "ood", "noise", "audit", "controls", "auto" */
    const char *inputs; /* hexadecimal digest of all that the stage depends on */
    const store_result *results;
    size_t count;
    const store_finding *findings;
    size_t finding_count;
} store_stage;

/* Replaces the stage, between store_begin and store_commit. SPUR_INTERNAL: a value that is not
 * finite, or a key twice. */
spur_status store_put_stage(store *into, const store_stage *stage,
                            spur_error *error) SPUR_MUST_USE;
/* Forgets the stage and all of its rows, if there is one; between begin and commit. */
spur_status store_drop_stage(store *into, const char *name, spur_error *error) SPUR_MUST_USE;

/* *inputs is NULL when the stage is not there; free with memory_free. */
spur_status store_get_stage_inputs(store *from, const char *name, char **inputs,
                                   spur_error *error) SPUR_MUST_USE;

/* In byte order of the keys; stage NULL: all. Another status than SPUR_OK stops and is
 * returned. Texts live during the visit. */
typedef spur_status (*store_result_visit)(void *context, const char *stage,
                                          const store_result *result, spur_error *error);
spur_status store_each_result(store *from, const char *stage, store_result_visit visit,
                              void *context, spur_error *error) SPUR_MUST_USE;

/* Stages in byte order, of each the findings as they were given. */
typedef spur_status (*store_finding_visit)(void *context, const char *stage,
                                           const store_finding *finding, spur_error *error);
spur_status store_each_finding(store *from, const char *stage, store_finding_visit visit,
                               void *context, spur_error *error) SPUR_MUST_USE;

#endif
