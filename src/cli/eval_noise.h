/*
 * eval_noise.h - the options of spur eval --noise and --audit.
 */
#ifndef CLI_EVAL_NOISE_H
#define CLI_EVAL_NOISE_H

#include "cli/options.h"

extern const option_group noise_group, audit_group;

/* What the options point to. */
typedef struct noise_arguments {
    const char *models[32];
    double alphas[32];
} noise_arguments;

spur_status read_noise_options(const arguments *from, noise_arguments *kept,
                               spur_eval_options *out, spur_error *error) SPUR_MUST_USE;

#endif
