/*
 * report_strips.c - classes as strips of pictures, from the most hidden to the clearest: the
 * paper's figures 1 and 7, and both ends with their boxes.
 */
#include "report/report_pages.h"

static const picture_form inside = {.root = "", .is_inside = true};

static void add_strip(markup *into, const report_view *view, size_t class_index)
{
    const spur_class_rank *rank = view->data->classes[class_index].rank;
    markup_raw(into, "<div class=\"strip\">\n<h3>");
    report_class_link(into, view, "", class_index);
    markup_raw(into, " <small>");
    html_number(into, (double)rank->lowest, 1);
    markup_raw(into, " to ");
    html_number(into, (double)rank->highest, 1);
    markup_raw(into, ", ");
    html_count(into, rank->scored);
    markup_raw(into, " images</small></h3>\n");
    report_gallery(into, view, class_index, REPORT_ALONG, &inside);
    markup_raw(into, "</div>\n");
}

static void add_scale(markup *into)
{
    markup_raw(into,
               "<p class=\"scale\" aria-hidden=\"true\"><span>\xE2\x97\x84 object hidden: "
               "high spuriosity</span><span>object clear: low spuriosity "
               "\xE2\x96\xBA</span></p>\n");
}

void report_strips(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    if (data->telling_count == 0) {
        return;
    }
    markup_raw(into,
               "<section id=\"strips\">\n<h2>From hidden to clear</h2>\n<p class=\"note\">"
               "Images of a class at even steps of its ranking, each with its rank and "
               "score; the frame is the box in which the detector sees the class "
               "best.");
    report_marks_note(into, view);
    markup_raw(into, "</p>\n");
    add_scale(into);
    for (size_t i = 0; i < data->telling_count; i++) {
        if (i == data->named_count) {
            html_format(into, "<p class=\"note\">Drawn at random (seed %llu):</p>\n",
                        (unsigned long long)data->options->seed);
        }
        add_strip(into, view, data->telling[i]);
    }
    markup_raw(into, "</section>\n");
}

/* ---- both ends --------------------------------------------------------------------------- */

enum {
    END_IMAGES = 4
};

static void add_end(markup *into, const report_view *view, size_t class_index, report_role role)
{
    const report_class *class = &view->data->classes[class_index];
    size_t first = class->first_pick[role], end = class->first_pick[role + 1];
    html_format(into, "<div class=\"end %s\"><h4>%s</h4>\n<div class=\"gallery\">\n",
                role == REPORT_CLEAR ? "clear" : "hidden",
                role == REPORT_CLEAR ? "Clearest" : "Most hidden");
    for (size_t i = first; i < end && i < first + END_IMAGES; i++) {
        report_picture(into, view, &view->data->picks[i], &inside);
    }
    markup_raw(into, "</div></div>\n");
}

void report_ends(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    if (data->named_count == 0) {
        return;
    }
    markup_raw(into, "<section id=\"ends\">\n<h2>The two ends</h2>\n<p class=\"note\">What a "
                     "classifier is asked to recognise where the object is hardly visible, and "
                     "where it is plain.</p>\n");
    for (size_t i = 0; i < data->named_count; i++) {
        markup_raw(into, "<div class=\"ends\">\n<h3>");
        report_class_link(into, view, "", data->telling[i]);
        markup_raw(into, "</h3>\n");
        add_end(into, view, data->telling[i], REPORT_HIDDEN);
        add_end(into, view, data->telling[i], REPORT_CLEAR);
        markup_raw(into, "</div>\n");
    }
    markup_raw(into, "</section>\n");
}
