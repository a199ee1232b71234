/*
 * thumbnails.h - small pictures of the shown images, decoded again as they were scored.
 *
 * A thumbnail is a WebP of at most THUMBNAIL_SIDE pixels a side in report/thumbs, named by what
 * decides its bytes: the digest of the image file as it was scored, how images are read in the
 * run, and the size. One that is there is not made again. A file that cannot be read any more,
 * or holds other bytes than those that were scored, has none, and `problem` says why.
 */
#ifndef REPORT_THUMBNAILS_H
#define REPORT_THUMBNAILS_H

#include "report/report_data.h"

enum {
    THUMBNAIL_SIDE = 208,
    THUMBNAIL_SMALL = 112, /* of the first page's, which are inside it */
    THUMBNAIL_NAME_SIZE = 48
};

typedef struct thumbnail {
    char name[THUMBNAIL_NAME_SIZE]; /* file name in the folder */
    size_t width, height;
    char *problem; /* NULL, or why there is none */
    bool was_there;
} thumbnail;

typedef struct thumbnails {
    char *folder;
    thumbnail *items; /* [count], one per image of the data */
    size_t count;
    uint64_t made, failed;
} thumbnails;

/* Makes the missing ones with options->threads threads; the same bytes for any number. */
spur_status thumbnails_make(const report_data *of, const char *folder,
                            const spur_monitor *monitor, thumbnails *out,
                            spur_error *error) SPUR_MUST_USE;
void thumbnails_free(thumbnails *block);

/* A thumbnail at most THUMBNAIL_SMALL pixels a side as a WebP in memory; free *bytes with
 * memory_free. */
spur_status thumbnails_small(const thumbnails *of, size_t image, unsigned char **bytes,
                             size_t *size, spur_error *error) SPUR_MUST_USE;

#endif
