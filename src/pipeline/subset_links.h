/*
 * subset_links.h - a subset as an image folder of links: <class>/<image>.
 */
#ifndef PIPELINE_SUBSET_LINKS_H
#define PIPELINE_SUBSET_LINKS_H

#include "pipeline/run.h"

/* Links to all images of the subset in folder/below/<class>/ (below NULL: folder/<class>/).
 *
 * A class folder is named as its label, or "class-<index>" when the label is no safe name; a
 * link as its image without folders, or <image id>-<image> when two images of the class have
 * that name or the name begins with a dot. A folder that holds anything else is refused. */
spur_status subset_links_make(spur_run *run, const char *subset, const char *folder,
                              const char *below, uint64_t *links,
                              spur_error *error) SPUR_MUST_USE;

#endif
