/*
 * expected.h - reference tensors as doubles, and how far found numbers are from them.
 */
#ifndef TEST_EXPECTED_H
#define TEST_EXPECTED_H

#include <stdbool.h>
#include <stddef.h>

#include "io/tensor.h"

/* Values of one tensor (F32, F64 or I64), each exact in a double. */
typedef struct expected {
    double *values;
    size_t count;
    size_t columns; /* last axis; 1 for a scalar */
} expected;

/* False when the file has no such tensor. Free with expected_free. */
bool expected_read(const tensor_file *from, const char *name, expected *out);
/* The tensor NAME_f64 when there is one, else NAME. */
bool expected_read_best(const tensor_file *from, const char *name, expected *out);
void expected_free(expected *block);

/* max |found - expected| over count floats; infinity when a difference is not a number. */
double largest_difference(const expected *wanted, const float *found, size_t count);

/* Keeps the largest difference per kind of number, for the printed report. */
typedef struct observed {
    const char *kind;
    double tolerance, largest;
} observed;

/* True when `difference` is within the tolerance. */
bool observe(observed *kind, double difference);
void observed_print(const observed *kinds, size_t count);

#endif
