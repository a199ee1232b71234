/*
 * resnet_maker.h - ResNet weight files whose numbers come from the tensors' names.
 */
#ifndef TEST_RESNET_MAKER_H
#define TEST_RESNET_MAKER_H

#include "base/memory.h"
#include "io/tensor.h"
#include "models/resnet_plan.h"

/* "resnet18" .. "resnet152"; false for another name. */
bool resnet_plan_find(const char *name, resnet_plan *out);

/* All tensors of a plan in torchvision's names with their numbers, num_batches_tracked
 * included; *count may grow by up to two in place. Lives in `owner`. */
spur_status resnet_tensors_make(const resnet_plan *plan, const char *salt, arena *owner,
                                tensor_out **tensors, size_t *count,
                                spur_error *error) SPUR_MUST_USE;

/* FOLDER/model.safetensors and a timm config.json that asks for torchvision's preset at `side`
 * pixels. The folder must exist. */
spur_status resnet_make(const resnet_plan *plan, const char *salt, size_t side,
                        const char *folder, spur_error *error) SPUR_MUST_USE;

#endif
