/*
 * pickle_globals.h - the names a checkpoint may mention, and what each means to the machine.
 */
#ifndef IO_PICKLE_GLOBALS_H
#define IO_PICKLE_GLOBALS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/tensor.h"

typedef enum global_meaning {
    GLOBAL_FOREIGN, /* anything else: a value that must not be called */
    GLOBAL_ORDERED_DICT,
    GLOBAL_SET,
    GLOBAL_REBUILD_TENSOR, /* _rebuild_tensor and _v2: the dtype is the storage's */
    GLOBAL_REBUILD_TENSOR_V3,
    GLOBAL_REBUILD_PARAMETER,
    GLOBAL_STORAGE,
    GLOBAL_UNTYPED_STORAGE,
    GLOBAL_DTYPE
} global_meaning;

struct pickle_global {
    const char *module, *name; /* not terminated */
    size_t module_length, name_length;
    global_meaning meaning;
    tensor_dtype dtype; /* of GLOBAL_STORAGE and GLOBAL_DTYPE */
};

/* Sets meaning and dtype from the two names. */
void pickle_global_classify(struct pickle_global *global);

/* True for classes of neural networks: the file is a pickled model, not a state dict. */
bool pickle_global_is_model(const struct pickle_global *global);

#endif
