/*
 * sheet.h - contact sheets: rows of small square pictures with a name in front.
 */
#ifndef REPORT_SHEET_H
#define REPORT_SHEET_H

#include "report/paint.h"

enum {
    SHEET_CELL = 96 /* pixels of a cell's picture */
};

typedef struct sheet {
    image page;
    size_t rows, columns;
} sheet;

/* An empty page for rows x columns cells. */
spur_status sheet_open(size_t rows, size_t columns, sheet *out,
                       spur_error *error) SPUR_MUST_USE;
void sheet_close(sheet *block);

/* The row's name, cut to fit. */
void sheet_name_row(sheet *on, size_t row, const char *name);
/* A heading over a column. */
void sheet_head_column(sheet *on, size_t column, const char *text);

/* One cell: the picture (at most SHEET_CELL each way; smaller ones are centred), a frame in
 * the picture's pixels or NULL, and a line under it or NULL. */
typedef struct sheet_cell {
    size_t row, column;
    const image *picture;
    const float *box;
    const char *caption;
} sheet_cell;
void sheet_put(sheet *on, const sheet_cell *cell);

#endif
