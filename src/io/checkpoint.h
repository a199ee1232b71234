/*
 * checkpoint.h - what both forms of PyTorch checkpoints share: a pickled dict of tensors, each
 * a strided view of a storage whose bytes stand somewhere in the file.
 */
#ifndef IO_CHECKPOINT_H
#define IO_CHECKPOINT_H

#include "io/pickle.h"
#include "io/tensor_source.h"
#include "io/zip.h"

/* Bytes of data.pkl, or of a stream's pickles. */
#define CHECKPOINT_PICKLE_LIMIT ((size_t)64 * 1024 * 1024)

typedef struct checkpoint {
    unsigned char *bytes; /* of the pickle; texts point into them */
    pickle *parsed;
    zip *archive; /* NULL for a stream */
} checkpoint;

/* An empty source over `from` (taken over, whatever happens) and the checkpoint it owns. */
spur_status checkpoint_new(file *from, const char *format, tensor_source **out,
                           checkpoint **own, spur_error *error) SPUR_MUST_USE;

/* Adds every tensor of the pickled state dict; the positions of its storages are known. */
spur_status checkpoint_add_tensors(tensor_source *source, const pickle_value *root,
                                   spur_error *error) SPUR_MUST_USE;

#endif
