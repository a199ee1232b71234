/*
 * expected.c - reference tensors and differences.
 */
#include "expected.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "support.h"

static double value_at(const unsigned char *bytes, tensor_dtype dtype, size_t i)
{
    float single;
    double twice;
    int64_t whole;
    switch (dtype) {
    case TENSOR_F32:
        memcpy(&single, bytes + i * sizeof single, sizeof single);
        return (double)single;
    case TENSOR_F64:
        memcpy(&twice, bytes + i * sizeof twice, sizeof twice);
        return twice;
    default:
        assert_int_equal(dtype, TENSOR_I64);
        memcpy(&whole, bytes + i * sizeof whole, sizeof whole);
        return (double)whole;
    }
}

bool expected_read(const tensor_file *from, const char *name, expected *out)
{
    const tensor_info *info = tensor_file_find(from, name);
    unsigned char *bytes = NULL;
    spur_error error;
    if (info == NULL) {
        return false;
    }
    assert_ok(memory_new(info->bytes, 1, &bytes, &error), error);
    assert_ok(tensor_file_read(from, info, bytes, &error), error);
    assert_ok(memory_new(info->elements, sizeof *out->values, &out->values, &error), error);
    for (size_t i = 0; i < info->elements; i++) {
        out->values[i] = value_at(bytes, info->dtype, i);
    }
    out->count = info->elements;
    out->columns = info->rank == 0 ? 1 : info->shape[info->rank - 1];
    memory_free(bytes);
    return true;
}

bool expected_read_best(const tensor_file *from, const char *name, expected *out)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s_f64", name);
    return expected_read(from, full, out) || expected_read(from, name, out);
}

void expected_free(expected *block)
{
    memory_free(block->values);
    *block = (expected){NULL, 0, 0};
}

double largest_difference(const expected *wanted, const float *found, size_t count)
{
    double largest = 0;
    if (count != wanted->count) {
        return HUGE_VAL;
    }
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)found[i] - wanted->values[i]);
        if (!(difference <= largest)) {
            largest = isnan(difference) ? HUGE_VAL : difference;
        }
    }
    return largest;
}

bool observe(observed *kind, double difference)
{
    if (difference > kind->largest) {
        kind->largest = difference;
    }
    return difference <= kind->tolerance;
}

void observed_print(const observed *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("  %-12s tolerance %.1e, largest difference %.2e\n", kinds[i].kind,
                      kinds[i].tolerance, kinds[i].largest);
    }
}
