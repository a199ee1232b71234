/*
 * detections.c - thresholds, suppression and the choice of an image query.
 *
 * Overlaps are computed in float, as the reference does.
 */
#include "pipeline/detections.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "nn/rows.h"

static void corners_make(const float box[4], float corners[4])
{
    corners[0] = box[0] - 0.5F * box[2];
    corners[1] = box[1] - 0.5F * box[3];
    corners[2] = box[0] + 0.5F * box[2];
    corners[3] = box[1] + 0.5F * box[3];
}

static float area_of(const float box[4])
{
    return (box[2] - box[0]) * (box[3] - box[1]);
}

static float overlap_of(const float a[4], const float b[4])
{
    float width = fminf(a[2], b[2]) - fmaxf(a[0], b[0]);
    float height = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
    return fmaxf(width, 0) * fmaxf(height, 0);
}

static float iou_of(const float a[4], const float b[4])
{
    float overlap = overlap_of(a, b);
    return overlap / (area_of(a) + area_of(b) - overlap);
}

/* Generalised IoU: IoU minus the share of the hull that neither covers. */
static float giou_of(const float a[4], const float b[4])
{
    const float hull[4] = {fminf(a[0], b[0]), fminf(a[1], b[1]), fmaxf(a[2], b[2]),
                           fmaxf(a[3], b[3])};
    float joint = area_of(a) + area_of(b) - overlap_of(a, b);
    return iou_of(a, b) - (area_of(hull) - joint) / area_of(hull);
}

size_t detections_from_text(const float *logits, const float *boxes, size_t patches,
                            size_t queries, float threshold, spur_detection *out)
{
    size_t count = 0;
    for (size_t n = 0; n < patches; n++) {
        const float *row = logits + n * queries;
        size_t best = 0;
        for (size_t j = 1; j < queries; j++) {
            if (row[j] > row[best]) {
                best = j;
            }
        }
        float score = sigmoid(row[best]);
        if (score > threshold) {
            spur_detection *made = &out[count++];
            *made =
                (spur_detection){.query = best, .patch = n, .logit = row[best], .score = score};
            corners_make(boxes + 4 * n, made->box);
        }
    }
    return count;
}

static int compare_best_first(const void *left, const void *right)
{
    const spur_detection *a = left, *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return a->patch < b->patch ? -1 : a->patch > b->patch;
}

static int compare_patch(const void *left, const void *right)
{
    const spur_detection *a = left, *b = right;
    return a->patch < b->patch ? -1 : a->patch > b->patch;
}

/* Sets the score of everything to 0 that overlaps an earlier (better) entry of its query. */
static void suppress(spur_detection *sorted, size_t count, float nms)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count && sorted[i].score > 0; j++) {
            if (sorted[j].query == sorted[i].query && sorted[j].score > 0 &&
                iou_of(sorted[i].box, sorted[j].box) > nms) {
                sorted[j].score = 0;
            }
        }
    }
}

static size_t drop_zero(spur_detection *detections, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (detections[i].score > 0) {
            detections[kept++] = detections[i];
        }
    }
    return kept;
}

size_t detections_keep_best(spur_detection *detections, size_t count, float nms, size_t top)
{
    qsort(detections, count, sizeof *detections, compare_best_first);
    if (nms > 0) {
        suppress(detections, count, nms);
        count = drop_zero(detections, count);
    }
    return top > 0 && count > top ? top : count;
}

/* NOLINTNEXTLINE(readability-function-size): arrays with their sizes */
spur_status detections_from_image(const float *logits, const float *boxes, size_t patches,
                                  float threshold, float nms, spur_detection *out,
                                  size_t *count, spur_error *error)
{
    spur_status status;
    spur_detection *all = NULL;
    TRY(memory_new(patches, sizeof *all, &all, error));
    for (size_t n = 0; n < patches; n++) {
        all[n] = (spur_detection){.patch = n, .logit = logits[n], .score = sigmoid(logits[n])};
        corners_make(boxes + 4 * n, all[n].box);
    }
    qsort(all, patches, sizeof *all, compare_best_first);
    if (nms < 1) {
        suppress(all, patches, nms);
    }
    float most = (patches > 0 ? all[0].score : 0) + 1e-6F;
    size_t kept = 0;
    for (size_t i = 0; i < patches; i++) {
        float score = all[i].score < threshold ? 0 : all[i].score;
        float shown = fminf((score - most * 0.1F) / (most * 0.9F), 1);
        if (shown > 0) {
            out[kept] = all[i];
            out[kept++].score = shown;
        }
    }
    qsort(out, kept, sizeof *out, compare_patch);
    *count = kept;
done:
    memory_free(all);
    return status;
}

/* Overlap of each box with the unit square, or generalised overlap when none overlaps. */
static void fill_measure(const float *boxes, size_t patches, float *fill)
{
    const float square[4] = {0, 0, 1, 1};
    float corners[4], most = 0;
    for (size_t n = 0; n < patches; n++) {
        corners_make(boxes + 4 * n, corners);
        fill[n] = iou_of(square, corners);
        most = fmaxf(most, fill[n]);
    }
    for (size_t n = 0; n < patches && !(most > 0); n++) {
        corners_make(boxes + 4 * n, corners);
        fill[n] = giou_of(square, corners);
    }
}

static double dot_of(const double *mean, const float *embedding, size_t width)
{
    double sum = 0;
    for (size_t i = 0; i < width; i++) {
        sum += mean[i] * (double)embedding[i];
    }
    return sum;
}

static spur_status mean_make(const float *embeddings, size_t patches, size_t width,
                             double **out, spur_error *error)
{
    spur_status status = memory_new_zeroed(width, sizeof **out, out, error);
    for (size_t n = 0; status == SPUR_OK && n < patches; n++) {
        for (size_t i = 0; i < width; i++) {
            (*out)[i] += (double)embeddings[n * width + i] / (double)patches;
        }
    }
    return status;
}

spur_status detections_query_patch(const float *boxes, const float *embeddings, size_t patches,
                                   size_t width, size_t *patch, spur_error *error)
{
    spur_status status;
    float *fill = NULL;
    double *mean = NULL;
    TRY(memory_new(patches, sizeof *fill, &fill, error));
    TRY(mean_make(embeddings, patches, width, &mean, error));
    fill_measure(boxes, patches, fill);
    float most = fill[0];
    for (size_t n = 1; n < patches; n++) {
        most = fmaxf(most, fill[n]);
    }
    /* The reference takes 0.8 of the best, which selects nothing when the best generalised
     * overlap is negative; there the original implementation's 1.2 is used. */
    float least_fill = most * (most < 0 ? 1.2F : 0.8F);
    double least = HUGE_VAL;
    for (size_t n = 0; n < patches; n++) {
        double similarity = dot_of(mean, embeddings + n * width, width);
        if (fill[n] >= least_fill && similarity < least) {
            least = similarity;
            *patch = n;
        }
    }
done:
    memory_free(fill);
    memory_free(mean);
    return status;
}
