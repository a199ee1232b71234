/*
 * group_values.h - the group of every image of a run: the manifest's column `group`, or any
 * further column that holds a few categories.
 */
#ifndef PIPELINE_GROUP_VALUES_H
#define PIPELINE_GROUP_VALUES_H

#include "pipeline/evaluation_rows.h"
#include "pipeline/truth_column.h"

#define GROUP_NONE UINT32_MAX

typedef struct group_values {
    const char *column;
    const char **names; /* [count], in byte order */
    size_t count;       /* 0: no image has a group */
    uint32_t **of;      /* [splits of the run][images]: index in names, or GROUP_NONE */
    size_t split_count;
    arena *texts;
} group_values;

/* column NULL: `group`. SPUR_DATASET for a column that is not there, or holds too many values
 * for groups. */
spur_status group_values_make(spur_run *run, const char *column, group_values *out,
                              spur_error *error) SPUR_MUST_USE;
void group_values_free(group_values *block);

#endif
