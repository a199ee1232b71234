/*
 * manifest_classes.h - from labels to class indices and names.
 */
#ifndef PIPELINE_MANIFEST_CLASSES_H
#define PIPELINE_MANIFEST_CLASSES_H

#include "pipeline/manifest_draft.h"

/* Fills out->classes (without counts), out->class_order and class_index of out->rows, which
 * stand in the order of from->rows. */
spur_status manifest_resolve(draft *from, const spur_data_options *options,
                             const manifest_known *known, size_t known_count, manifest *out,
                             spur_error *error) SPUR_MUST_USE;

#endif
