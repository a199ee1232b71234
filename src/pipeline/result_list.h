/*
 * result_list.h - a stage's numbers and findings while they are made, and writing them to the
 * run in one transaction.
 */
#ifndef PIPELINE_RESULT_LIST_H
#define PIPELINE_RESULT_LIST_H

#include "base/memory.h"
#include "base/text.h"
#include "io/store_results.h"
#include "pipeline/run.h"

/* Zero-initialise; result_list_free. */
typedef struct result_list {
    arena *texts;
    store_result *results;
    size_t count, capacity;
    store_finding *findings;
    size_t finding_count, finding_capacity;
} result_list;

/* Adds `value` under the key that format and what follows make; a value that is not finite is
 * left out: what is not defined has no key. */
spur_status result_add(result_list *into, spur_error *error, double value, const char *format,
                       ...) PRINTF_LIKE(4, 5) SPUR_MUST_USE;
/* Adds a sentence; kind is a constant. Bytes that are not UTF-8 or would move a terminal are
 * escaped. */
spur_status result_find(result_list *into, spur_error *error, const char *kind,
                        const char *format, ...) PRINTF_LIKE(4, 5) SPUR_MUST_USE;
void result_list_free(result_list *block);

/* Replaces the stage of the run; the run must be open for writing. */
spur_status result_list_save(const result_list *from, spur_run *run, const char *stage,
                             const char *inputs, spur_error *error) SPUR_MUST_USE;
/* The run holds no such stage any more: one that an earlier call made is dropped. */
spur_status results_forget(spur_run *run, const char *stage, spur_error *error) SPUR_MUST_USE;
/* True when the run holds the stage, made from the same inputs. */
spur_status results_are_current(spur_run *run, const char *stage, const char *inputs, bool *out,
                                spur_error *error) SPUR_MUST_USE;

#endif
