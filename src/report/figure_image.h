/*
 * figure_image.h - SVG to PNG and PDF through librsvg, when the build has it.
 *
 * Texts are set in the fonts of the machine: unlike all else, these files are not the same
 * bytes everywhere.
 */
#ifndef REPORT_FIGURE_IMAGE_H
#define REPORT_FIGURE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

bool figure_image_is_there(void);

/* `scale`: pixels, or points of a PDF, per unit of the SVG. SPUR_USAGE without librsvg. */
spur_status figure_image_write(const char *text, size_t length, bool is_pdf, double scale,
                               const char *path, spur_error *error) SPUR_MUST_USE;

#endif
