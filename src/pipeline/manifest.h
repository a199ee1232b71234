/*
 * manifest.h - a dataset as rows: every input image is exactly one row, in a fixed order.
 *
 * Rows of a split stand together, splits in the order of their first row; within a split the
 * order is the dataset's (image folder: class, then path; manifest: line). A row's index in its
 * split decides batch and slot, so nothing later depends on threads.
 */
#ifndef PIPELINE_MANIFEST_H
#define PIPELINE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"

typedef struct manifest_row {
    const char *file_name; /* exact bytes; relative to root unless absolute */
    uint32_t class_index;
} manifest_row;

/* What a manifest says of a row beyond file and label. */
typedef struct manifest_detail {
    const char *group; /* NULL when there is none */
    const char *extra; /* other columns as a JSON object, or NULL */
    double weight;
} manifest_detail;

typedef struct manifest_class {
    const char *label;
    const char *name; /* for prompts */
    uint64_t images;
} manifest_class;

typedef struct manifest_split {
    const char *name;
    size_t first, count;          /* rows */
    char digest[DIGEST_HEX_SIZE]; /* over its rows, classes and details */
} manifest_split;

typedef struct manifest {
    arena *texts;
    const char *root; /* folder of relative file names; "" is the working folder */
    manifest_row *rows;
    manifest_detail *details; /* one per row, or NULL */
    size_t count;
    manifest_class *classes;
    size_t class_count;
    manifest_split *splits;
    size_t split_count;
    const char *class_order; /* as resolved: "lex", "natural", "numeric", "file", "run" */
    const char **warnings;   /* for people */
    size_t warning_count, warning_capacity;
    spur_ood_rule rule;               /* as resolved, never AUTO */
    char map_digest[DIGEST_HEX_SIZE]; /* of options->class_map; "": none */
    uint64_t excluded_classes, excluded_images;
} manifest;

/* Classes a run already has; labels then mean these. Texts are copied. */
typedef struct manifest_known {
    const char *label, *name;
} manifest_known;

/* options may be NULL for the defaults, known when there are none. Failures are SPUR_DATASET
 * (SPUR_USAGE for options that contradict each other) and give the line. */
spur_status manifest_read(const char *path, const spur_data_options *options,
                          const manifest_known *known, size_t known_count, manifest **out,
                          spur_error *error) SPUR_MUST_USE;
void manifest_free(manifest *block);

/* Path to open for a row's file name; free with memory_free. */
spur_status manifest_path(const manifest *from, const char *file_name, char **out,
                          spur_error *error) SPUR_MUST_USE;

/* Just the files of path, without labels, for `check`: below a folder whatever the layout, the
 * rows of a manifest, or one file. */
spur_status manifest_list(const char *path, const spur_data_options *options, manifest **out,
                          spur_error *error) SPUR_MUST_USE;

#endif
