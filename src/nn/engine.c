/*
 * engine.c - chooses the inner loops and sizes the workers' scratch memory.
 */
#include "nn/engine.h"

#include <stdbool.h>

#include "base/memory.h"
#include "nn/kernel.h"
#include "nn/onednn.h"

struct engine {
    const kernel *loops;
    onednn *library; /* NULL when our own loops multiply */
    size_t scratch;
};

struct engine_worker {
    size_t floats;
    float *scratch;
};

spur_status engine_open(engine **out, spur_error *error)
{
    return engine_open_with(ENGINE_PRODUCTS_FASTEST, out, error);
}

spur_status engine_open_with(engine_products products, engine **out, spur_error *error)
{
    spur_status status;
    engine *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->loops = kernel_native();
    bool is_plain = made->loops == &kernel_plain;
    if (products == ENGINE_PRODUCTS_ONEDNN ||
        (products == ENGINE_PRODUCTS_FASTEST && is_plain)) {
        TRY(onednn_open(&made->library, error));
    }
    *out = made;
    made = NULL;
done:
    engine_close(made);
    return status;
}

void engine_close(engine *block)
{
    if (block != NULL) {
        onednn_close(block->library);
        memory_free(block);
    }
}

const char *engine_isa(const engine *from)
{
    return from->loops->name;
}

const char *engine_library_version(void)
{
    return onednn_version();
}

const kernel *engine_kernel(const engine *from)
{
    return from->loops;
}

const onednn *engine_onednn(const engine *from)
{
    return from->library;
}

void engine_reserve(engine *on, size_t floats)
{
    if (floats > on->scratch) {
        on->scratch = floats;
    }
}

float *engine_scratch(const engine_worker *worker, size_t floats)
{
    return floats <= worker->floats ? worker->scratch : NULL;
}

spur_status engine_worker_new(const engine *from, engine_worker **out, spur_error *error)
{
    spur_status status;
    engine_worker *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(memory_new(from->scratch, sizeof *made->scratch, &made->scratch, error));
    made->floats = from->scratch;
    *out = made;
    made = NULL;
done:
    engine_worker_free(made);
    return status;
}

void engine_worker_free(engine_worker *worker)
{
    if (worker != NULL) {
        memory_free(worker->scratch);
        memory_free(worker);
    }
}
