/*
 * truth_print.h - a ranking's quality against truth and its label suspects, for people and as
 * JSON.
 */
#ifndef CLI_TRUTH_PRINT_H
#define CLI_TRUTH_PRINT_H

#include "cli/json_print.h"
#include "cli/terminal.h"

/* One column; per class and, with -v, also per other value. */
void truth_print(const spur_truth_summary *summary, const terminal *screen);
void truth_print_json(const spur_truth_summary *summary, json_printer *json);

void boxes_print(const spur_box_quality *quality, const char *condition);
void boxes_print_json(const spur_box_quality *quality, const char *condition,
                      json_printer *json);

/* The first `most` suspects, 0 = all; column: what they are counted by, or NULL. */
void suspects_print(const spur_suspect_summary *summary, size_t most, const char *column,
                    const terminal *screen);
void suspects_print_json(const spur_suspect_summary *summary, size_t most, const char *column,
                         json_printer *json);

#endif
