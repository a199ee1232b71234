/*
 * linear.c - hands a product to our own inner loops or to oneDNN, as the engine decided.
 */
#include "nn/linear.h"

#include <stdint.h>

#include "base/memory.h"
#include "nn/onednn.h"
#include "nn/packed.h"

/* One of the two is NULL. */
struct linear {
    packed_product *own;
    onednn_product *library;
};

spur_status linear_open(engine *on, const linear_shape *shape, const float *weight,
                        const float *bias, linear **out, spur_error *error)
{
    spur_status status;
    linear *made = NULL;
    const onednn *library = engine_onednn(on);
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    if (library != NULL) {
        TRY(onednn_product_open(library, shape, weight, bias, &made->library, error));
        engine_reserve(on, onednn_product_scratch(made->library));
    } else {
        TRY(packed_open(on, shape, weight, bias, &made->own, error));
    }
    *out = made;
    made = NULL;
done:
    linear_close(made);
    return status;
}

void linear_close(linear *block)
{
    if (block != NULL) {
        packed_close(block->own);
        onednn_product_close(block->library);
        memory_free(block);
    }
}

size_t linear_bytes(const linear *from)
{
    return from->own != NULL ? packed_bytes(from->own) : onednn_product_bytes(from->library);
}

spur_status linear_run_some(const linear *from, engine_worker *worker, const float *src,
                            size_t rows, float *dst, spur_error *error)
{
    if (from->own != NULL) {
        return packed_run(from->own, worker, src, rows, dst, error);
    }
    float *scratch = engine_scratch(worker, onednn_product_scratch(from->library));
    if (scratch == NULL) {
        return error_set(error, SPUR_INTERNAL, "a worker is older than the product it runs");
    }
    return onednn_product_run(from->library, scratch, src, dst, error);
}

spur_status linear_run(const linear *from, engine_worker *worker, const float *src, float *dst,
                       spur_error *error)
{
    return linear_run_some(from, worker, src, SIZE_MAX, dst, error);
}
