/*
 * head_text.h - a last layer as a C header: two arrays that read back to the same bits.
 */
#ifndef REPORT_HEAD_TEXT_H
#define REPORT_HEAD_TEXT_H

#include "models/head_file.h"

/* name: what the arrays are called by ("clear_100" gives clear_100_weight); letters that no C
 * name has become '_'. The metadata is a comment. */
spur_status head_text_write(const char *path, const char *name, const head_file *from,
                            spur_error *error) SPUR_MUST_USE;

#endif
