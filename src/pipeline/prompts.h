/*
 * prompts.h - what the detector is asked for each class: templates filled with its name, and
 * their embeddings.
 *
 * One template: its text embedding. Several: the mean of the normalised embeddings, which is
 * not normalised again, so that a logit is the mean of the templates' logits.
 */
#ifndef PIPELINE_PROMPTS_H
#define PIPELINE_PROMPTS_H

#include "base/memory.h"
#include "io/store.h"
#include "models/detector.h"
#include "pipeline/manifest.h"

typedef struct prompts {
    arena *texts;
    const char **templates; /* each holds {} once or more */
    size_t count;
    const char *text; /* all templates, one per line */
} prompts;

/* option: NULL, "best7", a template with {}, or a file of templates. SPUR_USAGE when it is
 * none of these; SPUR_DATASET for a bad file. */
spur_status prompts_read(const char *option, prompts **out, spur_error *error) SPUR_MUST_USE;
void prompts_free(prompts *block);

/* The i-th template filled with a name. */
spur_status prompts_fill(const prompts *from, size_t i, const char *name, text_buffer *into,
                         spur_error *error) SPUR_MUST_USE;

/* Fills class->prompt, tokens, is_truncated and query[embedding] (allocated by the caller). */
spur_status prompts_encode(const prompts *from, detector_worker *worker, size_t embedding,
                           const char *name, arena *texts, store_class *into, float *query,
                           spur_error *error) SPUR_MUST_USE;

#endif
