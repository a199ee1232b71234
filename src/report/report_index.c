/*
 * report_index.c - the first page: the finding, the key numbers, figures, strips, all classes.
 */
#include <math.h>

#include "report/report_pages.h"

/* ---- finding and key numbers ------------------------------------------------------------- */

static uint64_t count_shown(const report_data *of)
{
    uint64_t classes = 0;
    for (size_t c = 0; c < of->run->class_count; c++) {
        classes += report_has_page(of, c);
    }
    return classes;
}

static void add_finding(html *into, const report_view *view)
{
    const report_data *data = view->data;
    html_raw(into, "<h1>");
    html_count(into, data->ranks->scored);
    html_raw(into, " images of ");
    html_count(into, count_shown(data));
    html_raw(into, " classes, ordered by how visible their object is</h1>\n<p class=\"deck\">");
    if (data->invisible > 0) {
        html_count(into, data->invisible);
        html_raw(into, " classes the detector can hardly tell from the others, so their order "
                       "says little. ");
    } else {
        html_raw(into, "The detector can tell every class from the others. ");
    }
    if (data->suspects != NULL) {
        html_count(into, data->suspects->count);
        html_raw(into, " images may carry the wrong label.");
    }
    html_raw(into, "</p>\n");
}

static void add_key(html *into, const char *name, uint64_t value, const char *address)
{
    html_format(into, "<div><dt>%s</dt><dd data-v=%llu>", name, (unsigned long long)value);
    if (address != NULL) {
        html_format(into, "<a href=\"%s\">", address);
    }
    html_count(into, value);
    html_raw(into, address == NULL ? "</dd></div>\n" : "</a></dd></div>\n");
}

static void add_keys(html *into, const report_view *view)
{
    const report_data *data = view->data;
    html_raw(into, "<dl class=\"facts key\">\n");
    add_key(into, "Images scored", data->ranks->scored, NULL);
    add_key(into, "Images failed", data->failed, "failed.html");
    add_key(into, "Classes", count_shown(data), "#classes");
    add_key(into, "Invisible classes", data->invisible, "invisible.html");
    if (data->suspects != NULL) {
        add_key(into, "Label suspects", data->suspects->count, "suspects.html");
    }
    html_raw(into, "</dl>\n");
}

/* ---- all classes ------------------------------------------------------------------------- */

/* Of every backbone's original head on the judged split. */
static void add_right(html *into, const report_heads *heads, size_t class_index)
{
    for (size_t i = 0; i < heads->backbone_count; i++) {
        const report_backbone *of = &heads->backbones[i];
        html_cell_share(
            into, of->original == SIZE_MAX
                      ? (double)NAN
                      : report_accuracy(&heads->heads[of->original].classes[class_index]));
        html_cell_points(into, report_gap(&of->gaps[class_index]));
    }
}

static void add_backbone_columns(html *into, const report_heads *heads)
{
    for (size_t i = 0; i < heads->backbone_count; i++) {
        html_raw(into, "<th class=n>");
        html_name(into, heads->backbones[i].name);
        html_raw(into, " right</th><th class=n>");
        html_name(into, heads->backbones[i].name);
        html_raw(into, " gap</th>");
    }
}

static void add_class(html *into, const report_view *view, size_t class_index)
{
    const report_class *class = &view->data->classes[class_index];
    const spur_class_rank *rank = class->rank;
    html_format(into, "<tr id=\"c%zu\"><td>", class_index);
    report_class_link(into, view, "", class_index);
    html_raw(into, rank->is_invisible ? " <abbr title=\"invisible: the detector can hardly "
                                        "tell it from the others\">!</abbr></td>"
                                      : "</td>");
    html_cell_count(into, rank->scored);
    html_cell_count(into, rank->failed);
    html_cell_number(into, (double)rank->lowest, 2);
    html_cell_number(into, (double)rank->median, 2);
    html_cell_number(into, (double)rank->highest, 2);
    html_cell_number(into, rank->auc, 3);
    html_cell_count(into, class->suspects);
    add_right(into, &view->data->heads, class_index);
    html_raw(into, "</tr>\n");
}

static void add_column_words(html *into, const report_view *view)
{
    const report_heads *heads = &view->data->heads;
    if (heads->backbone_count > 0) {
        html_raw(into, " Right: images of split ");
        html_name(into, view->data->run->splits[heads->judged].name);
        html_raw(into, " that a backbone\xE2\x80\x99s own last layer gets right; gap: of the "
                       "clearer half of them minus the more hidden half, in points.");
    }
}

static void add_classes(html *into, const report_view *view)
{
    static const char *const columns[] = {"Scored",  "Failed", "Lowest",  "Median",
                                          "Highest", "AUC",    "Suspects"};
    html_raw(into,
             "<section id=\"classes\">\n<h2>All classes</h2>\n<p class=\"note\">Of split ");
    html_name(into, view->data->main->name);
    html_raw(into, ". Lowest, median and highest own-class score (logit). AUC: how often an "
                   "image of the class scores above one of another class.");
    add_column_words(into, view);
    html_raw(into, "</p>\n<div class=\"scroll\" role=\"region\" aria-label=\"All classes\" "
                   "tabindex=\"0\">\n<table class=\"sortable\" id=\"class-table\">\n"
                   "<thead><tr><th>Class</th>");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        html_format(into, "<th class=n>%s</th>", columns[i]);
    }
    add_backbone_columns(into, &view->data->heads);
    html_raw(into, "</tr></thead>\n<tbody>\n");
    for (size_t c = 0; c < view->data->run->class_count; c++) {
        if (report_has_page(view->data, c)) {
            add_class(into, view, c);
        }
    }
    html_raw(into, "</tbody>\n</table>\n</div>\n</section>\n");
}

void report_index_page(html *into, const report_view *view)
{
    page of = {.title = "Spur report", .root = "", .here = "index.html"};
    page_open(into, &view->site, &of);
    add_finding(into, view);
    add_keys(into, view);
    report_strips(into, view);
    report_ends(into, view);
    add_classes(into, view);
    page_close(into, &view->site, &of);
}
