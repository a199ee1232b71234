/*
 * report_lists.c - what needs a person's eye: label suspects, classes that the detector cannot
 * see, failed images.
 */
#include <math.h>

#include "report/report_pages.h"

static void open_table(markup *into, const char *label, const char *columns)
{
    html_format(into,
                "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">\n"
                "<table class=\"sortable\">\n<thead><tr>",
                label);
    markup_raw(into, columns);
    markup_raw(into, "</tr></thead>\n<tbody>\n");
}

static void close_table(markup *into)
{
    markup_raw(into, "</tbody>\n</table>\n</div>\n");
}

static void add_path(markup *into, const report_view *view, const char *file_name)
{
    markup_raw(into, "<td class=path>");
    html_name(into, report_shown_path(view->data, file_name));
    markup_raw(into, "</td>");
}

static void add_cut_note(markup *into, uint64_t shown, uint64_t all, const char *command)
{
    if (shown < all) {
        markup_raw(into, "<p class=\"note\">The first ");
        html_count(into, shown);
        markup_raw(into, " of ");
        html_count(into, all);
        html_format(into, "; all of them: <code>%s</code></p>\n", command);
    }
}

/* ---- label suspects ---------------------------------------------------------------------- */

static void add_suspect(markup *into, const report_view *view, const spur_suspect *suspect)
{
    markup_raw(into, "<tr>");
    add_path(into, view, suspect->file_name);
    html_cell_text(into, suspect->split);
    markup_raw(into, "<td>");
    report_class_link(into, view, "", suspect->class_index);
    markup_raw(into, "</td><td>");
    report_class_link(into, view, "", suspect->proposed_index);
    markup_raw(into, "</td>");
    html_cell_number(into, (double)suspect->logit, 2);
    html_cell_share(into, suspect->percentile);
    html_cell_number(into, (double)suspect->proposed_logit, 2);
    html_cell_share(into, suspect->proposed_percentile);
    markup_raw(into, "</tr>\n");
}

/* The first suspects of all classes as pictures, in the order of the table. */
static void add_suspect_pictures(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    enum {
        MOST = 24
    };
    markup_raw(into, "<div class=\"gallery\">\n");
    for (size_t i = 0; i < data->suspects->count && i < MOST; i++) {
        const report_class *class = &data->classes[data->suspects->suspects[i].class_index];
        for (size_t p = class->first_pick[REPORT_SUSPECT];
             p < class->first_pick[REPORT_SUSPECT + 1]; p++) {
            if (data->picks[p].note == i) {
                size_t proposed = data->suspects->suspects[i].proposed_index;
                const char *words[] = {"looks like ", report_class_name(data, proposed), NULL,
                                       NULL};
                picture_form form = {.root = "", .has_path = true, .words = words};
                report_picture(into, view, &data->picks[p], &form);
            }
        }
    }
    markup_raw(into, "</div>\n");
}

static void add_suspects(markup *into, const report_view *view)
{
    const spur_suspect_summary *suspects = view->data->suspects;
    size_t shown =
        suspects->count < REPORT_MOST_SUSPECTS ? suspects->count : REPORT_MOST_SUSPECTS;
    add_suspect_pictures(into, view);
    open_table(into, "Label suspects",
               "<th>Image</th><th>Split</th><th>Label</th><th>Looks like</th><th class=n>Own "
               "score</th><th class=n>Percentile</th><th class=n>Other score</th><th "
               "class=n>Percentile</th>");
    for (size_t i = 0; i < shown; i++) {
        add_suspect(into, view, &suspects->suspects[i]);
    }
    close_table(into);
    add_cut_note(into, shown, suspects->count, "spur rank RUN --suspects 0");
}

