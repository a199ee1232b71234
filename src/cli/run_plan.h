/*
 * run_plan.h - what each stage of the pipeline would do: is it done, how much is missing, how
 * long will that take, how much disk does it need. Nothing is written.
 *
 * Scoring and features are timed now, on a few images and one generated picture; the solver's
 * time is a count of operations at the rate of matrix products, measured in the same moment.
 */
#ifndef CLI_RUN_PLAN_H
#define CLI_RUN_PLAN_H

#include "cli/run_stages.h"

/* One for each stage that has something to plan; later ones use what earlier ones found. */
spur_status plan_score(run_job *job, size_t i, run_forecast *out,
                       spur_error *error) SPUR_MUST_USE;
spur_status plan_select(run_job *job, size_t i, run_forecast *out,
                        spur_error *error) SPUR_MUST_USE;
spur_status plan_features(run_job *job, size_t i, run_forecast *out,
                          spur_error *error) SPUR_MUST_USE;
spur_status plan_retrain(run_job *job, size_t i, run_forecast *out,
                         spur_error *error) SPUR_MUST_USE;
/* Noise only: all else is done in moments. */
spur_status plan_eval(run_job *job, size_t i, run_forecast *out,
                      spur_error *error) SPUR_MUST_USE;

/* Plans all stages of the tables and prints them: a table, or JSON. */
spur_status run_plan_print(const run_stage *const *tables, run_job *job, bool as_json,
                           spur_error *error) SPUR_MUST_USE;

#endif
