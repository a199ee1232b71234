/*
 * peak.h - how fast this machine multiplies matrices: the denominator of "share of the
 * machine's limit".
 */
#ifndef NN_PEAK_H
#define NN_PEAK_H

#include "nn/engine.h"

/* GFLOP/s of independent products [576, 768] x [768, 768] with packed weights, each thread
 * its own, on `threads` threads together for about `seconds` of time. */
spur_status peak_measure(size_t threads, double seconds, double *gflops,
                         spur_error *error) SPUR_MUST_USE;

#endif
