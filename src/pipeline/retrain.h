/*
 * retrain.h - what the training of heads from a run and from a bare matrix share: the summary,
 * and the notes a head file carries.
 */
#ifndef PIPELINE_RETRAIN_H
#define PIPELINE_RETRAIN_H

#include "base/memory.h"
#include "base/text.h"
#include "models/head_file.h"
#include "pipeline/recipe.h"

/* A summary and the memory of everything in it. */
typedef struct retrain_summary {
    spur_retrain_summary open; /* first: what the caller sees */
    arena *memory;
    size_t capacity;
} retrain_summary;

spur_status retrain_summary_new(size_t heads, retrain_summary **out,
                                spur_error *error) SPUR_MUST_USE;
/* A text that lives as long as the summary. */
spur_status retrain_text(retrain_summary *in, const char *text, const char **out,
                         spur_error *error) SPUR_MUST_USE;
/* Numbers of a finished fit. */
spur_status retrain_fill(retrain_summary *in, spur_head_summary *row, const recipe_result *from,
                         spur_error *error) SPUR_MUST_USE;

/* Options as a job; C in range, folds at least 2. The job borrows the options. */
spur_status retrain_job(const spur_retrain_options *options, recipe_job *out,
                        spur_error *error) SPUR_MUST_USE;

/* "key=value" lines of all that decides a head's bytes: its digest is the note "settings". */
spur_status retrain_settings(const spur_retrain_options *options, text_buffer *into,
                             spur_error *error) SPUR_MUST_USE;

/* Writes a head with its notes: `more` are pairs of key and value besides those made from the
 * summary. */
spur_status retrain_write(const char *path, const char *prefix, const spur_head_summary *row,
                          const recipe_result *from, const char *const *more, size_t more_count,
                          spur_error *error) SPUR_MUST_USE;
/* The numbers back from a file's notes. */
spur_status retrain_read(retrain_summary *in, const head_file *from, spur_head_summary *row,
                         spur_error *error) SPUR_MUST_USE;

/* Fills row->splits[i] from the head's predictions; original may be NULL. */
spur_status retrain_tally(const recipe_result *from, const head *original,
                          const training_rows *rows, const uint32_t *labels, size_t threads,
                          spur_head_split *out, spur_error *error) SPUR_MUST_USE;
/* The curve between two heads on some rows: steps + 1 points. */
spur_status retrain_blend(retrain_summary *in, const head *original, const head *own,
                          const training_rows *rows, const uint32_t *labels, size_t steps,
                          size_t threads, spur_head_summary *out,
                          spur_error *error) SPUR_MUST_USE;

#endif
