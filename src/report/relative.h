/*
 * relative.h - names of files relative to a folder.
 */
#ifndef REPORT_RELATIVE_H
#define REPORT_RELATIVE_H

#include "base/text.h"

/* The way from one absolute folder to another, "/a/b" to "/a/c/d": "../c/d/"; empty when they
 * are the same. Replaces what `into` holds. */
spur_status relative_path(const char *from, const char *to, text_buffer *into,
                          spur_error *error) SPUR_MUST_USE;

#endif
