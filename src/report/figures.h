/*
 * figures.h - the figures of a run: accuracy by rank, under noise, out of distribution, gap by
 * class. Each is made of the numbers in run.db; what was not evaluated has no figure.
 *
 * docs/report.md says how to read them.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "pipeline/run.h"
#include "report/plot.h"

typedef struct figure {
    plot drawing;        /* its id, title and finding are the figure's */
    plot data;           /* the same with all that the picture has no room for */
    const char *caption; /* what is shown and how it is defined */
} figure;

typedef struct figure_list {
    figure *items;
    size_t count, capacity;
    struct figure_source *source; /* owns all texts and points */
} figure_list;

/* In the order in which they are read; none when nothing was evaluated. */
spur_status figures_make(spur_run *run, figure_list *out, spur_error *error) SPUR_MUST_USE;
void figure_list_free(figure_list *block);

typedef struct figure_files {
    bool has_png, has_pdf; /* needs a build with librsvg */
    double png_scale;      /* pixels per unit; 0 = 2 */
} figure_files;

/* True when this build can write PNG and PDF. */
bool figures_can_render(void);

/* FOLDER/<id>.svg, .csv, .vl.json (Vega-Lite over the CSV), .dvc.json (template for `dvc
 * plots`), and .png, .pdf as asked for. *count (may be NULL): how many figures. */
spur_status figures_write(spur_run *run, const char *folder, const figure_files *files,
                          size_t *count, spur_error *error) SPUR_MUST_USE;

#endif
