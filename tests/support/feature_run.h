/*
 * feature_run.h - a run folder with features, for the stages that train and evaluate heads.
 */
#ifndef TEST_FEATURE_RUN_H
#define TEST_FEATURE_RUN_H

#include "run_maker.h"

/* make_split, then features [count, width] of backbone "made"; MATRIX is a file for them. */
void make_feature_split(const char *folder, const char *split, const run_row *rows,
                        size_t count, const float *features, size_t width, const char *matrix);

#endif
