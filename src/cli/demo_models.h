/*
 * demo_models.h - where the models of the demo are: beside the program, or where it was
 * installed.
 */
#ifndef CLI_DEMO_MODELS_H
#define CLI_DEMO_MODELS_H

#include <stddef.h>

#include "cli/failure.h"

enum {
    DEMO_BACKBONES = 2
};

typedef struct demo_models {
    char *detector;
    char *backbones[DEMO_BACKBONES]; /* those that are there */
    size_t backbone_count;
} demo_models;

/* Looks in the folder given, or (NULL) in the one that belongs to this program. SPUR_MODEL when
 * it has no detector. */
spur_status demo_find_models(const char *folder, demo_models *out,
                             spur_error *error) SPUR_MUST_USE;
void demo_models_free(demo_models *block);

/* "folder/name" in new memory. */
spur_status demo_join(const char *folder, const char *name, char **out,
                      spur_error *error) SPUR_MUST_USE;

#endif