void report_suspects_page(markup *into, const report_view *view)
{
    page of = {.title = "Label suspects", .root = "", .here = "suspects.html"};
    const spur_suspect_summary *suspects = view->data->suspects;
    page_open(into, &view->site, &of);
    markup_raw(into, "<h1>Label suspects</h1>\n<p class=\"deck\">Images whose own class the "
                     "detector hardly sees (below the 10th percentile of the class) while it "
                     "sees another at least as well as in half of that class\xE2\x80\x99s own "
                     "images. They are hints, not verdicts: look before you change a "
                     "label.</p>\n");
    if (suspects == NULL) {
        markup_raw(into, "<p>The run has too many classes to keep the scores of other classes, "
                         "so it cannot tell.</p>\n");
    } else if (suspects->count == 0) {
        markup_raw(into, "<p>There are none.</p>\n");
    } else {
        add_suspects(into, view);
    }
    page_close(into, &view->site, &of);
}

/* ---- invisible classes ------------------------------------------------------------------- */

static void add_invisible(markup *into, const report_view *view, size_t class_index)
{
    const store_class *class = &view->data->run->classes[class_index];
    const spur_class_rank *rank = view->data->classes[class_index].rank;
    markup_raw(into, "<tr><td>");
    report_class_link(into, view, "", class_index);
    markup_raw(into, "</td>");
    html_cell_text(into, class->label);
    html_cell_text(into, class->prompt);
    html_cell_count(into, rank->scored);
    html_cell_number(into, rank->auc, 3);
    html_cell_number(into, rank->auc_low, 3);
    markup_raw(into, "</tr>\n");
}

void report_invisible_page(markup *into, const report_view *view)
{
    page of = {.title = "Invisible classes", .root = "", .here = "invisible.html"};
    const report_data *data = view->data;
    page_open(into, &view->site, &of);
    markup_raw(
        into, "<h1>Invisible classes</h1>\n<p class=\"deck\">Classes that the detector can "
              "hardly tell from the others: the 95% bound of the AUC of their query is under "
              "0.6. The order of their images says little, and no conclusion should rest on "
              "it.</p>\n<p>Often the name in the prompt is not what the images show, or a word "
              "the detector does not know. Try another name (<code>spur score --class-names "
              "FILE</code>) or other prompts (<code>--prompts best7</code>).</p>\n");
    if (data->invisible == 0) {
        markup_raw(into, "<p>There are none.</p>\n");
    } else {
        open_table(into, "Invisible classes",
                   "<th>Class</th><th>Label</th><th>Prompt</th><th class=n>Images</th><th "
                   "class=n>AUC</th><th class=n>95% bound</th>");
        for (size_t c = 0; c < data->run->class_count; c++) {
            if (data->classes[c].rank != NULL && data->classes[c].rank->is_invisible) {
                add_invisible(into, view, c);
            }
        }
        close_table(into);
    }
    page_close(into, &view->site, &of);
}

/* ---- failed images ----------------------------------------------------------------------- */

static void add_failure(markup *into, const report_view *view, const report_failure *failure)
{
    markup_raw(into, "<tr>");
    add_path(into, view, failure->file_name);
    html_cell_text(into, view->data->run->splits[failure->split].name);
    markup_raw(into, "<td>");
    report_class_link(into, view, "", failure->class_index);
    markup_raw(into, "</td>");
    html_cell_text(into, failure->reason);
    markup_raw(into, "</tr>\n");
}

void report_failed_page(markup *into, const report_view *view)
{
    page of = {.title = "Failed images", .root = "", .here = "failed.html"};
    const report_data *data = view->data;
    page_open(into, &view->site, &of);
    markup_raw(into, "<h1>Failed images</h1>\n<p class=\"deck\">Every image of the input is "
                     "scored or stands here with the reason. Found ");
    html_count(into, data->ranks->scored + data->failed);
    markup_raw(into, " = ");
    html_count(into, data->ranks->scored);
    markup_raw(into, " scored + ");
    html_count(into, data->failed);
    markup_raw(into, " failed.</p>\n");
    if (data->failure_count > 0) {
        open_table(into, "Failed images",
                   "<th>Image</th><th>Split</th><th>Class</th><th>Reason</th>");
        for (size_t i = 0; i < data->failure_count; i++) {
            add_failure(into, view, &data->failures[i]);
        }
        close_table(into);
        add_cut_note(into, data->failure_count, data->failed, "spur export RUN --csv FILE");
    }
    page_close(into, &view->site, &of);
}
