/*
 * feeder.c - POSIX threads around a ring of slots.
 */
#include "pipeline/feeder.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

enum {
    TICK_NANOSECONDS = 200 * 1000 * 1000
};

enum slot_state {
    SLOT_FREE,
    SLOT_BUSY,
    SLOT_READY,
    SLOT_FAILED
};

typedef struct slot {
    enum slot_state state;
    uint64_t item;
    spur_status status; /* of a failed one */
    spur_error error;
} slot;

typedef struct feeder {
    const feeder_job *job;
    pthread_mutex_t mutex;
    pthread_cond_t is_ready; /* a slot is ready or failed */
    pthread_cond_t is_free;  /* the writer moved on */
    slot *slots;
    uint64_t next;     /* to be claimed */
    uint64_t finished; /* items before this one are written */
    bool is_closed;    /* nothing more is claimed */
    atomic_bool is_cancelled;
} feeder;

typedef struct feeder_worker {
    feeder *owner;
    size_t number;
    pthread_t thread;
} feeder_worker;

/* ---- workers ------------------------------------------------------------------------- */

/* Claims the next item; false when there is none or the work is over. */
static bool claim(feeder *from, uint64_t *item)
{
    bool has_item = false;
    (void)pthread_mutex_lock(&from->mutex);
    while (!from->is_closed && from->next < from->job->count &&
           from->next >= from->finished + from->job->window) {
        (void)pthread_cond_wait(&from->is_free, &from->mutex);
    }
    if (!from->is_closed && from->next < from->job->count) {
        has_item = true;
        *item = from->next++;
        slot *taken = &from->slots[*item % from->job->window];
        taken->state = SLOT_BUSY;
        taken->item = *item;
    }
    (void)pthread_mutex_unlock(&from->mutex);
    return has_item;
}

static void deliver(feeder *into, uint64_t item, spur_status status)
{
    (void)pthread_mutex_lock(&into->mutex);
    slot *taken = &into->slots[item % into->job->window];
    taken->status = status;
    taken->state = status == SPUR_OK ? SLOT_READY : SLOT_FAILED;
    if (status != SPUR_OK) {
        into->is_closed = true;
        (void)pthread_cond_broadcast(&into->is_free);
    }
    (void)pthread_cond_signal(&into->is_ready);
    (void)pthread_mutex_unlock(&into->mutex);
}

static void *work_along(void *argument)
{
    feeder_worker *self = argument;
    feeder *owner = self->owner;
    const feeder_job *job = owner->job;
    uint64_t item;
    while (claim(owner, &item)) {
        size_t place = (size_t)(item % job->window);
        deliver(owner, item,
                job->work(job->context, self->number, place, item, &owner->is_cancelled,
                          &owner->slots[place].error));
    }
    return NULL;
}

/* ---- the writer ---------------------------------------------------------------------- */

/* Waits until the next item is there or it is time for a tick; returns how many consecutive
 * items are ready. */
static size_t wait_ready(feeder *from)
{
    size_t count = 0;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_NANOSECONDS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&from->mutex);
    const slot *next = &from->slots[from->finished % from->job->window];
    int result = 0;
    while (result != ETIMEDOUT && next->state != SLOT_READY && next->state != SLOT_FAILED) {
        result = pthread_cond_timedwait(&from->is_ready, &from->mutex, &until);
    }
    while (count < from->job->window &&
           from->slots[(from->finished + count) % from->job->window].state == SLOT_READY) {
        count++;
    }
    (void)pthread_mutex_unlock(&from->mutex);
    return count;
}

/* Gives slots back to the workers. */
static void release(feeder *from, size_t count)
{
    (void)pthread_mutex_lock(&from->mutex);
    for (size_t i = 0; i < count; i++) {
        from->slots[(from->finished + i) % from->job->window].state = SLOT_FREE;
    }
    from->finished += count;
    (void)pthread_cond_broadcast(&from->is_free);
    (void)pthread_mutex_unlock(&from->mutex);
}

