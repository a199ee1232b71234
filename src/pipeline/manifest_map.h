/*
 * manifest_map.h - rows that speak of classes in their own words, before labels are resolved.
 */
#ifndef PIPELINE_MANIFEST_MAP_H
#define PIPELINE_MANIFEST_MAP_H

#include "pipeline/manifest_draft.h"

/* Gives the rows labels of ours: by options->class_map, else by what out->rule says of the
 * set's folders. Rows of other classes are dropped and counted in *out. Texts live in
 * out->texts. known are the run's classes, count 0 when there are none. */
spur_status manifest_map_labels(draft *from, const spur_data_options *options,
                                const manifest_known *known, size_t known_count, manifest *out,
                                spur_error *error) SPUR_MUST_USE;

#endif
