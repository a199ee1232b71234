/*
 * figure_noise.c - accuracy under noise in the object's box and outside it: a column per
 * region, a row per backbone and k.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figure_kinds.h"
#include "report/figure_lines.h"

#define CAPTION(noise, loss)                                                                   \
    "Gaussian noise " noise                                                                    \
    " is added to the classifier\xE2\x80\x99s input, once only where the "                     \
    "object is (foreground: the box in which the detector found it, unless other masks were "  \
    "asked for) and once only elsewhere (background). Lines are top-1 accuracies, bands 95% "  \
    "intervals. " loss " The picture shows one k, the data all."

/* What the levels of noise are. */
typedef struct noise_kind {
    const char *mark; /* before the number in keys */
    const char *label, *key, *caption;
    const char *words; /* before the number in a sentence */
} noise_kind;

static const noise_kind kinds[] = {
    {"sigma-", "Standard deviation of the noise per pixel value, \xCF\x83", "sigma",
     CAPTION("of the same standard deviation \xCF\x83 per pixel value",
             "The larger region gets more noise in total, so accuracies of the two regions are "
             "not at equal total noise."),
     "standard deviation"},
    {"", "Length of the noise, \xCE\xB1", "alpha",
     CAPTION("of the same total length \xCE\xB1",
             "A classifier that looks at the object loses more by noise in the foreground."),
     "length"}};

static const char *const regions[2] = {"fg", "bg"};
static const char *const region_names[2] = {"Foreground", "Background"};

/* ---- strengths --------------------------------------------------------------------------- */

typedef struct noise_levels {
    const noise_kind *kind;
    const char **names; /* numbers, rising */
    const char **keys;  /* as they stand in the keys */
    size_t count;
} noise_levels;

typedef struct noise_level {
    double value;
    const noise_kind *kind;
    const char *name, *key;
} noise_level;