static void close_feeder(feeder *block, bool cancel)
{
    if (cancel) {
        atomic_store(&block->is_cancelled, true);
    }
    (void)pthread_mutex_lock(&block->mutex);
    block->is_closed = true;
    (void)pthread_cond_broadcast(&block->is_free);
    (void)pthread_mutex_unlock(&block->mutex);
}

/* True when the item the writer waits for has failed. */
static bool has_failed(feeder *from, spur_error *error, spur_status *status)
{
    (void)pthread_mutex_lock(&from->mutex);
    const slot *next = &from->slots[from->finished % from->job->window];
    bool failed = next->state == SLOT_FAILED;
    if (failed) {
        *status = next->status;
        if (error != NULL) {
            *error = next->error;
        }
    }
    (void)pthread_mutex_unlock(&from->mutex);
    return failed;
}

static spur_status write_all(feeder *from, spur_error *error)
{
    const feeder_job *job = from->job;
    while (from->finished < job->count) {
        spur_status status;
        size_t count = wait_ready(from);
        if (count > 0) {
            status = job->finish(job->context, from->finished, count, error);
            if (status != SPUR_OK) {
                return status;
            }
            release(from, count);
        } else if (has_failed(from, error, &status)) {
            return status;
        }
        if (job->tick != NULL && job->tick(job->context)) {
            return error_set(error, SPUR_INTERRUPTED, "interrupted");
        }
    }
    return SPUR_OK;
}

/* After the workers are gone: what is complete although something before it is not. */
static spur_status write_rest(feeder *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (uint64_t item = from->finished; item < from->next && status == SPUR_OK; item++) {
        if (from->slots[item % from->job->window].state == SLOT_READY) {
            status = from->job->finish(from->job->context, item, 1, error);
        }
    }
    return status;
}

/* ---- life ---------------------------------------------------------------------------- */

static void open_locks(feeder *block)
{
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&block->mutex, NULL);
    (void)pthread_cond_init(&block->is_ready, &clock);
    (void)pthread_cond_init(&block->is_free, NULL);
    (void)pthread_condattr_destroy(&clock);
}

static void close_locks(feeder *block)
{
    (void)pthread_cond_destroy(&block->is_ready);
    (void)pthread_cond_destroy(&block->is_free);
    (void)pthread_mutex_destroy(&block->mutex);
}

static spur_status start_workers(feeder *block, feeder_worker *workers, size_t *started,
                                 spur_error *error)
{
    for (size_t i = 0; i < block->job->threads; i++) {
        workers[i] = (feeder_worker){.owner = block, .number = i};
        int result = pthread_create(&workers[i].thread, NULL, work_along, &workers[i]);
        if (result != 0) {
            return error_set(
                error, SPUR_RESOURCE,
                "thread %zu of %zu cannot be started (error %d); use fewer threads", i + 1,
                block->job->threads, result);
        }
        *started = i + 1;
    }
    return SPUR_OK;
}

spur_status feeder_run(const feeder_job *job, spur_error *error)
{
    spur_status status;
    feeder block = {.job = job};
    feeder_worker *workers = NULL;
    size_t started = 0;
    atomic_init(&block.is_cancelled, false);
    TRY(memory_new_zeroed(job->window, sizeof *block.slots, &block.slots, error));
    TRY(memory_new_zeroed(job->threads, sizeof *workers, &workers, error));
    open_locks(&block);
    status = start_workers(&block, workers, &started, error);
    if (status == SPUR_OK) {
        status = write_all(&block, error);
    }
    close_feeder(&block, status != SPUR_OK);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    if (status == SPUR_INTERRUPTED && job->any_order) {
        spur_status rest = write_rest(&block, error);
        status = rest == SPUR_OK ? status : rest;
    }
    close_locks(&block);
done:
    memory_free(block.slots);
    memory_free(workers);
    return status;
}
