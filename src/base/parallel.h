/*
 * parallel.h - our own threads: claim the next number, work, until none is left.
 *
 * No OpenMP: oneDNN is told one thread per worker and parallelism is over items.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

#include "base/error.h"

/* Processors this process may use (the affinity mask), at least 1. */
size_t parallel_processors(void);

/* One item: `worker` is 0 .. threads-1 and owns whatever the caller keeps per worker. */
typedef spur_status (*parallel_work)(void *context, size_t worker, size_t item,
                                     spur_error *error);

/* Runs work for items 0 .. count-1 on `threads` threads (1 = in the calling thread); items
 * are claimed in order. After a failure no new item starts; the error of the lowest failed
 * item is returned. SPUR_RESOURCE when threads cannot be created. */
spur_status parallel_for(size_t threads, size_t count, parallel_work work, void *context,
                         spur_error *error) SPUR_MUST_USE;

#endif
