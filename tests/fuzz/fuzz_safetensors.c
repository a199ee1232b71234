/*
 * fuzz_safetensors.c - the safetensors reader on any bytes.
 */
#include "weight_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return run_weight_target(data, size, safetensors_open);
}
