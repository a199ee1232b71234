/*
 * figures.c - making all figures of a run, and writing them to a folder.
 */
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "report/figure_image.h"
#include "report/figure_kinds.h"

/* ---- making ------------------------------------------------------------------------------ */

typedef spur_status (*figure_kind)(figure_list *into, spur_error *error);

static const figure_kind kinds[] = {figure_add_ranks, figure_add_noise, figure_add_shifts,
                                    figure_add_groups, figure_add_gaps};

spur_status figures_make(spur_run *run, figure_list *out, spur_error *error)
{
    spur_status status;
    *out = (figure_list){.items = NULL};
    TRY(memory_new_zeroed(1, sizeof *out->source, &out->source, error));
    TRY(figure_source_open(run, out->source, error));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        TRY(kinds[i](out, error));
    }
done:
    if (status != SPUR_OK) {
        figure_list_free(out);
    }
    return status;
}

void figure_list_free(figure_list *block)
{
    if (block->source != NULL) {
        figure_source_close(block->source);
    }
    memory_free(block->source);
    memory_free(block->items);
    *block = (figure_list){.items = NULL};
}

spur_status figure_add(figure_list *into, const figure *item, spur_error *error)
{
    spur_status status;
    TRY(memory_grow(&into->items, &into->capacity, into->count + 1, sizeof *item, error));
    into->items[into->count++] = *item;
done:
    return status;
}

static bool is_taken(const figure_list *in, const char *id)
{
    for (size_t i = 0; i < in->count; i++) {
        if (strcmp(in->items[i].drawing.id, id) == 0) {
            return true;
        }
    }
    return false;
}

spur_status figure_make_id(const figure_list *in, const char *prefix, const char *name,
                           const char **out, spur_error *error)
{
    enum {
        ID_SIZE = 80,
        ID_ROOM = 64 /* without a number that makes it different */
    };
    spur_status status;
    char id[ID_SIZE];
    (void)snprintf(id, ID_ROOM, "%s%s%s", prefix, name[0] == '\0' ? "" : "-", name);
    for (char *c = id; *c != '\0'; c++) {
        bool is_plain =
            (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z');
        *c = is_plain ? *c : '-';
    }
    size_t length = strlen(id);
    for (size_t n = 2; is_taken(in, id); n++) {
        (void)snprintf(id + length, sizeof id - length, "-%zu", n);
    }
    TRY(figure_text(in->source, out, error, "%s", id));
done:
    return status;
}

/* ---- writing ----------------------------------------------------------------------------- */

bool figures_can_render(void)
{
    return figure_image_is_there();
}

typedef struct figure_writer {
    const char *folder;
    const figure_files *files;
    const figure *of;
    text_buffer text;
} figure_writer;

static spur_status find_path(const figure_writer *to, const char *end, char **out,
                             spur_error *error)
{
    spur_status status;
    text_buffer name = {NULL, 0, 0};
    TRY(text_format(&name, error, "%s%s", to->of->drawing.id, end));
    TRY(file_join(to->folder, name.data, out, error));
done:
    text_buffer_free(&name);
    return status;
}

/* Writes the text and empties it. */
static spur_status save(figure_writer *to, const char *end, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(find_path(to, end, &path, error));
    TRY(file_replace_quickly(path, to->text.data, to->text.length, error));
    to->text.length = 0;
done:
    memory_free(path);
    return status;
}

static spur_status save_image(figure_writer *to, const char *end, bool is_pdf,
                              spur_error *error)
{
    spur_status status;
    char *path = NULL;
    double scale = to->files->png_scale > 0.0 ? to->files->png_scale : 2.0;
    TRY(find_path(to, end, &path, error));
    TRY(figure_image_write(to->text.data, to->text.length, is_pdf, is_pdf ? 1.0 : scale, path,
                           error));
done:
    memory_free(path);
    return status;
}

static spur_status write_figure(figure_writer *to, spur_error *error)
{
    static const plot_picture alone = {.is_alone = true};
    spur_status status;
    char csv[128];
    TRY(plot_svg(&to->of->drawing, &alone, &to->text, error));
    TRY(to->files->has_png ? save_image(to, ".png", false, error) : SPUR_OK);
    TRY(to->files->has_pdf ? save_image(to, ".pdf", true, error) : SPUR_OK);
    TRY(save(to, ".svg", error));
    TRY(plot_csv(&to->of->data, &to->text, error));
    TRY(save(to, ".csv", error));
    (void)snprintf(csv, sizeof csv, "%s.csv", to->of->drawing.id);
    TRY(plot_vega(&to->of->data, csv, &to->text, error));
    TRY(save(to, ".vl.json", error));
    TRY(plot_vega(&to->of->data, NULL, &to->text, error));
    TRY(save(to, ".dvc.json", error));
done:
    return status;
}

spur_status figures_write(spur_run *run, const char *folder, const figure_files *files,
                          size_t *count, spur_error *error)
{
    spur_status status;
    static const figure_files plain = {0};
    figure_list list = {.items = NULL};
    figure_writer to = {.folder = folder, .files = files == NULL ? &plain : files};
    if ((to.files->has_png || to.files->has_pdf) && !figures_can_render()) {
        FAIL(SPUR_USAGE, "this spur was built without librsvg and writes no PNG or PDF: write "
                         "SVG and use `rsvg-convert FILE.svg -o FILE.png`");
    }
    TRY(figures_make(run, &list, error));
    TRY(file_make_folder(folder, error));
    for (size_t i = 0; i < list.count; i++) {
        to.of = &list.items[i];
        TRY(write_figure(&to, error));
    }
    if (count != NULL) {
        *count = list.count;
    }
done:
    text_buffer_free(&to.text);
    figure_list_free(&list);
    return status;
}
