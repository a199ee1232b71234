/*
 * audit_worker.c - painting the picture, and scoring it the run's way.
 */
#include "pipeline/audit_worker.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    CHANNELS = 3
};

struct audit_worker {
    const audit_task *task;
    scorer *scores;
    uint16_t *bins; /* [queries], not kept */
    unsigned char grey[CHANNELS];
};

/* ---- bytes ------------------------------------------------------------------------------- */

static void put_float(unsigned char *dst, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++) {
        dst[i] = (unsigned char)(bits >> 8 * i);
    }
}

static float get_float(const unsigned char *src)
{
    uint32_t bits = 0;
    float value;
    for (size_t i = sizeof bits; i-- > 0;) {
        bits = bits << 8 | src[i];
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

void audit_row_put(unsigned char *bytes, audit_row row)
{
    bytes[0] = (unsigned char)row.flags;
    put_float(bytes + 4, row.removed);
    put_float(bytes + 8, row.alone);
}

audit_row audit_row_of(const unsigned char *bytes)
{
    return (audit_row){bytes[0], get_float(bytes + 4), get_float(bytes + 8)};
}

/* ---- painting ---------------------------------------------------------------------------- */

pixel_range audit_range(float low, float high, size_t n)
{
    pixel_range found = {0, 0};
    double first = ceil((double)low - 0.5), last = ceil((double)high - 0.5);
    first = fmin(fmax(first, 0.0), (double)n);
    last = fmin(fmax(last, 0.0), (double)n);
    if (last > first) {
        found = (pixel_range){(size_t)first, (size_t)last};
    }
    return found;
}

static void paint_span(unsigned char *pixels, size_t count, const unsigned char *colour)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(pixels + i * CHANNELS, colour, CHANNELS);
    }
}

void audit_paint(image *on, pixel_range columns, pixel_range rows, bool is_inside,
                 const unsigned char colour[3])
{
    for (size_t y = 0; y < on->height; y++) {
        unsigned char *line = on->pixels + y * on->width * CHANNELS;
        bool is_row = y >= rows.first && y < rows.last;
        pixel_range box = is_row ? columns : (pixel_range){0, 0};
        if (is_inside) {
            paint_span(line + box.first * CHANNELS, box.last - box.first, colour);
        } else {
            paint_span(line, box.first, colour);
            paint_span(line + box.last * CHANNELS, on->width - box.last, colour);
        }
    }
}

/* ---- worker ------------------------------------------------------------------------------ */

/* The byte that normalises to about 0. */
static void find_grey(const preprocess *recipe, unsigned char out[CHANNELS])
{
    for (size_t c = 0; c < CHANNELS; c++) {
        double mean = recipe->normalise ? recipe->mean[c] : 0.5;
        out[c] = (unsigned char)floor(255.0 * fmin(fmax(mean, 0.0), 1.0) + 0.5);
    }
}

spur_status audit_worker_new(const audit_task *task, audit_worker **out, spur_error *error)
{
    spur_status status;
    audit_worker *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->task = task;
    find_grey(detector_preprocess(task->score->model), made->grey);
    TRY(memory_new(scorer_query_count(task->score), sizeof *made->bins, &made->bins, error));
    TRY(scorer_new(task->score, &made->scores, error));
    *out = made;
    made = NULL;
done:
    audit_worker_free(made);
    return status;
}

void audit_worker_free(audit_worker *block)
{
    if (block != NULL) {
        scorer_free(block->scores);
        memory_free(block->bins);
        memory_free(block);
    }
}

static spur_status own_logit(audit_worker *with, const image *of, size_t class_index,
                             float *out, spur_error *error)
{
    store_row row = {.class_index = class_index};
    spur_status status = scorer_look(with->scores, of, &row, with->bins, error);
    if (status == SPUR_OK) {
        *out = row.logit;
    }
    return status;
}

static spur_status copy_image(const image *from, image *out, spur_error *error)
{
    size_t bytes = from->width * from->height * CHANNELS; /* as decoded: it fits */
    spur_status status = memory_new(bytes, 1, &out->pixels, error);
    if (status == SPUR_OK) {
        memcpy(out->pixels, from->pixels, bytes);
        out->width = from->width;
        out->height = from->height;
    }
    return status;
}

static spur_status audit_image(audit_worker *with, const feature_row *row, audit_row *out,
                               spur_error *error)
{
    spur_status status;
    picture loaded;
    image copy = {0, 0, NULL};
    audit_row made = {AUDIT_VALID, 0.0F, 0.0F};
    const row_source *source = &with->task->source;
    TRY(row_picture_load(source, row->file_name, row->digest, &loaded, error));
    pixel_range columns = audit_range(row->box[0], row->box[2], loaded.pixels.width);
    pixel_range rows = audit_range(row->box[1], row->box[3], loaded.pixels.height);
    size_t area = (columns.last - columns.first) * (rows.last - rows.first);
    made.flags |= area == 0 ? AUDIT_EMPTY : 0U;
    made.flags |= area == loaded.pixels.width * loaded.pixels.height ? AUDIT_FULL : 0U;
    TRY(copy_image(&loaded.pixels, &copy, error));
    audit_paint(&copy, columns, rows, true, with->grey);
    audit_paint(&loaded.pixels, columns, rows, false, with->grey);
    TRY(own_logit(with, &copy, row->class_index, &made.removed, error));
    TRY(own_logit(with, &loaded.pixels, row->class_index, &made.alone, error));
    *out = made;
done:
    image_free(&copy);
    picture_free(source->gate, &loaded);
    return status;
}

spur_status audit_worker_run(audit_worker *with, experiment_block *block,
                             const atomic_bool *cancelled, spur_error *error)
{
    scorer_watch(with->scores, cancelled);
    for (size_t i = 0; i < block->count; i++) {
        const feature_row *row = block->images[i];
        spur_error cause = {SPUR_OK, ""};
        audit_row found;
        if (atomic_load(cancelled)) {
            return SPUR_INTERRUPTED;
        }
        spur_status status = audit_image(with, row, &found, &cause);
        if (status == SPUR_OK) {
            audit_row_put(block->outcomes + i * AUDIT_ROW_BYTES, found);
        } else if (status == SPUR_IMAGE) {
            text_copy(cause.message, block->reasons[i], EXPERIMENT_REASON_SIZE);
        } else {
            return error_set(error, status, "%s: %s", row->file_name, cause.message);
        }
    }
    return SPUR_OK;
}
