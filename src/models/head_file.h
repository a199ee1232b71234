/*
 * head_file.h - last layers in files, under the names PyTorch's models give them.
 *
 * A head is read from any weight format and written as safetensors; a distilled model's two
 * layers (head and head_dist, half the features each, logits averaged) are one head over the
 * concatenated features here. What was trained on what stands in the metadata.
 */
#ifndef MODELS_HEAD_FILE_H
#define MODELS_HEAD_FILE_H

#include "models/head.h"

typedef struct head_file head_file;

/* The file holds exactly one head: fc.*, head.*, head.* with head_dist.*, classifier.*,
 * cls_classifier.* with distillation_classifier.*, or the bare matrices W and b. SPUR_MODEL
 * names a tensor that is missing, left over, mis-shaped or not finite. */
spur_status head_file_open(const char *path, head_file **out, spur_error *error) SPUR_MUST_USE;
void head_file_close(head_file *block);

const head *head_file_head(const head_file *from);
/* "fc", "head", "head_dist" (two layers), "classifier", "cls_classifier" (two layers),
 * "heads.head" (torchvision's ViT), "classifier.1" (Hugging Face's ResNet), "W". */
const char *head_file_prefix(const head_file *from);
/* A value of the metadata, or NULL. */
const char *head_file_note(const head_file *from, const char *key);
/* All of it, in the order of the keys. */
size_t head_file_note_count(const head_file *from);
void head_file_note_at(const head_file *from, size_t i, const char **key, const char **value);

/* Refuses (SPUR_DATASET) a head of other sizes, or one whose metadata names the digest of
 * another backbone. backbone_digest may be NULL. */
spur_status head_file_check(const head_file *from, size_t classes, size_t features,
                            const char *backbone_digest, spur_error *error) SPUR_MUST_USE;

/* Writes atomically under `prefix` (one of the above; anything else is SPUR_USAGE).
 * metadata: `pairs` key, value, key, value ... */
spur_status head_file_write(const char *path, const head *from, const char *prefix,
                            const char *const *metadata, size_t pairs,
                            spur_error *error) SPUR_MUST_USE;

#endif
