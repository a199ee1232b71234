/*
 * control_claims.h - what survives the controls and what does not, in sentences.
 */
#ifndef PIPELINE_CONTROL_CLAIMS_H
#define PIPELINE_CONTROL_CLAIMS_H

#include "pipeline/controls.h"
#include "pipeline/permutation.h"
#include "pipeline/result_list.h"

/* What the controls found of one head at one k. Undefined numbers are NaN. */
typedef struct control_story {
    const char *k; /* "100" */
    permutation_head null;
    double low, high;                  /* 95 % interval of null.all.gap */
    double unsuspected;                /* gap without suspects */
    double within[CONFOUND_MOST];      /* gap inside strata of each number of the group */
    confound_correlation plain, given; /* rank and right, given all numbers */
} control_story;

/* One head: the gap, against shuffled ranks, inside strata. */
spur_status claim_gap(const control_group *group, size_t of_head, const control_story *story,
                      size_t permutations, result_list *into, spur_error *error) SPUR_MUST_USE;
/* Correlation of rank and right, plain and given the numbers. */
spur_status claim_given(const control_group *group, size_t of_head, const control_story *story,
                        result_list *into, spur_error *error) SPUR_MUST_USE;
/* In how many classes of the head the gap alone is beyond chance. */
spur_status claim_classes(const spur_run *run, const control_group *group, size_t of_head,
                          const permutation_result *null, result_list *into,
                          spur_error *error) SPUR_MUST_USE;
/* All heads but `except`: how many gaps survive. */
spur_status claim_others(const control_group *group, size_t except, const char *k,
                         const permutation_result *null, result_list *into,
                         spur_error *error) SPUR_MUST_USE;
/* Images whose places in class by the detector's logit and by -loss are furthest apart; loss by
 * row of the split, NaN: not known. */
spur_status claim_moved(const spur_run *run, const control_group *group, const double *loss,
                        result_list *into, spur_error *error) SPUR_MUST_USE;
/* Classes that the detector cannot see, and images whose label may be wrong. */
spur_status claim_split(const spur_run *run, const control_split *split, result_list *into,
                        spur_error *error) SPUR_MUST_USE;

#endif
