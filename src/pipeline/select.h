/*
 * select.h - subsets of a class's images by how visible the object is: clear, mid, hidden and
 * random k. The public part is spur_select; here is what later stages read.
 *
 * A subset is read only while the scores it was made from are the run's: after a split was
 * dropped, scored on or scored again, reading it fails and says what to do.
 */
#ifndef PIPELINE_SELECT_H
#define PIPELINE_SELECT_H

#include "pipeline/run.h"
#include "pipeline/subset_key.h"

/* Rows (indices in `split`) of the subset's images in rising order; free with memory_free. The
 * split's name lives as long as the run. name: "clear-100", "hidden-10pct", "rnd-100-s3".
 * SPUR_DATASET when there is none of that name or the scores have changed since. */
spur_status subset_members(spur_run *run, const char *name, const char **split, uint64_t **rows,
                           size_t *count, spur_error *error) SPUR_MUST_USE;

/* All subsets of the run: clear, mid, hidden, rnd, each by rising k, then seed. *keys is freed
 * with memory_free; its texts come from subset_key_text. */
spur_status subset_list(spur_run *run, subset_key **keys, size_t *count,
                        spur_error *error) SPUR_MUST_USE;

#endif
