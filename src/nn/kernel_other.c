/*
 * kernel_other.c - the inner loops of processors other than x86-64: plain C.
 */
#include "nn/kernel.h"

const kernel *kernel_native(void)
{
    return &kernel_plain;
}
