/*
 * exclusion.h - images that no subset may hold: a list of file names or image ids, one a line.
 */
#ifndef PIPELINE_EXCLUSION_H
#define PIPELINE_EXCLUSION_H

#include "base/digest.h"
#include "pipeline/run.h"

typedef struct exclusion {
    unsigned char *is_out;        /* [images of the split] */
    uint64_t count;               /* images of the split that are left out */
    uint64_t unknown;             /* entries that mean no image of the run */
    char digest[DIGEST_HEX_SIZE]; /* of the ids left out; "" when there are none */
} exclusion;

/* file NULL: nothing is left out. log (may be NULL) is told every unknown entry, the first 20
 * by name. An entry that means an image of another split is fine. */
spur_status exclusion_make(spur_run *run, const store_split *split, const char *file,
                           const spur_monitor *monitor, exclusion *out,
                           spur_error *error) SPUR_MUST_USE;
void exclusion_free(exclusion *block);

#endif
