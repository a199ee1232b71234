/*
 * stale_files.h - removes what an earlier report left behind, and nothing that is not ours.
 */
#ifndef REPORT_STALE_FILES_H
#define REPORT_STALE_FILES_H

#include <stdint.h>

#include "base/error.h"

/* Which names of a folder a report could have written. */
typedef bool (*stale_is_ours)(const char *name);

/* Removes from `folder` every file that is_ours accepts and `kept` (sorted by strcmp) does not
 * hold; adds how many to *removed. A missing folder is empty. */
spur_status stale_files_remove(const char *folder, stale_is_ours is_ours,
                               const char *const *kept, size_t count, uint64_t *removed,
                               spur_error *error) SPUR_MUST_USE;

bool stale_is_class_page(const char *name); /* "12.html" */
bool stale_is_thumbnail(const char *name);  /* 32 hexadecimal digits and ".webp" */
bool stale_is_figure(const char *name);     /* ".svg", ".csv", ".vl.json", ".dvc.json" */

#endif
