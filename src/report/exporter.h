/*
 * exporter.h - what all exported tables share: rows with their ranks and clipped boxes, which
 * of them are wanted, and cells of CSV.
 */
#ifndef REPORT_EXPORTER_H
#define REPORT_EXPORTER_H

#include "base/text.h"
#include "io/file.h"
#include "io/json.h"
#include "pipeline/rank.h"

/* Columns of one image, made once for all forms. */
typedef struct export_row {
    const store_row *from;
    const char *split, *label, *prompt;
    bool is_scored;
    float score;
    uint64_t rank;
    double rank_percent; /* (rank - 1/2) / images of the class that are scored */
    float box[4];        /* clipped */
    double area;         /* of the box, as a fraction of the picture */
    const char *other;   /* label, or NULL */
} export_row;

typedef struct exporter exporter;
typedef spur_status (*row_writer)(exporter *to, const export_row *row, spur_error *error);

struct exporter {
    spur_run *run;
    spur_export_options options;
    file_writer *file;
    text_buffer line;
    const char *split, *root; /* being written, and where its files are */
    const char *subset_split; /* NULL: no subset is asked for */
    uint64_t *members;        /* rows of the subset, rising */
    size_t member_count, next;
    ranking order;
    uint64_t *ranks; /* [images of the split] 0 when not scored */
    row_writer write;
    bool has_bytes;       /* some file name is not UTF-8: one more column */
    uint64_t image_count; /* of COCO's ids, so far */
    uint64_t annotation_count;
    json_writer json;
};

/* Checks the options and creates the file; close in any case. */
spur_status exporter_open(exporter *to, spur_run *run, const char *path,
                          const spur_export_options *options, spur_error *error) SPUR_MUST_USE;
void exporter_close(exporter *block);
/* Writes every wanted row with `write`. */
spur_status exporter_rows(exporter *to, row_writer write, spur_error *error) SPUR_MUST_USE;
/* Writes `line` to the file and empties it. */
spur_status exporter_flush(exporter *to, spur_error *error) SPUR_MUST_USE;
/* Sets has_bytes: when some name of the splits asked for is not UTF-8. */
spur_status exporter_look_for_bytes(exporter *to, spur_error *error) SPUR_MUST_USE;

/* Cells of a CSV row. A text that is not UTF-8 is escaped, NULL is empty. */
spur_status exporter_add_text(exporter *to, bool is_first, const char *text,
                              spur_error *error) SPUR_MUST_USE;
spur_status exporter_add_number(exporter *to, bool is_there, double value,
                                spur_error *error) SPUR_MUST_USE;
spur_status exporter_add_count(exporter *to, bool is_there, uint64_t value,
                               spur_error *error) SPUR_MUST_USE;
/* The exact bytes of a name that is not UTF-8 as base64, else an empty cell. */
spur_status exporter_add_bytes(exporter *to, const char *name, spur_error *error) SPUR_MUST_USE;

#endif
