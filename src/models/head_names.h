/*
 * head_names.h - what a head file calls its outputs: the note "class_names", a JSON list.
 */
#ifndef MODELS_HEAD_NAMES_H
#define MODELS_HEAD_NAMES_H

#include "base/memory.h"
#include "base/text.h"
#include "models/head_file.h"

/* One name per class; *out is NULL when the file does not say. SPUR_MODEL: no such list. */
spur_status head_names_read(const head_file *from, arena *owner, const char *const **out,
                            spur_error *error) SPUR_MUST_USE;
/* The note's text. */
spur_status head_names_list(const char *const *names, size_t count, text_buffer *into,
                            spur_error *error) SPUR_MUST_USE;

#endif
