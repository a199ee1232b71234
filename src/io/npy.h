/*
 * npy.h - NumPy's .npy and .npz: arrays read like the tensors of any other file, and written.
 *
 * Read: versions 1 to 3, little-endian numbers, C and Fortran order (converted), members of
 * an .npz stored or deflated, their CRCs compared at opening. Python objects (a pickle inside)
 * are refused by name and never looked at.
 */
#ifndef IO_NPY_H
#define IO_NPY_H

#include "io/tensor_source.h"

/* One array, whose name is "". Takes over `from`, whatever happens. */
spur_status npy_open(file *from, tensor_source **out, spur_error *error) SPUR_MUST_USE;
/* The arrays of an .npz, named without their ".npy". Takes over `from`, whatever happens. */
spur_status npz_open(file *from, tensor_source **out, spur_error *error) SPUR_MUST_USE;

/* Writes one array in C order (version 1), atomically; its name is not used. */
spur_status npy_write(const char *path, const tensor_out *array,
                      spur_error *error) SPUR_MUST_USE;
/* Writes an uncompressed .npz, atomically, with the same bytes for the same arrays. */
spur_status npz_write(const char *path, const tensor_out *arrays, size_t count,
                      spur_error *error) SPUR_MUST_USE;

#endif
