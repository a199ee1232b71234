/*
 * evaluate.h - the parts of an evaluation. Each makes its numbers and keeps them in the run as
 * a stage (io/store_results.h); what is made from unchanged inputs is left alone.
 */
#ifndef PIPELINE_EVALUATE_H
#define PIPELINE_EVALUATE_H

#include "pipeline/run.h"

/* Stage "eval": accuracies, curves by rank, tests between heads. */
spur_status evaluate_curves(spur_run *run, const spur_eval_options *options,
                            const spur_monitor *monitor, spur_error *error) SPUR_MUST_USE;

/* Stage "controls": shuffled ranks, strata, partial correlations, agreement with the model's
 * own ranking. Reads the sizes k of stage "eval". */
spur_status evaluate_controls(spur_run *run, const spur_eval_options *options,
                              const spur_monitor *monitor, spur_error *error) SPUR_MUST_USE;

/* Stage "ood": splits out of distribution beside one in it, on the same classes. */
spur_status evaluate_ood(spur_run *run, const spur_eval_options *options,
                         const spur_monitor *monitor, spur_error *error) SPUR_MUST_USE;

/* Stage "groups": accuracy by a column of groups; nothing when no image has one. */
spur_status evaluate_groups(spur_run *run, const spur_eval_options *options,
                            const spur_monitor *monitor, spur_error *error) SPUR_MUST_USE;

/* Stage "noise": accuracy with noise in the object's box and around it (options->noise). */
spur_status evaluate_noise(spur_run *run, const spur_eval_options *options,
                           const spur_monitor *monitor, spur_error *error) SPUR_MUST_USE;

/* Stage "audit": the detector without the object's box and with nothing else
 * (options->audit). */
spur_status evaluate_audit(spur_run *run, const spur_eval_options *options,
                           const spur_monitor *monitor, spur_error *error) SPUR_MUST_USE;

#endif
