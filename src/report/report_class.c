/*
 * report_class.c - the page of one class: how visible its object is, in which images, and what
 * it is taken for.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report_pages.h"

/* ---- head -------------------------------------------------------------------------------- */

static void add_lead(markup *into, const report_view *view, const spur_class_rank *rank)
{
    markup_raw(into, "<p class=\"deck\">");
    html_count(into, rank->scored);
    markup_raw(into, rank->scored == 1 ? " image" : " images");
    markup_raw(into, " of split ");
    html_name(into, view->data->main->name);
    markup_raw(into, " scored");
    if (rank->failed > 0) {
        markup_raw(into, ", <a href=\"../failed.html\">");
        html_count(into, rank->failed);
        markup_raw(into, " failed</a>");
    }
    markup_raw(into, ". ");
    if (rank->is_invisible) {
        markup_raw(into,
                   "The detector can hardly tell this class from the others, so its order "
                   "says little: see <a href=\"../invisible.html\">invisible classes</a>.");
    } else if (isfinite(rank->auc)) {
        markup_raw(into, "The detector tells it from the other classes: an image of the class "
                         "scores above one of another class in ");
        html_share(into, rank->auc);
        markup_raw(into, " of all pairs.");
    }
    markup_raw(into, "</p>\n");
}

static void add_fact(markup *into, const char *name, double value, int decimals)
{
    char exact[TEXT_NUMBER_SIZE];
    text_from_rounded(value, exact);
    html_format(into, "<div><dt>%s</dt><dd", name);
    if (isfinite(value)) {
        html_format(into, " data-v=%s", exact);
    }
    markup_raw(into, ">");
    html_number(into, value, decimals);
    markup_raw(into, "</dd></div>\n");
}

static void add_facts(markup *into, const spur_class_rank *rank)
{
    markup_raw(into, "<dl class=\"facts\">\n");
    add_fact(into, "Lowest score", (double)rank->lowest, 2);
    add_fact(into, "First quartile", (double)rank->quantile25, 2);
    add_fact(into, "Median", (double)rank->median, 2);
    add_fact(into, "Third quartile", (double)rank->quantile75, 2);
    add_fact(into, "Highest score", (double)rank->highest, 2);
    add_fact(into, "AUC", rank->auc, 3);
    add_fact(into, "95% bound", rank->auc_low, 3);
    markup_raw(into, "</dl>\n");
}

static void add_names(markup *into, const report_view *view, size_t class_index)
{
    const store_class *class = &view->data->run->classes[class_index];
    html_format(into, "<p class=\"note\">Class %zu, label ", class_index);
    markup_raw(into, "<code>");
    html_name(into, class->label);
    markup_raw(into, "</code>; the detector is asked for \xE2\x80\x9C");
    html_name(into, class->prompt);
    markup_raw(into, "\xE2\x80\x9D");
    markup_raw(into, class->is_truncated ? ", which its text tower cut." : ".");
    report_marks_note(into, view);
    markup_raw(into, "</p>\n");
}

/* ---- galleries --------------------------------------------------------------------------- */

typedef struct part {
    report_role role;
    const char *class_name, *title, *words;
} part;

static const part parts[] = {
    {REPORT_HIDDEN, "hidden", "Most hidden",
     "The lowest scores: the detector did not see the object clearly."},
    {REPORT_MID, "mid", "In the middle", "Around the middle of the order by score."},
    {REPORT_CLEAR, "clear", "Clearest", "The highest scores, the clearest first."},
};

static void add_galleries(markup *into, const report_view *view, size_t class_index)
{
    const report_class *class = &view->data->classes[class_index];
    static const picture_form form = {.root = "../", .has_path = true};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        report_role role = parts[i].role;
        if (class->first_pick[role] < class->first_pick[role + 1]) {
            html_format(into,
                        "<section class=\"part %s\">\n<h2>%s</h2>\n<p class=\"note\">%s</p>\n",
                        parts[i].class_name, parts[i].title, parts[i].words);
            report_gallery(into, view, class_index, role, &form);
            markup_raw(into, "</section>\n");
        }
    }
}

/* ---- what it is taken for ---------------------------------------------------------------- */

