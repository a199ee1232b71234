/*
 * feature_run.h - a run folder with features, for the stages that train and evaluate heads.
 */
#ifndef TEST_FEATURE_RUN_H
#define TEST_FEATURE_RUN_H

#include "run_maker.h"

/* make_split, then features [count, width] of backbone "made"; MATRIX is a file for them. */
void make_feature_split(const char *folder, const char *split, const run_row *rows,
                        size_t count, const float *features, size_t width, const char *matrix);

/* `count` images, at most 64, of three classes in turn with rising logits; features [count,
 * width] are noise and, on the class's own axis, 1, or growing with the logit when is_rising.
 */
void fill_class_rows(run_row *rows, float *features, size_t count, size_t width, bool is_rising,
                     uint64_t seed);

#endif
