/*
 * engine.h - the compute engine, one per model: our own inner loops or oneDNN.
 *
 * An operation is opened once (weights packed, scratch sized) and run many times without
 * allocating; a worker is one thread's scratch memory. Every run uses one thread,
 * so results do not depend on how many workers there are.
 */
#ifndef NN_ENGINE_H
#define NN_ENGINE_H

#include <stddef.h>

#include "base/error.h"

typedef struct engine engine;
typedef struct engine_worker engine_worker;

/* Who multiplies: our own inner loops, whose bits depend on neither the number of rows nor
 * the instruction set (AVX2, AVX-512), or oneDNN, which is faster where ours are plain C. */
typedef enum engine_products {
    ENGINE_PRODUCTS_FASTEST, /* our own with AVX2 and above, else oneDNN */
    ENGINE_PRODUCTS_OWN,
    ENGINE_PRODUCTS_ONEDNN
} engine_products;

spur_status engine_open(engine **out, spur_error *error) SPUR_MUST_USE;
spur_status engine_open_with(engine_products products, engine **out,
                             spur_error *error) SPUR_MUST_USE;
void engine_close(engine *block);

/* "avx2", "avx512" or "plain": the instruction set of the inner loops; part of a run's
 * settings. */
const char *engine_isa(const engine *from);
/* "2.6.3" */
const char *engine_library_version(void);

/* For operations of this layer: announces `floats` floats of scratch when opened, and takes
 * them (64-byte aligned, undefined contents) when run. NULL when the worker was made before
 * the operation was opened. */
void engine_reserve(engine *on, size_t floats);
float *engine_scratch(const engine_worker *worker, size_t floats);
/* The inner loops for this processor; oneDNN, or NULL when our own loops multiply. */
const struct kernel *engine_kernel(const engine *from);
const struct onednn *engine_onednn(const engine *from);

/* A worker for operations whose scratch needs have been announced to the engine by opening
 * them before. */
spur_status engine_worker_new(const engine *from, engine_worker **out,
                              spur_error *error) SPUR_MUST_USE;
void engine_worker_free(engine_worker *worker);

#endif
