/*
 * select_options.h - the lists of spur_select as subsets to make.
 */
#ifndef PIPELINE_SELECT_OPTIONS_H
#define PIPELINE_SELECT_OPTIONS_H

#include "pipeline/subset_key.h"

/* Every kind with every amount and, for random ones, every seed; in the order of
 * subset_key_compare, each once. Free with memory_free. */
spur_status select_keys(const spur_select_options *options, subset_key **keys, size_t *count,
                        spur_error *error) SPUR_MUST_USE;

#endif
