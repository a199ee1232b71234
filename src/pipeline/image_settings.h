/*
 * image_settings.h - how images are read in a run, as the text run.db keeps.
 *
 * Scoring decides; every later stage that reads the images again reads them the same way.
 */
#ifndef PIPELINE_IMAGE_SETTINGS_H
#define PIPELINE_IMAGE_SETTINGS_H

#include "base/error.h"

enum {
    IMAGE_SETTINGS_SIZE = 200
};

void image_settings_describe(const spur_image_options *options, char out[IMAGE_SETTINGS_SIZE]);
/* SPUR_DATASET when the text is none that image_settings_describe gives. */
spur_status image_settings_parse(const char *text, spur_image_options *out,
                                 spur_error *error) SPUR_MUST_USE;

#endif
