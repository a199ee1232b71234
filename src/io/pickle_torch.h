/*
 * pickle_torch.h - storages and tensors made from the arguments a pickle gives.
 */
#ifndef IO_PICKLE_TORCH_H
#define IO_PICKLE_TORCH_H

#include "base/memory.h"
#include "io/pickle.h"
#include "io/pickle_globals.h"

/* id: the tuple ('storage', class, key, location, numel[, view]). */
spur_status pickle_make_storage(arena *memory, const pickle_value *id, bool has_views,
                                pickle_storage **out, spur_error *error) SPUR_MUST_USE;
/* arguments: the tuple of _rebuild_tensor, _v2 or (is_v3) _v3. */
spur_status pickle_make_tensor(arena *memory, const pickle_value *arguments, bool is_v3,
                               const pickle_tensor **out, spur_error *error) SPUR_MUST_USE;

#endif
