/*
 * option_groups.h - options that several commands share, and the settings they stand for.
 */
#ifndef CLI_OPTION_GROUPS_H
#define CLI_OPTION_GROUPS_H

#include "cli/options.h"

/* --json; --no-progress; --quiet --verbose --color --help. They share one heading. */
extern const option_group json_options, progress_options, screen_options;
/* --orientation --alpha --pillow-compat --max-pixels --allow-truncated */
extern const option_group image_options;
/* --geometry --pad-value --resize --literal-config --allow-nonfinite --offline */
extern const option_group detector_options;
/* --arch --preprocessing; --resize --allow-nonfinite. They share one heading. */
extern const option_group backbone_options, network_options;
/* --split --labels --devkit --class-list --class-names --class-order --allow-duplicates --limit
 */
extern const option_group data_options;
/* --class-map --ood-rule --border; read with the options of data */
extern const option_group ood_options;

/* --naming: words for subsets */
extern const option_group naming_options;

spur_naming read_naming(const arguments *from);
spur_status read_image_options(const arguments *from, spur_image_options *out,
                               spur_error *error) SPUR_MUST_USE;
spur_status read_detector_options(const arguments *from, spur_detector_options *out,
                                  spur_error *error) SPUR_MUST_USE;
spur_status read_data_options(const arguments *from, spur_data_options *out,
                              spur_error *error) SPUR_MUST_USE;

void read_backbone_options(const arguments *from, spur_backbone_options *out);
/* --backbone or $SPUR_BACKBONE; SPUR_USAGE with the line that gets one. */
spur_status read_backbone_path(const arguments *from, const char **out,
                               spur_error *error) SPUR_MUST_USE;

/* --detector or $SPUR_DETECTOR; SPUR_USAGE with the line that gets one. */
spur_status read_detector_path(const arguments *from, const char **out,
                               spur_error *error) SPUR_MUST_USE;
spur_status read_threads(const arguments *from, size_t *out, spur_error *error) SPUR_MUST_USE;

/* The lines that get real weights, for doctor and for messages. */
#define DETECTOR_INSTALL_LINE "pip install huggingface_hub"
#define DETECTOR_DOWNLOAD_LINE "hf download google/owlvit-base-patch32"
#define BACKBONE_DOWNLOAD_LINE "hf download timm/resnet50.tv_in1k"

#endif
