/*
 * manifest_draft.h - rows as a reader finds them, before labels become class indices.
 */
#ifndef PIPELINE_MANIFEST_DRAFT_H
#define PIPELINE_MANIFEST_DRAFT_H

#include "pipeline/label_map.h"
#include "pipeline/manifest.h"

typedef struct draft_row {
    const char *file_name, *label, *split; /* label NULL: none is needed */
    size_t line;                           /* 1-based, 0 when there is no manifest */
} draft_row;

typedef struct draft {
    arena *texts;
    const char *root;
    draft_row *rows;
    manifest_detail *details; /* NULL, or one per row */
    size_t count, capacity, detail_capacity;
    const char **labels; /* classes without images too: folder names */
    size_t label_count, label_capacity;
    bool needs_label;
    label_map map; /* applied: rows have labels of ours; no pair: there is none */
    const char *last_label, *last_split; /* the last row's: repeated texts are kept once */
    const char **warnings;
    size_t warning_count, warning_capacity;
} draft;

/* Keeps a row; file_name is normalised ("./" and doubled "/" go). Texts are copied. detail may
 * be NULL. */
spur_status draft_add(draft *into, const char *file_name, const char *label, const char *split,
                      size_t line, const manifest_detail *detail,
                      spur_error *error) SPUR_MUST_USE;
spur_status draft_warn(draft *into, spur_error *error, const char *format, ...)
    PRINTF_LIKE(3, 4) SPUR_MUST_USE;
void draft_free(draft *block);

/* root/<class>/ at any depth. */
spur_status draft_read_folder(draft *into, const char *root, const char *split,
                              spur_error *error) SPUR_MUST_USE;
/* A flat folder and its labels file. */
spur_status draft_read_flat(draft *into, const char *root, const char *labels,
                            const char *split, spur_error *error) SPUR_MUST_USE;
/* CSV or JSONL, told apart by the first character; "-" is standard input. */
spur_status draft_read_table(draft *into, const char *path, const char *split,
                             spur_error *error) SPUR_MUST_USE;

#endif