static int compare_levels(const void *a, const void *b)
{
    const noise_level *left = a;
    const noise_level *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

/* The level of noise/<backbone>/<head>/fg/<level>/top1; without a name when it is none. */
static spur_status level_of(const figure_source *in, const char *key, noise_level *out,
                            spur_error *error)
{
    static const char tail[] = "/top1";
    spur_status status = SPUR_OK;
    *out = (noise_level){.kind = kinds};
    size_t length = strlen(key);
    const char *region = strstr(key, "/fg/");
    if (strncmp(key, "noise/", 6) == 0 && region != NULL && length > sizeof tail &&
        strcmp(key + length - (sizeof tail - 1), tail) == 0) {
        const char *begin = region + 4;
        TRY(figure_text(in, &out->key, error, "%.*s",
                        (int)(key + length - (sizeof tail - 1) - begin), begin));
        while (strncmp(out->key, out->kind->mark, strlen(out->kind->mark)) != 0) {
            out->kind++; /* the last has no mark */
        }
        const char *name = out->key + strlen(out->kind->mark);
        out->name = text_to_double(name, &out->value) ? name : NULL;
    }
done:
    return status;
}

static spur_status find_levels(const figure_source *in, noise_levels *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    noise_level *found = NULL;
    size_t count = 0;
    size_t capacity = 0;
    for (size_t i = 0; i < in->count; i++) {
        noise_level level;
        TRY(level_of(in, in->results[i].key, &level, error));
        bool is_new = level.name != NULL;
        for (size_t k = 0; k < count; k++) {
            is_new = is_new && found[k].value != level.value;
        }
        if (is_new) {
            TRY(memory_grow(&found, &capacity, count + 1, sizeof *found, error));
            found[count++] = level;
        }
    }
    if (count > 0) {
        qsort(found, count, sizeof *found, compare_levels);
    }
    TRY(arena_take(in->texts, count, sizeof *out->names, &out->names, error));
    TRY(arena_take(in->texts, count, sizeof *out->keys, &out->keys, error));
    for (size_t i = 0; i < count; i++) {
        out->names[i] = found[i].name;
        out->keys[i] = found[i].key;
        out->kind = found[i].kind; /* the strongest's: 0 is of both kinds */
    }
    out->count = count;
done:
    memory_free(found);
    return status;
}

/* ---- lines ------------------------------------------------------------------------------- */

typedef struct noise_line {
    const char *backbone, *region;
    const noise_levels *levels;
} noise_line;

static double level_value(const figure_source *in, const noise_line *of, const char *entry,
                          size_t level, const char *name)
{
    return figure_value(in, "noise/%s/%s/%s/%s/%s", of->backbone, entry, of->region,
                        of->levels->keys[level], name);
}

static void read_levels(const figure_reader *from, const char *entry, plot_point *points,
                        double *mean)
{
    const noise_line *of = from->context;
    (void)mean;
    for (size_t i = 0; i < of->levels->count; i++) {
        points[i].x = (double)i;
        points[i].y = level_value(from->in, of, entry, i, "top1");
        points[i].y_low = level_value(from->in, of, entry, i, "wilson_low");
        points[i].y_high = level_value(from->in, of, entry, i, "wilson_high");
    }
}

/* Panels of `count` sizes from `first` on. */
static spur_status add_panels(const figure_source *in, const noise_levels *levels,
                              const figure_size *first, size_t count, plot *into,
                              spur_error *error)
{
    spur_status status;
    plot_panel *panels = NULL;
    plot_series *all = NULL;
    size_t rows = in->backbone_count * count;
    size_t used = 0;
    TRY(figure_new_panels(in, 2 * rows, in->head_count, &panels, &all, error));
    for (size_t row = 0; row < rows; row++) {
        size_t drawn = 0;
        for (size_t r = 0; r < 2; r++) {
            plot_panel *panel = &panels[used + r];
            plot_series *series = all + (2 * row + r) * in->head_count;
            noise_line of = {in->backbones[row / count], regions[r], levels};
            const figure_size *size = &first[row % count];
            figure_reader reader = {in, &of, levels->count, read_levels};
            *panel = (plot_panel){NULL, series, 0};
            TRY(figure_panel_title(in, region_names[r], of.backbone, size, &panel->title,
                                   error));
            TRY(figure_add_lines(&reader, size, panel, series, error));
            drawn += panel->count;
        }
        used += drawn > 0 ? 2 : 0; /* a backbone without noise has no panels */
    }
    into->panels = panels;
    into->panel_count = used;
    into->columns = 2;
done:
    return status;
}

/* The size that is drawn: of those with noise the middle one. */
static const figure_size *middle_size(const figure_source *in, const noise_levels *levels)
{
    const figure_size *found = in->sizes;
    size_t wanted = in->size_count / 2;
    for (size_t s = 0; s < in->size_count; s++) {
        for (size_t h = 0; h < in->head_count * in->backbone_count; h++) {
            const figure_head *entry = &in->heads[h % in->head_count];
            noise_line of = {in->backbones[h / in->head_count], "fg", levels};
            bool has_noise = entry->is_subset && figure_has_size(entry, &in->sizes[s]) &&
                             isfinite(level_value(in, &of, entry->name, 0, "top1"));
            found = has_noise && s <= wanted ? &in->sizes[s] : found;
        }
    }
    return found;
}

/* ---- what it shows ----------------------------------------------------------------------- */

/* The first head with noise: the model's own stands first; NULL without any. */
static const figure_head *first_head(const figure_source *in, const noise_line *of)
{
    for (size_t h = 0; h < in->head_count; h++) {
        if (isfinite(level_value(in, of, in->heads[h].name, of->levels->count - 1, "top1"))) {
            return &in->heads[h];
        }
    }
    return NULL;
}

static spur_status add_sentence(const figure_source *in, const noise_levels *levels,
                                const char *backbone, const char **text, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t last = levels->count - 1;
    const noise_line lines[2] = {{backbone, "fg", levels}, {backbone, "bg", levels}};
    const figure_head *entry = first_head(in, &lines[0]);
    char shown[3][PLOT_NUMBER_SIZE];
    if (entry == NULL) {
        goto done;
    }
    plot_number_text(level_value(in, &lines[0], entry->name, 0, "top1"), PLOT_SHARE, shown[0]);
    for (size_t r = 0; r < 2; r++) {
        plot_number_text(level_value(in, &lines[r], entry->name, last, "top1"), PLOT_SHARE,
                         shown[1 + r]);
    }
    const char *before = *text;
    TRY(figure_text(in, text, error,
                    "%s%s%s: %s goes from %s to %s with noise of %s %s in the foreground, "
                    "to %s in the background.",
                    before, before[0] == '\0' ? "" : " ", backbone,
                    entry->is_original ? "the model\xE2\x80\x99s own last layer" : entry->name,
                    shown[0], shown[1], levels->kind->words, levels->names[last], shown[2]));
done:
    return status;
}

spur_status figure_add_noise(figure_list *into, spur_error *error)
{
    spur_status status;
    const figure_source *in = into->source;
    noise_levels levels;
    figure made = {.drawing = {.title = "Accuracy under noise in foreground and background",
                               .finding = "",
                               .x = {.include = {(double)NAN, (double)NAN}},
                               .y = {.label = "Top-1 accuracy",
                                     .key = "top1",
                                     .form = PLOT_SHARE,
                                     .include = {(double)NAN, (double)NAN}}}};
    TRY(find_levels(in, &levels, error));
    if (levels.count == 0) {
        goto done;
    }
    made.caption = levels.kind->caption;
    made.drawing.x.label = levels.kind->label;
    made.drawing.x.key = levels.kind->key;
    made.drawing.x.names = levels.names;
    made.drawing.x.name_count = levels.count;
    TRY(figure_make_id(into, "noise", "", &made.drawing.id, error));
    made.data = made.drawing;
    TRY(add_panels(in, &levels, middle_size(in, &levels), 1, &made.drawing, error));
    TRY(add_panels(in, &levels, in->sizes, in->size_count, &made.data, error));
    for (size_t b = 0; b < in->backbone_count; b++) {
        TRY(add_sentence(in, &levels, in->backbones[b], &made.drawing.finding, error));
    }
    made.data.finding = made.drawing.finding;
    TRY(made.drawing.panel_count > 0 ? figure_add(into, &made, error) : SPUR_OK);
done:
    return status;
}
