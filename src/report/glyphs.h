/*
 * glyphs.h - a 5x7 pixel alphabet for labels on pictures, so that drawing needs no fonts.
 */
#ifndef REPORT_GLYPHS_H
#define REPORT_GLYPHS_H

enum {
    GLYPH_WIDTH = 5,
    GLYPH_HEIGHT = 7
};

/* Column bytes of printable ASCII (bit 0 is the top row); other characters give a box. */
const unsigned char *glyph_columns(char character);

#endif
