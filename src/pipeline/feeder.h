/*
 * feeder.h - many workers, one writer, one order.
 *
 * Workers claim item numbers in order and fill slots; the calling thread takes finished slots
 * back in item order. A worker may be at most `window` items ahead of the writer, so memory
 * does not grow with the number of items, and what is written depends on no timing.
 */
#ifndef PIPELINE_FEEDER_H
#define PIPELINE_FEEDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct feeder_job {
    size_t threads, window; /* both at least 1; slots are 0 .. window-1 */
    uint64_t count;         /* items */
    void *context;
    /* In a worker: item into slot. Look at *cancelled between long steps and return
     * SPUR_INTERRUPTED when it is set: the item is dropped. */
    spur_status (*work)(void *context, size_t worker, size_t slot, uint64_t item,
                        const atomic_bool *cancelled, spur_error *error);
    /* In the calling thread, in item order: items first .. first+count-1 stand in slots
     * item % window. */
    spur_status (*finish)(void *context, uint64_t first, size_t count, spur_error *error);
    /* In the calling thread, at least four times a second; true cancels. May be NULL. */
    bool (*tick)(void *context);
    /* After a cancellation finished items behind a dropped one are kept, too. */
    bool any_order;
} feeder_job;

/* Returns the first failure in item order, after everything before it is finished.
 * SPUR_INTERRUPTED when cancelled. */
spur_status feeder_run(const feeder_job *job, spur_error *error) SPUR_MUST_USE;

#endif
