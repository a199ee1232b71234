/*
 * report_index.c - the first page: the finding, the key numbers, figures, strips, all classes.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/judged_head.h"
#include "report/report_pages.h"

/* ---- the finding ----------------------------------------------------------------------- */

static uint64_t count_shown(const report_data *of)
{
    uint64_t classes = 0;
    for (size_t c = 0; c < of->run->class_count; c++) {
        classes += report_has_page(of, c);
    }
    return classes;
}

/* A number of the original head of a backbone on the judged split, and the k of its gap. */
static double original_number(const report_data *of, const char *backbone, const char *metric)
{
    char key[512];
    (void)snprintf(key, sizeof key, "%s/%s/%s/%s", of->run->splits[of->heads.judged].name,
                   backbone, HEAD_ORIGINAL, metric);
    return report_number(of, key);
}

/* The k of "gap_at_<k>", as `spur eval` chose it; "" when there is none. */
static void find_k(const report_data *of, const char *backbone, char *out, size_t capacity)
{
    char prefix[512];
    int length = snprintf(prefix, sizeof prefix, "%s/%s/%s/gap_at_",
                          of->run->splits[of->heads.judged].name, backbone, HEAD_ORIGINAL);
    out[0] = '\0';
    for (size_t i = 0; i < of->result_count && out[0] == '\0'; i++) {
        const char *key = of->results[i].key;
        if (strncmp(key, prefix, (size_t)length) == 0 && strchr(key + length, '_') == NULL &&
            strchr(key + length, '/') == NULL) {
            text_copy(key + length, out, capacity);
        }
    }
}

typedef struct ends_numbers {
    const char *backbone;
    char k[32];
    double hidden, clear, gap;
} ends_numbers;

static ends_numbers read_ends(const report_data *of, const char *backbone)
{
    ends_numbers found = {.backbone = backbone};
    char metric[64];
    find_k(of, backbone, found.k, sizeof found.k);
    (void)snprintf(metric, sizeof metric, "hidden_at_%s", found.k);
    found.hidden = original_number(of, backbone, metric);
    (void)snprintf(metric, sizeof metric, "clear_at_%s", found.k);
    found.clear = original_number(of, backbone, metric);
    (void)snprintf(metric, sizeof metric, "gap_at_%s", found.k);
    found.gap = original_number(of, backbone, metric);
    return found;
}

/* The backbone whose original head has the largest gap; false without numbers. */
static bool find_widest(const report_data *of, ends_numbers *out)
{
    bool is_found = false;
    for (size_t i = 0; i < of->heads.backbone_count; i++) {
        ends_numbers one = read_ends(of, of->heads.backbones[i].name);
        if (isfinite(one.gap) && isfinite(one.hidden) && isfinite(one.clear) &&
            (!is_found || one.gap > out->gap)) {
            *out = one;
            is_found = true;
        }
    }
    return is_found;
}

static void add_gap_headline(markup *into, const report_data *data, const ends_numbers *ends)
{
    markup_raw(into, "<h1>");
    html_name(into, ends->backbone);
    markup_raw(into, " gets ");
    html_share(into, ends->hidden);
    markup_raw(into, " of the most hidden images right, ");
    html_share(into, ends->clear);
    markup_raw(into, " of the clearest</h1>\n<p class=\"note\">Split ");
    html_name(into, data->run->splits[data->heads.judged].name);
    markup_raw(into, ", the ");
    markup_text(into, ends->k);
    markup_raw(into,
               " lowest and highest scores of every class, the model\xE2\x80\x99s own last "
               "layer.</p>\n");
}

static void add_count_headline(markup *into, const report_data *data)
{
    markup_raw(into, "<h1>");
    html_count(into, data->ranks->scored);
    markup_raw(into, " images of ");
    html_count(into, count_shown(data));
    markup_raw(into, " classes, ordered by how visible their object is</h1>\n");
}

/* What the permutations say of that gap, or NULL. */
static const char *find_verdict(const report_data *of, const char *backbone)
{
    char prefix[512];
    int length =
        snprintf(prefix, sizeof prefix, "%s, %s, %s:", of->run->splits[of->heads.judged].name,
                 backbone, HEAD_ORIGINAL);
    for (size_t i = 0; i < of->finding_count; i++) {
        const report_finding *finding = &of->findings[i];
        if (strncmp(finding->kind, "null-", 5) == 0 &&
            strncmp(finding->text, prefix, (size_t)length) == 0) {
            return finding->text + length + strspn(finding->text + length, " ");
        }
    }
    return NULL;
}

