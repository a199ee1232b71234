/*
 * fuzz_npy.c - NumPy's formats on any bytes: an archive when it begins like one.
 */
#include "weight_target.h"

#include "io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_archive = size > 1 && data[0] == 'P' && data[1] == 'K';
    return run_weight_target(data, size, is_archive ? npz_open : npy_open);
}