static void add_confusers(markup *into, const report_view *view, size_t class_index)
{
    const report_class *class = &view->data->classes[class_index];
    if (class->confused == 0) {
        return;
    }
    markup_raw(into,
               "<section>\n<h2>What the detector takes it for</h2>\n<p class=\"note\">In ");
    html_count(into, class->confused);
    markup_raw(into, " of ");
    html_count(into, class->rank->scored);
    markup_raw(into, " images another class fits the winning box better.</p>\n");
    if (class->confuser_count > 0) {
        markup_raw(into, "<div class=\"scroll\"><table>\n<thead><tr><th>Other class</th><th "
                         "class=n>Images</th></tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < class->confuser_count; i++) {
            markup_raw(into, "<tr><td>");
            report_class_link(into, view, "../", class->confusers[i].class_index);
            markup_raw(into, "</td>");
            html_cell_count(into, class->confusers[i].images);
            markup_raw(into, "</tr>\n");
        }
        markup_raw(into, "</tbody>\n</table></div>\n");
    }
    markup_raw(into, "</section>\n");
}

static void add_suspects(markup *into, const report_view *view, size_t class_index)
{
    const report_data *data = view->data;
    const report_class *class = &data->classes[class_index];
    if (class->suspects == 0) {
        return;
    }
    markup_raw(into, "<section>\n<h2>Label suspects</h2>\n<p class=\"note\">");
    html_count(into, class->suspects);
    markup_raw(into, " images hardly show this class but show another as well as half of that "
                     "class\xE2\x80\x99s own images do; the first are below, with the class "
                     "they look like.</p>\n<div class=\"gallery\">\n");
    for (size_t i = class->first_pick[REPORT_SUSPECT];
         i < class->first_pick[REPORT_SUSPECT + 1]; i++) {
        const report_pick *pick = &data->picks[i];
        size_t proposed = data->suspects->suspects[pick->note].proposed_index;
        const char *words[] = {"looks like ", report_class_name(data, proposed), NULL, NULL};
        picture_form form = {.root = "../", .has_path = true, .words = words};
        report_picture(into, view, pick, &form);
    }
    markup_raw(into, "</div>\n</section>\n");
}

static void add_failures(markup *into, const report_view *view, size_t class_index)
{
    const report_data *data = view->data;
    if (data->classes[class_index].rank->failed == 0) {
        return;
    }
    markup_raw(into, "<section>\n<h2>Failed images</h2>\n<ul class=\"plain\">\n");
    for (size_t i = 0; i < data->failure_count; i++) {
        const report_failure *failure = &data->failures[i];
        if (failure->class_index == class_index && failure->split == data->main_index) {
            markup_raw(into, "<li><code>");
            html_name(into, report_shown_path(data, failure->file_name));
            markup_raw(into, "</code>: ");
            markup_text(into, failure->reason);
            markup_raw(into, "</li>\n");
        }
    }
    markup_raw(into, "</ul>\n</section>\n");
}

/* ---- classifiers ------------------------------------------------------------------------- */

static void add_head_row(markup *into, const report_head *of, size_t class_index)
{
    const report_tally *tally = &of->classes[class_index];
    markup_raw(into, "<tr>");
    html_cell_text(into, of->backbone);
    html_cell_text(into, of->head);
    html_cell_count(into, tally->n);
    html_cell_share(into, report_accuracy(tally));
    if (of->has_original) {
        html_cell_count(into, tally->fixed);
        html_cell_count(into, tally->broken);
    } else {
        markup_raw(into, "<td class=n></td><td class=n></td>");
    }
    markup_raw(into, "</tr>\n");
}

static void add_taken(markup *into, const report_view *view, size_t class_index)
{
    const report_heads *heads = &view->data->heads;
    for (size_t i = 0; i < heads->backbone_count; i++) {
        const report_taken *taken = heads->backbones[i].taken + class_index * REPORT_TAKEN_FOR;
        if (taken[0].images == 0) {
            continue;
        }
        markup_raw(into, "<p>");
        html_name(into, heads->backbones[i].name);
        markup_raw(into, " takes it for ");
        for (size_t t = 0; t < REPORT_TAKEN_FOR && taken[t].images > 0; t++) {
            markup_raw(into, t == 0 ? "" : ", ");
            report_class_link(into, view, "../", taken[t].class_index);
            html_format(into, " (%u)", (unsigned)taken[t].images);
        }
        markup_raw(into, ".</p>\n");
    }
}

