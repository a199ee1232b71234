/*
 * draw.c - a picture with the boxes found in it, one colour a query, as PNG.
 *
 * Weaker boxes are drawn first, so that the best one and its label lie on top.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/image.h"
#include "report/paint.h"

/* The palette of Okabe and Ito, told apart by colour-blind readers too. */
static const colour PALETTE[] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
                                 {0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9},
                                 {0xf0, 0xe4, 0x42}};

enum {
    PALETTE_SIZE = sizeof PALETTE / sizeof PALETTE[0],
    LABEL_SIZE = 64
};

/* The label on a plate of the box's colour, above the box or inside it at the picture's edge.
 */
static void label_draw(image *on, const char *label, const float box[4], size_t scale,
                       colour paint)
{
    size_t height = (GLYPH_HEIGHT + 4) * scale;
    size_t width = strlen(label) * paint_step(scale) + 3 * scale;
    size_t left = paint_clip((double)box[0], on->width > width ? on->width - width : 0);
    size_t top = paint_clip((double)box[1] - (double)height, on->height);
    bool is_light = 299 * paint.red + 587 * paint.green + 114 * paint.blue > 140000;
    colour ink = is_light ? (colour){0, 0, 0} : (colour){255, 255, 255};
    area_fill(on,
              area_make(on, (double)left, (double)top, (double)(left + width),
                        (double)(top + height)),
              paint);
    paint_text(on, label, left + 2 * scale, top + 2 * scale, scale, ink);
}

static int compare_weakest_first(const void *left, const void *right)
{
    const spur_detection *a = left, *b = right;
    if (a->score != b->score) {
        return a->score < b->score ? -1 : 1;
    }
    return a->patch < b->patch ? -1 : a->patch > b->patch;
}

static void detections_draw(image *on, const spur_detection *sorted, size_t count,
                            const char *const *names)
{
    size_t longest = on->width > on->height ? on->width : on->height;
    size_t scale = 1 + longest / 700;
    for (size_t i = 0; i < count; i++) {
        const spur_detection *one = &sorted[i];
        colour paint = PALETTE[one->query % PALETTE_SIZE];
        char label[LABEL_SIZE];
        (void)snprintf(label, sizeof label, "%.48s %.2f",
                       names == NULL ? "query" : names[one->query], (double)one->score);
        paint_frame(on, one->box, (double)scale * 1.5, paint);
        label_draw(on, label, one->box, scale, paint);
    }
}

spur_status spur_detect_draw(const spur_detect_result *result, const char *image_path,
                             const spur_image_options *options, const char *const *names,
                             const char *out_path, spur_error *error)
{
    spur_status status;
    image picture = {0};
    image_info info;
    spur_detection *sorted = NULL;
    TRY(image_load(image_path, options, &picture, &info, error));
    TRY(memory_new(result->detection_count, sizeof *sorted, &sorted, error));
    memcpy(sorted, result->detections, result->detection_count * sizeof *sorted);
    qsort(sorted, result->detection_count, sizeof *sorted, compare_weakest_first);
    detections_draw(&picture, sorted, result->detection_count, names);
    TRY(image_write_png(out_path, &picture, error));
done:
    memory_free(sorted);
    image_free(&picture);
    return status;
}
