/*
 * pickle_globals.c - the allow-list. Names are compared as bytes, whole, never resolved.
 */
#include "io/pickle_globals.h"

#include <string.h>

typedef struct known_global {
    const char *module, *name;
    global_meaning meaning;
    tensor_dtype dtype;
} known_global;

static const known_global known[] = {
    {"collections", "OrderedDict", GLOBAL_ORDERED_DICT, TENSOR_U8},
    {"__builtin__", "set", GLOBAL_SET, TENSOR_U8}, /* Python 2's name, written by protocol 2 */
    {"builtins", "set", GLOBAL_SET, TENSOR_U8},
    {"torch._utils", "_rebuild_tensor", GLOBAL_REBUILD_TENSOR, TENSOR_U8},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_REBUILD_TENSOR, TENSOR_U8},
    {"torch._utils", "_rebuild_tensor_v3", GLOBAL_REBUILD_TENSOR_V3, TENSOR_U8},
    {"torch._utils", "_rebuild_parameter", GLOBAL_REBUILD_PARAMETER, TENSOR_U8},
    {"torch._utils", "_rebuild_parameter_with_state", GLOBAL_REBUILD_PARAMETER, TENSOR_U8},
    {"torch.storage", "UntypedStorage", GLOBAL_UNTYPED_STORAGE, TENSOR_U8},
    {"torch", "FloatStorage", GLOBAL_STORAGE, TENSOR_F32},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, TENSOR_F64},
    {"torch", "HalfStorage", GLOBAL_STORAGE, TENSOR_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, TENSOR_BF16},
    {"torch", "LongStorage", GLOBAL_STORAGE, TENSOR_I64},
    {"torch", "IntStorage", GLOBAL_STORAGE, TENSOR_I32},
    {"torch", "ShortStorage", GLOBAL_STORAGE, TENSOR_I16},
    {"torch", "CharStorage", GLOBAL_STORAGE, TENSOR_I8},
    {"torch", "ByteStorage", GLOBAL_STORAGE, TENSOR_U8},
    {"torch", "BoolStorage", GLOBAL_STORAGE, TENSOR_BOOL},
    {"torch", "ComplexFloatStorage", GLOBAL_STORAGE, TENSOR_C64},
    {"torch", "float32", GLOBAL_DTYPE, TENSOR_F32},
    {"torch", "float64", GLOBAL_DTYPE, TENSOR_F64},
    {"torch", "float16", GLOBAL_DTYPE, TENSOR_F16},
    {"torch", "bfloat16", GLOBAL_DTYPE, TENSOR_BF16},
    {"torch", "int64", GLOBAL_DTYPE, TENSOR_I64},
    {"torch", "int32", GLOBAL_DTYPE, TENSOR_I32},
    {"torch", "int16", GLOBAL_DTYPE, TENSOR_I16},
    {"torch", "int8", GLOBAL_DTYPE, TENSOR_I8},
    {"torch", "uint64", GLOBAL_DTYPE, TENSOR_U64},
    {"torch", "uint32", GLOBAL_DTYPE, TENSOR_U32},
    {"torch", "uint16", GLOBAL_DTYPE, TENSOR_U16},
    {"torch", "uint8", GLOBAL_DTYPE, TENSOR_U8},
    {"torch", "bool", GLOBAL_DTYPE, TENSOR_BOOL},
    {"torch", "complex64", GLOBAL_DTYPE, TENSOR_C64},
    {"torch", "float8_e5m2", GLOBAL_DTYPE, TENSOR_F8_E5M2},
    {"torch", "float8_e4m3fn", GLOBAL_DTYPE, TENSOR_F8_E4M3},
    {"torch", "float8_e8m0fnu", GLOBAL_DTYPE, TENSOR_F8_E8M0},
    {"torch", "float8_e4m3fnuz", GLOBAL_DTYPE, TENSOR_F8_E4M3FNUZ},
    {"torch", "float8_e5m2fnuz", GLOBAL_DTYPE, TENSOR_F8_E5M2FNUZ},
};

static bool equals(const char *text, size_t length, const char *wanted)
{
    return strlen(wanted) == length && memcmp(text, wanted, length) == 0;
}

void pickle_global_classify(struct pickle_global *global)
{
    global->meaning = GLOBAL_FOREIGN;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (equals(global->name, global->name_length, known[i].name) &&
            equals(global->module, global->module_length, known[i].module)) {
            global->meaning = known[i].meaning;
            global->dtype = known[i].dtype;
            return;
        }
    }
}

bool pickle_global_is_model(const struct pickle_global *global)
{
    static const char *const packages[] = {"torch.nn.",     "torchvision.", "timm.",
                                           "transformers.", "__main__",     "copyreg",
                                           "copy_reg",      "models"};
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++) {
        size_t length = strlen(packages[i]);
        if (global->module_length >= length &&
            memcmp(global->module, packages[i], length) == 0) {
            return true;
        }
    }
    return false;
}
