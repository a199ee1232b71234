/*
 * report_pages.h - the pages of a report: each writes one document from the gathered data.
 */
#ifndef REPORT_REPORT_PAGES_H
#define REPORT_REPORT_PAGES_H

#include "report/figures.h"
#include "report/page.h"
#include "report/report_data.h"
#include "report/thumbnails.h"

typedef struct report_view {
    const report_data *data;
    const thumbnails *thumbs; /* NULL: no pictures */
    const figure_list *figures;
    page_site site;
    char **originals; /* [splits] from report/ to the split's images, or NULL: no links */
} report_view;

/* ---- names ------------------------------------------------------------------------------- */

/* What a class is called: its name, else its label. */
const char *report_class_name(const report_data *of, size_t class_index);
/* A file name as the options allow it to be shown. */
const char *report_shown_path(const report_data *of, const char *file_name);
/* <a href="root/classes/7.html">name</a>; plain when the class has no page. */
void report_class_link(markup *into, const report_view *view, const char *root,
                       size_t class_index);
bool report_has_page(const report_data *of, size_t class_index);

/* ---- pictures ---------------------------------------------------------------------------- */

typedef struct picture_form {
    const char *root; /* from the page to report/ */
    bool is_inside;   /* small, as data inside the page; else lazily from the file */
    bool has_path;    /* the file's name in the caption */
    /* A further caption, or NULL: words of ours, then a name, a backbone and a head from
     * outside (the last two may be NULL). */
    const char *const *words;
} picture_form;

/* A figure: picture, box, rank and score. */
void report_picture(markup *into, const report_view *view, const report_pick *pick,
                    const picture_form *form);
/* All of a class's images in that role; nothing when there are none. */
void report_gallery(markup *into, const report_view *view, size_t class_index, report_role role,
                    const picture_form *form);
/* A sentence that explains the marks of right and wrong beside pictures; nothing without. */
void report_marks_note(markup *into, const report_view *view);
/* Histogram of a class's scores with the cuts of the subsets. */
void report_histogram(markup *into, const report_view *view, size_t class_index);

/* ---- parts of the first page ------------------------------------------------------------- */

/* Figures of the evaluation; nothing without one. */
void report_figures(markup *into, const report_view *view);
/* From the most hidden to the clearest image of each chosen class. */
void report_strips(markup *into, const report_view *view);
/* Both ends of the most telling classes, with boxes. */
void report_ends(markup *into, const report_view *view);

/* ---- pages --------------------------------------------------------------------------------
 */

void report_index_page(markup *into, const report_view *view);
void report_class_page(markup *into, const report_view *view, size_t class_index);
void report_suspects_page(markup *into, const report_view *view);
void report_invisible_page(markup *into, const report_view *view);
void report_failed_page(markup *into, const report_view *view);
void report_settings_page(markup *into, const report_view *view);

#endif
