/*
 * stage_options.h - settings of the pipeline's stages from any command line that has their
 * options; each is read where the stage's own command is. Options that a command does not have
 * stay at their defaults.
 */
#ifndef CLI_STAGE_OPTIONS_H
#define CLI_STAGE_OPTIONS_H

#include "cli/options.h"

struct terminal;

enum {
    C_MOST = 64, /* values of --C */
    MOST_CONFOUNDS = 11
};

/* --prompts --agg --margin --objectness; --subset -k --seeds --exclude; --recipe --C --k-fold
 * --class-weight --raw --warm-start; --no-controls --permutations --confound; --auto --auto-k
 * --auto-clear --auto-drop; --id-split --group-column --group-min */
extern const option_group scoring_options, subset_options, recipe_options, controls_group,
    sets_group, auto_options;

spur_status read_score_options(const arguments *from, spur_score_options *out,
                               spur_error *error) SPUR_MUST_USE;
void read_select_options(const arguments *from, spur_select_options *out);
spur_status read_features_options(const arguments *from, spur_features_options *out,
                                  spur_error *error) SPUR_MUST_USE;
/* values [C_MOST] live as long as *out. */
spur_status read_retrain_options(const arguments *from, double *values,
                                 spur_retrain_options *out, spur_error *error) SPUR_MUST_USE;

spur_status read_eval_options(const arguments *from, spur_eval_options *out,
                              spur_error *error) SPUR_MUST_USE;
/* columns [MOST_CONFOUNDS] holds the names that the options point to. */
spur_status read_confounds(const arguments *from, const char **columns, spur_eval_options *out,
                           spur_error *error) SPUR_MUST_USE;

/* --backbone as often as given, else $SPUR_BACKBONE. */
spur_status read_backbone_paths(const arguments *from, const char **out, size_t capacity,
                                size_t *count, spur_error *error) SPUR_MUST_USE;

/* What a scoring call should be told of: EXIF, transparency, decoder warnings, copies. */
void score_show_warnings(const spur_score_summary *summary, const spur_image_options *images,
                         struct terminal *screen);
/* Classes too small for k or 2k, entries of an exclusion list that mean nothing. */
void select_show_warnings(const spur_select_summary *summary, struct terminal *screen);

#endif
