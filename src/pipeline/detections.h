/*
 * detections.h - from logits and boxes of all patches to the boxes worth showing.
 *
 * Boxes go in as cx, cy, w, h in the input square; detections come out with xmin, ymin, xmax,
 * ymax in the same unit. Every `out` has room for `patches` entries.
 */
#ifndef PIPELINE_DETECTIONS_H
#define PIPELINE_DETECTIONS_H

#include "base/error.h"

/* Text queries, as Hugging Face's post_process_object_detection: each patch speaks for its
 * best query; kept when sigma(logit) > threshold; patch order. Returns how many. */
size_t detections_from_text(const float *logits, const float *boxes, size_t patches,
                            size_t queries, float threshold, spur_detection *out);

/* An image query, as post_process_image_guided_detection: suppression above IoU nms, scores
 * under the threshold dropped, then the score shown is clip((s - 0.1 m) / (0.9 m), 0, 1) with
 * m = max s + 1e-6; kept when above 0; patch order. */
spur_status detections_from_image(const float *logits, const float *boxes, size_t patches,
                                  float threshold, float nms, spur_detection *out,
                                  size_t *count, spur_error *error) SPUR_MUST_USE;

/* Sorts by score (best first, then patch) and drops what overlaps a better detection of the
 * same query with IoU > nms (nms 0: nothing); keeps the `top` best (0: all). Returns how many
 * are left. */
size_t detections_keep_best(spur_detection *detections, size_t count, float nms, size_t top);

/* The patch of an OWL-ViT picture that stands for the whole picture: among the boxes that fill
 * it (IoU with the square >= 0.8 of the best) the one least like the mean of all embeddings
 * [patches, width]. */
spur_status detections_query_patch(const float *boxes, const float *embeddings, size_t patches,
                                   size_t width, size_t *patch,
                                   spur_error *error) SPUR_MUST_USE;

#endif
