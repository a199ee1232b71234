/*
 * detector.h - an OWL-ViT or OWLv2 detector from a Hugging Face model folder.
 *
 * detector_open reads, checks and packs the weights once (shared, read-only, by all workers);
 * detector_worker_new sizes one thread's workspace; looking at an image allocates nothing but
 * the decoded picture's resize buffers.
 *
 * Letters: P patches (row-major grid), D size of text and class embeddings, S input side.
 */
#ifndef MODELS_DETECTOR_H
#define MODELS_DETECTOR_H

#include "models/preprocess.h"
#include "models/tokenizer.h"
#include "models/transformer.h"

typedef struct detector detector;
typedef struct detector_worker detector_worker;

/* Failures are SPUR_MODEL (or SPUR_RESOURCE). options may be NULL for the defaults. */
spur_status detector_open(const char *folder, const spur_detector_options *options,
                          detector **out, spur_error *error) SPUR_MUST_USE;
void detector_close(detector *block);
/* Frees the text tower when every text is encoded; encoding afterwards is SPUR_INTERNAL. */
void detector_drop_text(detector *from);

const char *detector_model_type(const detector *from); /* "owlvit" or "owlv2" */
size_t detector_patches(const detector *from);         /* P */
size_t detector_grid(const detector *from);            /* P = grid * grid */
size_t detector_side(const detector *from);            /* S */
size_t detector_embedding(const detector *from);       /* D */
size_t detector_max_tokens(const detector *from);
bool detector_has_objectness(const detector *from);
const tokenizer *detector_tokenizer(const detector *from);
const preprocess *detector_preprocess(const detector *from);
/* SHA-256 (hex) over everything that decides the numbers: config, preprocessing, tokenizer
 * files and weights, and the options that change them. */
const char *detector_digest(const detector *from);
size_t detector_weight_bytes(const detector *from); /* packed and plain weights held */
double detector_gmac(const detector *from);         /* multiply-adds of one look, in 1e9 */
const char *detector_isa(const detector *from);     /* of the compute engine */
/* Warnings for people found when opening (text heads corrected ...), NULL-terminated list. */
const char *const *detector_warnings(const detector *from);

spur_status detector_worker_new(const detector *from, detector_worker **out,
                                spur_error *error) SPUR_MUST_USE;
void detector_worker_free(detector_worker *worker);
/* Who looks on from now on, or stops a look half-way (see tower_watch); NULL: nobody. */
void detector_worker_watch(detector_worker *worker, const tower_watch *watch);

/* Text tower: embed[D], l2-normalised. The text is canonicalised when the options say scenic
 * geometry. ids (may be NULL) receives the tokens. */
spur_status detector_encode_text(detector_worker *worker, const char *text, size_t length,
                                 float *embed, token_ids *ids, spur_error *error) SPUR_MUST_USE;

/* Image tower: preprocesses and keeps the merged feature map, class embeddings, shift and
 * scale in the worker. */
spur_status detector_look(detector_worker *worker, const image *src,
                          spur_error *error) SPUR_MUST_USE;

/* Of the image last looked at; valid until the next look. */
const float *detector_pixel_values(const detector_worker *worker); /* [3, S, S] */
/* [P, D], un-normalised */
const float *detector_class_embeddings(const detector_worker *worker);
/* OWLv2: one logit per patch, [P], computed when first asked; SPUR_USAGE for OWL-ViT. */
spur_status detector_objectness(detector_worker *worker, const float **out,
                                spur_error *error) SPUR_MUST_USE;

/* logits[P, count] for queries[count, D]. Queries are normalised here (t / (|t| + 1e-6))
 * unless `as_given` (a mean of normalised embeddings stays as it is). A column does not depend
 * on the other queries. */
void detector_logits(const detector_worker *worker, const float *queries, size_t count,
                     bool as_given, float *logits);

/* box[4] = cx, cy, w, h of one patch in units of the input square; the same bits whether one
 * patch or all are asked. */
spur_status detector_box(detector_worker *worker, size_t patch, float box[4],
                         spur_error *error) SPUR_MUST_USE;

/* From the input square to pixels of a width x height picture: xmin, ymin, xmax, ymax, not
 * clipped. */
void detector_box_to_pixels(const detector *from, const float box[4], size_t width,
                            size_t height, float pixels[4]);

#endif
