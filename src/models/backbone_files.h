/*
 * backbone_files.h - where a classifier's files are, and what its config.json says.
 *
 * A classifier is a folder, a hub id, or a lone weight file; a lone file called as in a folder
 * (model.safetensors, pytorch_model.bin) brings the folder's other files with it.
 */
#ifndef MODELS_BACKBONE_FILES_H
#define MODELS_BACKBONE_FILES_H

#include "base/memory.h"
#include "io/json.h"

typedef struct backbone_files {
    char *folder;   /* of config.json and preprocessor_config.json, or NULL */
    char *weights;  /* what weights_open takes */
    char *name;     /* safe as a file's name; NULL when the path gives none */
    json_t *config; /* config.json, or NULL */
} backbone_files;

spur_status backbone_files_open(const char *path, backbone_files *out,
                                spur_error *error) SPUR_MUST_USE;
void backbone_files_close(backbone_files *block);

/* What config.json calls the network: timm's architecture, else model_type, else NULL. */
const char *backbone_files_architecture(const backbone_files *from);

/* id2label or timm's label_names as a list in the arena; *out stays NULL when there is none.
 * A list that is not one name for each class is SPUR_MODEL. */
spur_status backbone_files_names(const backbone_files *from, size_t classes, arena *owner,
                                 const char *const **out, spur_error *error) SPUR_MUST_USE;

#endif
