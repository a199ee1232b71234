/*
 * report_style.h - the style sheet and the script of the report's pages, as CMake makes them
 * from report.css and report.js (cmake/embed_text.cmake). Not NUL-terminated.
 */
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

#include <stddef.h>

extern const char report_style[];
extern const size_t report_style_size;
extern const char report_script[];
extern const size_t report_script_size;

#endif
