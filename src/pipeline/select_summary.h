/*
 * select_summary.h - what spur_select tells: definitions, counts per subset and class.
 */
#ifndef PIPELINE_SELECT_SUMMARY_H
#define PIPELINE_SELECT_SUMMARY_H

#include "pipeline/subset_pool.h"

/* The public part first: its address is the whole block's. */
typedef struct select_summary {
    spur_select_summary shown;
    arena *texts;
} select_summary;

/* Room for `capacity` subsets; classes and counts of the pool are filled in. */
spur_status select_summary_new(const spur_run *run, const store_split *split,
                               const subset_pool *pool, const ranking *order, size_t capacity,
                               select_summary **out, spur_error *error) SPUR_MUST_USE;
/* The next subset, with its names and definition; *class_images is for the caller to fill. */
spur_status select_summary_add(select_summary *into, const subset_key *key, spur_naming naming,
                               spur_subset **out, uint64_t **class_images,
                               spur_error *error) SPUR_MUST_USE;
/* Sums of the subset's class_images. */
void select_summary_count(const select_summary *from, const subset_key *key, spur_subset *into);
void select_summary_free(select_summary *block);

#endif