static void add_detector_words(markup *into, const report_data *data)
{
    if (data->invisible > 0) {
        html_count(into, data->invisible);
        markup_raw(into, data->invisible == 1
                             ? " class the detector can hardly tell from the "
                               "others, so its order says little. "
                             : " classes the detector can hardly tell from the "
                               "others, so their order says little. ");
    } else {
        markup_raw(into, "The detector can tell every class from the others. ");
    }
    if (data->suspects != NULL && data->suspects->count > 0) {
        html_count(into, data->suspects->count);
        markup_raw(into, data->suspects->count == 1 ? " image may carry the wrong label."
                                                    : " images may carry the wrong label.");
    }
}

/* A sentence of the evaluation: what stands in backquotes is a command. */
static void add_sentence(markup *into, const char *text)
{
    bool is_code = false;
    while (*text != '\0') {
        size_t length = strcspn(text, "`");
        markup_raw(into, is_code ? "<code>" : "");
        markup_part(into, text, length);
        markup_raw(into, is_code ? "</code>" : "");
        text += length;
        if (*text == '`') {
            is_code = !is_code;
            text++;
        }
    }
}

/* Its subject was cut off: a capital letter begins it. */
static void add_verdict(markup *into, const char *text)
{
    char first[2] = {text[0], '\0'};
    if (first[0] >= 'a' && first[0] <= 'z') {
        first[0] = (char)(first[0] - 'a' + 'A');
    }
    markup_text(into, first);
    add_sentence(into, text + (text[0] != '\0'));
    markup_raw(into, ".");
}

static void add_finding(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    ends_numbers ends;
    const char *verdict = NULL;
    bool has_gap = find_widest(data, &ends);
    if (has_gap) {
        verdict = find_verdict(data, ends.backbone);
        add_gap_headline(into, data, &ends);
    } else {
        add_count_headline(into, data);
    }
    if (has_gap) {
        markup_raw(into, "<p class=\"deck\">");
        if (verdict != NULL) {
            add_verdict(into, verdict);
        } else {
            markup_raw(into,
                       "Whether that is more than chance has not been tested in this run.");
        }
        markup_raw(into, "</p>\n");
    }
    markup_raw(into, has_gap ? "<p>" : "<p class=\"deck\">");
    add_detector_words(into, data);
    markup_raw(into, "</p>\n");
}

/* ---- what the evaluation says ------------------------------------------------------------ */

enum {
    OPEN_FINDINGS = 6,
    MOST_FINDINGS = 200
};

/* Sentences name their split first: those of the judged split are the ones to read. */
static bool is_judged(const report_data *of, const report_finding *finding)
{
    const char *split = of->run->splits[of->heads.judged].name;
    size_t length = strlen(split);
    return of->heads.count == 0 || (strncmp(finding->text, split, length) == 0 &&
                                    strchr(",:", finding->text[length]) != NULL);
}

typedef struct finding_list {
    markup *into;
    size_t shown, count;
} finding_list;

static void add_item(finding_list *to, const char *text)
{
    if (to->shown == MOST_FINDINGS) {
        return;
    }
    if (to->shown == OPEN_FINDINGS) {
        markup_raw(to->into, "</ul>\n<details>\n<summary>");
        html_count(to->into, to->count - to->shown);
        markup_raw(to->into, " more</summary>\n<ul class=\"findings\">\n");
    }
    markup_raw(to->into, "<li>");
    add_sentence(to->into, text);
    markup_raw(to->into, ".</li>\n");
    to->shown++;
}

static void add_findings(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    finding_list list = {into, 0, data->finding_count};
    if (data->finding_count == 0) {
        return;
    }
    markup_raw(into, "<section id=\"findings\">\n<h2>What the numbers say</h2>\n"
                     "<ul class=\"findings\">\n");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < data->finding_count; i++) {
            if (is_judged(data, &data->findings[i]) == (pass == 0)) {
                add_item(&list, data->findings[i].text);
            }
        }
    }
    markup_raw(into, list.shown > OPEN_FINDINGS ? "</ul>\n</details>\n" : "</ul>\n");
    markup_raw(into, "</section>\n");
}

/* ---- key numbers ------------------------------------------------------------------------- */

static void add_key(markup *into, const char *name, uint64_t value, const char *address)
{
    html_format(into, "<div><dt>%s</dt><dd data-v=%llu>", name, (unsigned long long)value);
    if (address != NULL) {
        html_format(into, "<a href=\"%s\">", address);
    }
    html_count(into, value);
    markup_raw(into, address == NULL ? "</dd></div>\n" : "</a></dd></div>\n");
}

