/*
 * fuzz_checkpoint.c - zip archives and streams on any bytes, and the pickle machine alone,
 * which the CRC of an archive would hide from a mutator.
 */
#include "io/pickle.h"
#include "weight_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pickle *parsed = NULL;
    size_t used = 0;
    if (size == 0) {
        return 0;
    }
    if (data[0] == 'P') {
        return run_weight_target(data, size, checkpoint_open_zip);
    }
    if (pickle_read(data, size, size % 2 != 0, &parsed, &used, NULL) == SPUR_OK) {
        pickle_free(parsed);
    }
    return run_weight_target(data, size, checkpoint_open_legacy);
}
