/*
 * report_settings.c - where the numbers come from: settings, models, digests, splits, subsets.
 */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "io/store_features.h"
#include "report/relative.h"
#include "report/report_pages.h"

static void open_rows(markup *into, const char *title, const char *columns)
{
    html_format(into,
                "<section>\n<h2>%s</h2>\n<div class=\"scroll\" role=\"region\" "
                "aria-label=\"%s\" tabindex=\"0\">\n<table>\n<thead><tr>",
                title, title);
    markup_raw(into, columns);
    markup_raw(into, "</tr></thead>\n<tbody>\n");
}

static void close_rows(markup *into)
{
    markup_raw(into, "</tbody>\n</table>\n</div>\n</section>\n");
}

static void add_code(markup *into, const char *text)
{
    markup_raw(into, "<td><code>");
    html_name(into, text);
    markup_raw(into, "</code></td>");
}

/* ---- scoring ----------------------------------------------------------------------------- */

static const char *const setting_words[][2] = {
    {"detector", "Detector and its digest"},
    {"geometry", "Geometry"},
    {"preprocessing", "Preprocessing"},
    {"prompts", "Prompts"},
    {"score", "Score"},
    {"images", "How images are read"},
    {"instruction_set", "Instruction set"},
    {"onednn", "oneDNN"},
};

static void add_settings(markup *into, const report_view *view)
{
    open_rows(into, "Scoring", "<th>Setting</th><th>Value</th>");
    for (size_t i = 0; i < sizeof setting_words / sizeof *setting_words; i++) {
        char *value = NULL;
        if (into->status == SPUR_OK) {
            into->status = store_get_setting(view->data->run->db, setting_words[i][0], &value,
                                             into->error);
        }
        if (value != NULL) {
            html_format(into, "<tr><th scope=row>%s</th>", setting_words[i][1]);
            add_code(into, value);
            markup_raw(into, "</tr>\n");
        }
        memory_free(value);
    }
    close_rows(into);
}

/* The folder of a split as seen from the run: the same wherever both stand. */
static void add_root(markup *into, const report_view *view, const char *root)
{
    text_buffer way = {NULL, 0, 0};
    char *here = realpath(view->data->run->folder, NULL), *there = realpath(root, NULL);
    if (into->status == SPUR_OK && here != NULL) {
        into->status = relative_path(here, there == NULL ? root : there, &way, into->error);
    }
    add_code(into, way.length > 0 ? way.data : ".");
    text_buffer_free(&way);
    free(here);
    free(there);
}

/* ---- splits, backbones, subsets ---------------------------------------------------------- */

static void add_splits(markup *into, const report_view *view)
{
    const spur_run *run = view->data->run;
    bool shows_roots = !view->data->options->redact_paths;
    open_rows(
        into, "Splits",
        shows_roots
            ? "<th>Split</th><th class=n>Images</th><th>Folder, from the run</th><th>Digest of "
              "the manifest</th>"
            : "<th>Split</th><th class=n>Images</th><th>Digest of the "
              "manifest</th>");
    for (size_t i = 0; i < run->split_count; i++) {
        markup_raw(into, "<tr>");
        html_cell_text(into, run->splits[i].name);
        html_cell_count(into, run->splits[i].images);
        if (shows_roots) {
            add_root(into, view, run->splits[i].root);
        }
        add_code(into, run->splits[i].manifest_digest);
        markup_raw(into, "</tr>\n");
    }
    close_rows(into);
}

static void add_backbones(markup *into, const report_view *view)
{
    const store_backbone *backbones = NULL;
    size_t count = 0;
    if (into->status == SPUR_OK) {
        into->status = store_get_backbones(view->data->run->db, &backbones, &count);
    }
    if (into->status != SPUR_OK || count == 0) {
        return;
    }
    open_rows(into, "Backbones",
              "<th>Name</th><th>Architecture</th><th class=n>Features</th><th "
              "class=n>Classes</th><th>Preprocessing</th><th>Digest</th>");
    for (size_t i = 0; i < count; i++) {
        markup_raw(into, "<tr>");
        html_cell_text(into, backbones[i].name);
        html_cell_text(into, backbones[i].architecture);
        html_cell_count(into, backbones[i].features);
        html_cell_count(into, backbones[i].classes);
        add_code(into, backbones[i].preprocessing);
        add_code(into, backbones[i].digest);
        markup_raw(into, "</tr>\n");
    }
    close_rows(into);
}

static void add_subsets(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    static const char *const words[SUBSET_KIND_COUNT] = {
        [SUBSET_CLEAR] = "the highest scores of every class",
        [SUBSET_MID] = "the middle of every class\xE2\x80\x99s order by score",
        [SUBSET_HIDDEN] = "the lowest scores of every class",
        [SUBSET_RANDOM] = "drawn at random from every class"};
    if (data->subset_count == 0) {
        return;
    }
    open_rows(into, "Subsets", "<th>Name</th><th>What it holds</th>");
    for (size_t i = 0; i < data->subset_count; i++) {
        char name[SUBSET_KEY_SIZE];
        subset_key_text(&data->subsets[i], SPUR_NAMING_CONTENT, name);
        markup_raw(into, "<tr>");
        add_code(into, name);
        html_cell_text(into, words[data->subsets[i].kind]);
        markup_raw(into, "</tr>\n");
    }
    close_rows(into);
}

static void add_prompts(markup *into, const report_view *view)
{
    const spur_run *run = view->data->run;
    markup_raw(into, "<details>\n<summary>Classes and what the detector is asked</summary>\n");
    open_rows(into, "Classes",
              "<th class=n>Index</th><th>Label</th><th>Prompt</th><th class=n>Tokens</th>");
    for (size_t c = 0; c < run->class_count; c++) {
        markup_raw(into, "<tr>");
        html_cell_count(into, c);
        html_cell_text(into, run->classes[c].label);
        html_cell_text(into, run->classes[c].prompt);
        html_cell_count(into, run->classes[c].tokens);
        markup_raw(into, "</tr>\n");
    }
    close_rows(into);
    markup_raw(into, "</details>\n");
}

void report_settings_page(markup *into, const report_view *view)
{
    page of = {.title = "Settings and provenance", .root = "", .here = "settings.html"};
    page_open(into, &view->site, &of);
    markup_raw(into, "<h1>Settings and provenance</h1>\n<p class=\"deck\">All that decides the "
                     "numbers of this report. The same images, models and settings give the "
                     "same bytes.</p>\n");
    add_settings(into, view);
    add_splits(into, view);
    add_backbones(into, view);
    add_subsets(into, view);
    add_prompts(into, view);
    page_close(into, &view->site, &of);
}