static void open_exact(markup *into, const char *backbone, const char *words, double value)
{
    char exact[TEXT_NUMBER_SIZE];
    text_from_rounded(value, exact);
    markup_raw(into, "<div><dt>");
    html_name(into, backbone);
    html_format(into, "%s</dt><dd data-v=%s>", words, exact);
}

static void add_backbone_keys(markup *into, const report_data *data)
{
    for (size_t i = 0; i < data->heads.backbone_count; i++) {
        const char *name = data->heads.backbones[i].name;
        double right = original_number(data, name, "top1");
        double gap = read_ends(data, name).gap;
        if (isfinite(right)) {
            open_exact(into, name, " right", right);
            html_share(into, right);
            markup_raw(into, "</dd></div>\n");
        }
        if (isfinite(gap)) {
            open_exact(into, name, " gap", gap);
            html_points(into, gap);
            markup_raw(into, "</dd></div>\n");
        }
    }
}

static void add_keys(markup *into, const report_view *view)
{
    const report_data *data = view->data;
    markup_raw(into, "<dl class=\"facts key\">\n");
    add_key(into, "Images scored", data->ranks->scored, NULL);
    add_key(into, "Images failed", data->failed, "failed.html");
    add_key(into, "Classes", count_shown(data), "#classes");
    add_key(into, "Invisible classes", data->invisible, "invisible.html");
    if (data->suspects != NULL) {
        add_key(into, "Label suspects", data->suspects->count, "suspects.html");
    }
    add_backbone_keys(into, data);
    markup_raw(into, "</dl>\n");
}

/* ---- all classes ------------------------------------------------------------------------- */

/* Of every backbone's original head on the judged split. */
static void add_right(markup *into, const report_heads *heads, size_t class_index)
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

static void add_backbone_columns(markup *into, const report_heads *heads)
{
    for (size_t i = 0; i < heads->backbone_count; i++) {
        markup_raw(into, "<th class=n>");
        html_name(into, heads->backbones[i].name);
        markup_raw(into, " right</th><th class=n>");
        html_name(into, heads->backbones[i].name);
        markup_raw(into, " gap</th>");
    }
}

static void add_class(markup *into, const report_view *view, size_t class_index)
{
    const report_class *class = &view->data->classes[class_index];
    const spur_class_rank *rank = class->rank;
    html_format(into, "<tr id=\"c%zu\"><td>", class_index);
    report_class_link(into, view, "", class_index);
    markup_raw(into, rank->is_invisible ? " <abbr title=\"invisible: the detector can hardly "
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
    markup_raw(into, "</tr>\n");
}

static void add_column_words(markup *into, const report_view *view)
{
    const report_heads *heads = &view->data->heads;
    if (heads->backbone_count > 0) {
        markup_raw(into, " Right: images of split ");
        html_name(into, view->data->run->splits[heads->judged].name);
        markup_raw(into, " that a backbone\xE2\x80\x99s own last layer gets right; gap: of the "
                         "clearer half of them minus the more hidden half, in points.");
    }
}

static void add_classes(markup *into, const report_view *view)
{
    static const char *const columns[] = {"Scored",  "Failed", "Lowest",  "Median",
                                          "Highest", "AUC",    "Suspects"};
    markup_raw(into,
               "<section id=\"classes\">\n<h2>All classes</h2>\n<p class=\"note\">Of split ");
    html_name(into, view->data->main->name);
    markup_raw(into, ". Lowest, median and highest own-class score (logit). AUC: how often an "
                     "image of the class scores above one of another class.");
    add_column_words(into, view);
    markup_raw(into, "</p>\n<div class=\"scroll\" role=\"region\" aria-label=\"All classes\" "
                     "tabindex=\"0\">\n<table class=\"sortable\" id=\"class-table\">\n"
                     "<thead><tr><th>Class</th>");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        html_format(into, "<th class=n>%s</th>", columns[i]);
    }
    add_backbone_columns(into, &view->data->heads);
    markup_raw(into, "</tr></thead>\n<tbody>\n");
    for (size_t c = 0; c < view->data->run->class_count; c++) {
        if (report_has_page(view->data, c)) {
            add_class(into, view, c);
        }
    }
    markup_raw(into, "</tbody>\n</table>\n</div>\n</section>\n");
}

void report_index_page(markup *into, const report_view *view)
{
    page of = {.title = "Spur report", .root = "", .here = "index.html"};
    page_open(into, &view->site, &of);
    add_finding(into, view);
    add_keys(into, view);
    add_findings(into, view);
    report_strips(into, view);
    report_figures(into, view);
    report_ends(into, view);
    add_classes(into, view);
    page_close(into, &view->site, &of);
}
