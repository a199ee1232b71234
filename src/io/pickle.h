/*
 * pickle.h - the few values a PyTorch checkpoint is made of, read without running anything.
 *
 * A machine for the 34 opcodes that torch.load(weights_only=True) accepts. Names of globals
 * are compared with a fixed list, never resolved; a name outside the list may stand as a value
 * but not be called. Nothing recurses, and stack, memo, depth and total size are bounded.
 */
#ifndef IO_PICKLE_H
#define IO_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/tensor.h"

typedef enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INTEGER,
    PICKLE_LONG, /* an integer outside 64 bits: text/length are its little-endian bytes */
    PICKLE_FLOAT,
    PICKLE_TEXT,  /* UTF-8 (BINUNICODE) */
    PICKLE_BYTES, /* SHORT_BINSTRING: any bytes */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_SET,
    PICKLE_DICT,
    PICKLE_ORDERED_DICT,
    PICKLE_GLOBAL,
    PICKLE_STORAGE,
    PICKLE_TENSOR
} pickle_kind;

typedef struct pickle_sequence pickle_sequence;
typedef struct pickle_global pickle_global;
typedef struct pickle_storage pickle_storage;
typedef struct pickle_tensor pickle_tensor;

/* 16 bytes, because files hold millions. Texts point into the pickle's bytes. */
typedef struct pickle_value {
    uint32_t kind;
    uint32_t length; /* of a text */
    union {
        int64_t integer; /* and BOOL */
        double number;
        const char *text;
        pickle_sequence *sequence; /* tuple, list, set, dicts */
        const pickle_global *global;
        pickle_storage *storage;
        const pickle_tensor *tensor;
    } as;
} pickle_value;

/* A dict holds key, value, key, value ...; a later key does not replace an equal one. */
struct pickle_sequence {
    pickle_value *items;
    size_t count, capacity;
    unsigned depth;
};

/* A storage as the pickle names it; where its bytes stand is the caller's business. */
struct pickle_storage {
    const char *key;
    size_t key_length;
    size_t elements; /* bytes when is_untyped */
    tensor_dtype dtype;
    bool is_untyped;
    size_t view_offset, view_elements; /* the part of it that is meant; usually all */
    size_t bytes;                      /* of the whole storage */
    uint64_t position;                 /* free for the caller */
    pickle_storage *next;
};

/* Proven: every element lies inside its storage. */
struct pickle_tensor {
    const pickle_storage *storage;
    tensor_dtype dtype;
    size_t rank;
    const size_t *shape, *strides; /* in elements */
    size_t offset;                 /* in elements, from the start of the whole storage */
    size_t elements, bytes;        /* contiguous */
};

typedef struct pickle pickle;

/* Reads one pickle from the front of `bytes`, which must outlive it. *used is the number of
 * bytes up to and with STOP. has_views: persistent ids have the sixth field of the stream
 * before PyTorch 1.6. */
spur_status pickle_read(const unsigned char *bytes, size_t length, bool has_views, pickle **out,
                        size_t *used, spur_error *error) SPUR_MUST_USE;
void pickle_free(pickle *block);

const pickle_value *pickle_root(const pickle *from);
/* All storages the pickle names, linked by next, one per mention. */
pickle_storage *pickle_storages(const pickle *from);

bool pickle_is_dict(const pickle_value *value);
/* The value of the last key equal to `key`, or NULL; `dict` must be a dict. */
const pickle_value *pickle_dict_get(const pickle_value *dict, const char *key);

#endif