static void add_changed(markup *into, const report_view *view, size_t class_index,
                        report_role role)
{
    const report_data *data = view->data;
    const report_class *class = &data->classes[class_index];
    if (class->first_pick[role] == class->first_pick[role + 1]) {
        return;
    }
    html_format(into, "<h3>%s</h3>\n<div class=\"gallery\">\n",
                role == REPORT_FIXED ? "Put right" : "Made wrong");
    for (size_t i = class->first_pick[role]; i < class->first_pick[role + 1]; i++) {
        const report_change *change = &data->heads.changes[data->picks[i].note];
        const report_head *of = &data->heads.heads[change->head];
        uint32_t other = role == REPORT_FIXED ? change->before : change->after;
        const char *words[] = {role == REPORT_FIXED ? "was " : "now ",
                               other < data->run->class_count ? report_class_name(data, other)
                                                              : "none of these classes",
                               of->backbone, of->head};
        picture_form form = {.root = "../", .has_path = true, .words = words};
        report_picture(into, view, &data->picks[i], &form);
    }
    markup_raw(into, "</div>\n");
}

static void add_classifiers(markup *into, const report_view *view, size_t class_index)
{
    const report_heads *heads = &view->data->heads;
    if (heads->count == 0) {
        return;
    }
    markup_raw(into,
               "<section>\n<h2>What classifiers make of it</h2>\n<p class=\"note\">Split ");
    html_name(into, view->data->run->splits[heads->judged].name);
    markup_raw(
        into, ". Right: share of the class\xE2\x80\x99s images that a head gets right. "
              "Put right, made wrong: images whose answer differs from the original "
              "head\xE2\x80\x99s.</p>\n<div class=\"scroll\" role=\"region\" "
              "aria-label=\"Classifiers\" tabindex=\"0\"><table id=\"head-table\">\n<thead><tr>"
              "<th>Backbone</th><th>Head</th><th class=n>Images</th><th class=n>Right</th>"
              "<th class=n>Put right</th><th class=n>Made wrong</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < heads->count; i++) {
        if (heads->heads[i].split == heads->judged) {
            add_head_row(into, &heads->heads[i], class_index);
        }
    }
    markup_raw(into, "</tbody>\n</table></div>\n");
    add_taken(into, view, class_index);
    add_changed(into, view, class_index, REPORT_FIXED);
    add_changed(into, view, class_index, REPORT_BROKEN);
    markup_raw(into, "</section>\n");
}

/* ---- the page ---------------------------------------------------------------------------- */

/* The nearest class with a page in that direction. */
static void find_step(const report_data *of, size_t class_index, int step, char out[48],
                      const char **address)
{
    size_t at = class_index;
    *address = NULL;
    while (step > 0 ? at + 1 < of->run->class_count : at > 0) {
        at = step > 0 ? at + 1 : at - 1;
        if (report_has_page(of, at)) {
            (void)snprintf(out, 48, "%zu.html", at);
            *address = out;
            return;
        }
    }
}

void report_class_page(markup *into, const report_view *view, size_t class_index)
{
    const report_data *data = view->data;
    const spur_class_rank *rank = data->classes[class_index].rank;
    char before[48], after[48];
    page of = {.title = report_class_name(data, class_index), .root = "../"};
    find_step(data, class_index, -1, before, &of.previous);
    find_step(data, class_index, 1, after, &of.next);
    page_open(into, &view->site, &of);
    markup_raw(into,
               "<p class=\"kicker\"><a href=\"../index.html#classes\">Classes</a></p>\n<h1>");
    html_name(into, report_class_name(data, class_index));
    markup_raw(into, "</h1>\n");
    add_lead(into, view, rank);
    add_names(into, view, class_index);
    report_histogram(into, view, class_index);
    add_facts(into, rank);
    add_galleries(into, view, class_index);
    add_classifiers(into, view, class_index);
    add_confusers(into, view, class_index);
    add_suspects(into, view, class_index);
    add_failures(into, view, class_index);
    page_close(into, &view->site, &of);
}
