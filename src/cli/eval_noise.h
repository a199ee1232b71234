/*
 * eval_noise.h - the options of spur eval --noise and --audit.
 */
#ifndef CLI_EVAL_NOISE_H
#define CLI_EVAL_NOISE_H

#include "cli/options.h"

extern const option_group noise_group, audit_group;
/* The models, where --backbone and --detector do not say them. */
extern const option_group noise_model_group, audit_model_group;

/* What the options point to. */
typedef struct noise_arguments {
    const char *models[32];
    double strengths[32];
} noise_arguments;

/* Models that *out has already are not asked for; noise may have been asked for there, too. */
spur_status read_noise_options(const arguments *from, noise_arguments *kept,
                               spur_eval_options *out, spur_error *error) SPUR_MUST_USE;

#endif
