/*
 * parallel.c - a parallel loop on POSIX threads.
 *
 * Items are claimed in rising order under a lock, and a claimed item always runs. So the
 * lowest item that can fail is claimed before any other failure could stop the loop, and the
 * error returned is the same for any number of threads.
 */
#define _GNU_SOURCE /* sched_getaffinity; NOLINT(bugprone-reserved-identifier) */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/memory.h"

#if defined(CPU_ALLOC)
/* Counts the affinity mask in a set for `bits` processors; 0 when the kernel's is larger. */
static size_t count_allowed(size_t bits)
{
    size_t size = CPU_ALLOC_SIZE(bits);
    cpu_set_t *set = NULL;
    if (memory_new_zeroed(size, 1, &set, NULL) != SPUR_OK) {
        return 0;
    }
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    memory_free(set);
    return count > 0 ? (size_t)count : 0;
}
#endif

size_t parallel_processors(void)
{
#if defined(CPU_ALLOC)
    for (size_t bits = 1024; bits <= 65536; bits *= 8) {
        size_t count = count_allowed(bits);
        if (count > 0) {
            return count;
        }
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

/* What the workers of one loop share; everything below the lock is guarded by it. */
typedef struct parallel_loop {
    parallel_work work;
    void *context;
    size_t count;
    pthread_mutex_t lock;
    size_t next;
    bool is_stopped;
    size_t failed_item;
    spur_status status;
    spur_error error; /* of failed_item */
} parallel_loop;

typedef struct parallel_worker {
    parallel_loop *loop;
    size_t number;
    pthread_t thread;
} parallel_worker;

static bool claim_item(parallel_loop *loop, size_t *item)
{
    pthread_mutex_lock(&loop->lock);
    bool is_claimed = !loop->is_stopped && loop->next < loop->count;
    if (is_claimed) {
        *item = loop->next++;
    }
    pthread_mutex_unlock(&loop->lock);
    return is_claimed;
}

static void record_failure(parallel_loop *loop, size_t item, spur_status status,
                           const spur_error *error)
{
    pthread_mutex_lock(&loop->lock);
    if (loop->status == SPUR_OK || item < loop->failed_item) {
        loop->failed_item = item;
        loop->status = status;
        loop->error = *error;
    }
    loop->is_stopped = true;
    pthread_mutex_unlock(&loop->lock);
}

static void *run_worker(void *argument)
{
    parallel_worker *self = argument;
    parallel_loop *loop = self->loop;
    size_t item;
    while (claim_item(loop, &item)) {
        spur_error error = {SPUR_OK, ""};
        spur_status status = loop->work(loop->context, self->number, item, &error);
        if (status != SPUR_OK) {
            record_failure(loop, item, status, &error);
        }
    }
    return NULL;
}

/* Starts workers 1 .. threads-1 while the lock holds them back; when one cannot be created
 * the others find the loop stopped, so that no item has run. */
static spur_status start_workers(parallel_loop *loop, parallel_worker *workers, size_t threads,
                                 size_t *started, spur_error *error)
{
    spur_status status = SPUR_OK;
    pthread_mutex_lock(&loop->lock);
    for (*started = 1; *started < threads; (*started)++) {
        parallel_worker *worker = &workers[*started];
        *worker = (parallel_worker){.loop = loop, .number = *started};
        if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
            status = error_set(error, SPUR_RESOURCE,
                               "thread %zu of %zu cannot be created; use fewer threads",
                               *started + 1, threads);
            loop->is_stopped = true;
            break;
        }
    }
    pthread_mutex_unlock(&loop->lock);
    return status;
}

spur_status parallel_for(size_t threads, size_t count, parallel_work work, void *context,
                         spur_error *error)
{
    spur_status status;
    parallel_worker *workers = NULL;
    parallel_loop loop = {
        .work = work, .context = context, .count = count, .lock = PTHREAD_MUTEX_INITIALIZER};
    threads = threads > count ? count : threads;
    threads = threads == 0 ? 1 : threads;
    TRY(memory_new(threads, sizeof *workers, &workers, error));
    size_t started;
    status = start_workers(&loop, workers, threads, &started, error);
    workers[0] = (parallel_worker){.loop = &loop, .number = 0};
    (void)run_worker(&workers[0]);
    for (size_t i = 1; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    if (loop.status != SPUR_OK) {
        status = loop.status;
        if (error != NULL) {
            *error = loop.error;
        }
    }
done:
    memory_free(workers);
    pthread_mutex_destroy(&loop.lock);
    return status;
}
