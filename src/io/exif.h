/*
 * exif.h - the orientation of a picture from an EXIF block or an XMP packet.
 */
#ifndef IO_EXIF_H
#define IO_EXIF_H

#include <stdbool.h>
#include <stddef.h>

/* Tag 0x0112 of the first directory of a TIFF block, with or without "Exif\0\0" before it.
 * False when the block has no such tag or is unreadable; *orientation is 1..8, 1 for values
 * that mean nothing. Reads nothing outside the block, whatever it says. */
bool exif_orientation(const unsigned char *block, size_t size, unsigned *orientation);

/* The same from tiff:Orientation in an XMP packet (attribute or element). */
bool xmp_orientation(const unsigned char *packet, size_t size, unsigned *orientation);

/* The two sources of one file: EXIF wins, XMP counts when EXIF has no tag. */
typedef struct orientation_source {
    const unsigned char *exif, *xmp; /* NULL when absent */
    size_t exif_size, xmp_size;
} orientation_source;

unsigned orientation_find(const orientation_source *from);

#endif
