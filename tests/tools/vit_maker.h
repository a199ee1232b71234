/*
 * vit_maker.h - ViT and DeiT model folders whose weights are made from the tensors' names.
 */
#ifndef TEST_VIT_MAKER_H
#define TEST_VIT_MAKER_H

#include "base/memory.h"
#include "io/tensor.h"

typedef struct vit_sizes {
    size_t width, layers, heads, mlp, patch, side, classes;
    bool is_distilled;
    const char *prefix; /* NULL: timm's names; "vit", "deit": Hugging Face's */
} vit_sizes;

/* "deit_small_patch16_224", "deit_tiny_distilled_patch16_224" ... in timm's names, 1000
 * classes; false for another name. */
bool vit_sizes_find(const char *name, vit_sizes *out);

/* All tensors with their numbers; *count may grow by up to two in place. Lives in `owner`. */
spur_status vit_tensors_make(const vit_sizes *sizes, const char *salt, arena *owner,
                             tensor_out **tensors, size_t *count,
                             spur_error *error) SPUR_MUST_USE;

/* config.json (timm: with pretrained_cfg of DeiT) and, in Hugging Face's names,
 * preprocessor_config.json with the defaults of ViT. */
spur_status vit_config_make(const vit_sizes *sizes, const char *folder,
                            spur_error *error) SPUR_MUST_USE;
/* Both configs and FOLDER/model.safetensors. The folder must exist. */
spur_status vit_make(const vit_sizes *sizes, const char *salt, const char *folder,
                     spur_error *error) SPUR_MUST_USE;

#endif
