/*
 * report_pictures.c - an image with its box, as a figure.
 *
 * The picture and the box's drawing fill the same square and both keep their proportions, so
 * that the box stands right at any size without a style of its own.
 */
#include <stdio.h>
#include <string.h>

#include "report/report_pages.h"

/* ---- names ------------------------------------------------------------------------------- */

const char *report_class_name(const report_data *of, size_t class_index)
{
    const store_class *class = &of->run->classes[class_index];
    return class->name != NULL && class->name[0] != '\0' ? class->name : class->label;
}

const char *report_shown_path(const report_data *of, const char *file_name)
{
    const char *slash = of->options->redact_paths ? strrchr(file_name, '/') : NULL;
    return slash == NULL ? file_name : slash + 1;
}

bool report_has_page(const report_data *of, size_t class_index)
{
    return of->classes[class_index].rank != NULL;
}

void report_class_link(markup *into, const report_view *view, const char *root,
                       size_t class_index)
{
    bool has_page = report_has_page(view->data, class_index);
    if (has_page) {
        html_format(into, "<a href=\"%sclasses/%zu.html\">", root, class_index);
    }
    html_name(into, report_class_name(view->data, class_index));
    markup_raw(into, has_page ? "</a>" : "");
}

/* ---- the picture itself ------------------------------------------------------------------ */

static void add_data(markup *into, const report_view *view, size_t image)
{
    unsigned char *bytes = NULL;
    char *base64 = NULL;
    size_t size = 0;
    if (into->status != SPUR_OK) {
        return;
    }
    spur_status status = thumbnails_small(view->thumbs, image, &bytes, &size, into->error);
    status = status == SPUR_OK ? text_base64(bytes, size, &base64, into->error) : status;
    if (status == SPUR_OK) {
        markup_raw(into, " src=\"data:image/webp;base64,");
        markup_raw(into, base64);
        markup_raw(into, "\"");
    }
    into->status = status;
    memory_free(bytes);
    memory_free(base64);
}

static const char *seen_words(const report_image *image)
{
    uint64_t third = image->images / 3;
    if (image->rank == 0) {
        return "";
    }
    return image->rank <= third                  ? ": the detector hardly saw the object"
           : image->rank > image->images - third ? ": the detector saw the object clearly"
                                                 : "";
}

/* What the picture states, for those who do not see it. */
static void add_alternative(markup *into, const report_view *view, const report_image *image)
{
    markup_raw(into, " alt=\"");
    markup_text(into, report_class_name(view->data, image->class_index));
    if (image->rank > 0) {
        html_format(into, ", rank %llu of %llu", (unsigned long long)image->rank,
                    (unsigned long long)image->images);
    }
    if (image->is_scored) {
        markup_raw(into, ", score ");
        html_number(into, (double)image->logit, 2);
    }
    markup_raw(into, seen_words(image));
    markup_raw(into, "\"");
}

static void add_image(markup *into, const report_view *view, const report_pick *pick,
                      const picture_form *form)
{
    const thumbnail *thumb = &view->thumbs->items[pick->image];
    markup_raw(into, "<img");
    if (form->is_inside) {
        add_data(into, view, pick->image);
    } else {
        html_format(into, " src=\"%sthumbs/%s\" loading=\"lazy\" decoding=\"async\"",
                    form->root, thumb->name);
    }
    html_format(into, " width=\"%zu\" height=\"%zu\"", thumb->width, thumb->height);
    add_alternative(into, view, &view->data->images[pick->image]);
    markup_raw(into, ">");
}

static void add_placeholder(markup *into, const report_view *view, size_t image)
{
    const char *problem =
        view->thumbs == NULL ? "pictures were left out" : view->thumbs->items[image].problem;
    markup_raw(into, "<span class=\"none\">");
    markup_text(into, problem);
    markup_raw(into, "</span>");
}

static float clip(float value, size_t limit)
{
    return value < 0.0F ? 0.0F : value > (float)limit ? (float)limit : value;
}

static void add_box(markup *into, const report_image *image)
{
    float left = clip(image->box[0], image->width), top = clip(image->box[1], image->height);
    float right = clip(image->box[2], image->width);
    float bottom = clip(image->box[3], image->height);
    if (!image->is_scored || !(right > left) || !(bottom > top)) {
        return;
    }
    char shape[160];
    (void)snprintf(shape, sizeof shape,
                   " x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", (double)left,
                   (double)top, (double)right - (double)left, (double)bottom - (double)top);
    html_format(into,
                "<svg viewBox=\"0 0 %zu %zu\" aria-hidden=\"true\"><rect class=\"under\"%s",
                image->width, image->height, shape);
    html_format(into, "<rect%s</svg>", shape);
}

/* ---- figures ----------------------------------------------------------------------------- */

