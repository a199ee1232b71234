/*
 * run_report.h - what the stages of a run have made, for people and as JSON.
 *
 * Times are not part of it: the same data and settings give the same bytes.
 */
#ifndef CLI_RUN_REPORT_H
#define CLI_RUN_REPORT_H

#include "cli/json_print.h"
#include "cli/run_stages.h"

/* Keys subsets, backbones and heads of an open object. */
void run_report_put(json_printer *json, const run_job *job);
/* Share of right answers per classifier and last layer (a row) and split (a column). */
void run_report_accuracies(const run_job *job, const terminal *screen);
/* One line: the names of the subsets. */
void run_report_subsets(const run_job *job);

/* What the evaluation found, in sentences. */
void run_report_findings(const run_job *job);

/* The whole result of spur run. */
void run_report_print(const run_job *job, const terminal *screen);
void run_report_json(const run_job *job);

#endif
