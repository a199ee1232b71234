/*
 * report_figures.c - the figures of the evaluation on the first page: what each shows in a
 * sentence, its picture for wide and for narrow screens, its data as a file and as a table.
 */
#include "report/figures.h"
#include "report/report_pages.h"

enum {
    NARROW_WIDTH = 360,
    WIDE_WIDTH = 1080,
    TABLE_BYTES = 100000 /* a larger table is left to the CSV: the page is to be mailed */
};

static void add_picture(markup *into, const plot *of, const plot_picture *how,
                        const char *words)
{
    html_format(into, "<div class=\"%s\">", words);
    if (into->status == SPUR_OK) {
        into->status = plot_svg(of, how, &into->text, into->error);
    }
    markup_raw(into, "</div>\n");
}

/* Nothing when it is too large. */
static void add_table(markup *into, const plot *of)
{
    size_t before = into->text.length;
    markup_raw(into, "<details>\n<summary>The numbers</summary>\n<div class=\"scroll\" "
                     "role=\"region\" aria-label=\"Numbers of the figure\" tabindex=\"0\">\n");
    if (into->status == SPUR_OK) {
        into->status = plot_table(of, &into->text, into->error);
    }
    markup_raw(into, "</div>\n</details>\n");
    if (into->status == SPUR_OK && into->text.length - before > TABLE_BYTES) {
        into->text.length = before;
        into->text.data[before] = '\0';
    }
}

static void add_figure(markup *into, const figure *of)
{
    static const plot_picture wide = {.width = WIDE_WIDTH};
    static const plot_picture narrow = {.width = NARROW_WIDTH, .id_suffix = "-narrow"};
    const char *id = of->drawing.id;
    html_format(into, "<figure class=\"plot\" id=\"figure-%s\">\n<h3>", id);
    markup_text(into, of->drawing.title);
    markup_raw(into, "</h3>\n<p class=\"saying\">");
    markup_text(into, of->drawing.finding);
    markup_raw(into, "</p>\n");
    add_picture(into, &of->drawing, &wide, "wide");
    add_picture(into, &of->drawing, &narrow, "narrow");
    markup_raw(into, "<figcaption>");
    markup_text(into, of->caption);
    html_format(into,
                " <a href=\"figures/%s.csv\">Data (CSV)</a> "
                "<a href=\"figures/%s.svg\">Drawing (SVG)</a></figcaption>\n",
                id, id);
    add_table(into, &of->drawing);
    markup_raw(into, "</figure>\n");
}

void report_figures(markup *into, const report_view *view)
{
    if (view->figures == NULL || view->figures->count == 0) {
        return;
    }
    markup_raw(into, "<section id=\"figures\">\n<h2>Figures</h2>\n");
    for (size_t i = 0; i < view->figures->count; i++) {
        add_figure(into, &view->figures->items[i]);
    }
    markup_raw(into, "</section>\n");
}