/* The frame is a link to the original where that is wanted. */
static bool open_frame(markup *into, const report_view *view, const report_image *image,
                       const picture_form *form)
{
    const char *way = view->originals == NULL ? NULL : view->originals[image->split];
    bool is_link = way != NULL && image->file_name[0] != '/';
    if (is_link) {
        markup_raw(into, "<a class=\"frame\" href=\"");
        markup_raw(into, form->root);
        html_encoded(into, way);
        html_encoded(into, image->file_name);
        markup_raw(into, "\">");
    } else {
        markup_raw(into, "<span class=\"frame\">");
    }
    return is_link;
}

static void add_words(markup *into, const picture_form *form)
{
    if (form->words == NULL) {
        return;
    }
    markup_raw(into, " <em><i>");
    markup_raw(into, form->words[0]);
    markup_raw(into, "</i>");
    html_name(into, form->words[1]);
    markup_raw(into, "</em>");
    if (form->words[2] != NULL) {
        markup_raw(into, " <small>");
        html_name(into, form->words[2]);
        markup_raw(into, " ");
        html_name(into, form->words[3]);
        markup_raw(into, "</small>");
    }
}

/* Right and wrong in the order of the backbones, in words for those who ask. */
static void add_marks(markup *into, const report_view *view, const report_image *image)
{
    const report_heads *heads = &view->data->heads;
    if (image->judged == 0) {
        return;
    }
    markup_raw(into, " <abbr class=\"marks\" title=\"");
    for (size_t i = 0; i < heads->backbone_count && i < REPORT_MARKED_HEADS; i++) {
        markup_raw(into, i == 0 ? "" : "; ");
        markup_text(into, heads->backbones[i].name);
        markup_raw(into, (image->judged >> i & 1) == 0  ? ": not asked"
                         : (image->right >> i & 1) != 0 ? ": right"
                                                        : ": wrong");
    }
    markup_raw(into, "\">");
    for (size_t i = 0; i < heads->backbone_count && i < REPORT_MARKED_HEADS; i++) {
        markup_raw(into, (image->judged >> i & 1) == 0  ? "\xC2\xB7"
                         : (image->right >> i & 1) != 0 ? "\xE2\x9C\x93"
                                                        : "\xE2\x9C\x97");
    }
    markup_raw(into, "</abbr>");
}

/* What the marks mean, once per section. */
void report_marks_note(markup *into, const report_view *view)
{
    const report_heads *heads = &view->data->heads;
    bool has_original = false;
    for (size_t i = 0; i < heads->backbone_count; i++) {
        has_original = has_original || heads->backbones[i].original != SIZE_MAX;
    }
    if (!has_original) {
        return;
    }
    markup_raw(into,
               " \xE2\x9C\x93 and \xE2\x9C\x97: right and wrong with the own last layer of ");
    for (size_t i = 0; i < heads->backbone_count && i < REPORT_MARKED_HEADS; i++) {
        markup_raw(into, i == 0 ? "" : ", ");
        html_name(into, heads->backbones[i].name);
    }
    markup_raw(into, heads->backbone_count > 1 ? ", in this order." : ".");
}

static void add_caption(markup *into, const report_view *view, const report_image *image,
                        const picture_form *form)
{
    markup_raw(into, "<figcaption>");
    if (image->rank > 0) {
        markup_raw(into, "<b><abbr title=\"rank\">\xE2\x84\x96</abbr> ");
        html_count(into, image->rank);
        markup_raw(into, "</b> ");
    }
    if (image->is_scored) {
        markup_raw(into, "<span>");
        html_number(into, (double)image->logit, 2);
        markup_raw(into, "</span>");
    }
    add_marks(into, view, image);
    add_words(into, form);
    if (form->has_path) {
        const char *path = report_shown_path(view->data, image->file_name);
        markup_raw(into, " <small");
        html_attribute(into, "title", path);
        markup_raw(into, ">");
        html_name(into, path);
        markup_raw(into, "</small>");
    }
    markup_raw(into, "</figcaption>");
}

void report_picture(markup *into, const report_view *view, const report_pick *pick,
                    const picture_form *form)
{
    const report_image *image = &view->data->images[pick->image];
    markup_raw(into, "<figure>");
    bool is_link = open_frame(into, view, image, form);
    if (view->thumbs == NULL || view->thumbs->items[pick->image].problem != NULL) {
        add_placeholder(into, view, pick->image);
    } else {
        add_image(into, view, pick, form);
        add_box(into, image);
    }
    markup_raw(into, is_link ? "</a>" : "</span>");
    add_caption(into, view, image, form);
    markup_raw(into, "</figure>\n");
}

void report_gallery(markup *into, const report_view *view, size_t class_index, report_role role,
                    const picture_form *form)
{
    const report_class *class = &view->data->classes[class_index];
    if (class->first_pick[role] == class->first_pick[role + 1]) {
        return;
    }
    markup_raw(into, "<div class=\"gallery\">\n");
    for (size_t i = class->first_pick[role]; i < class->first_pick[role + 1]; i++) {
        report_picture(into, view, &view->data->picks[i], form);
    }
    markup_raw(into, "</div>\n");
}
