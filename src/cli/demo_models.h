/*
 * demo_models.h - where the models of the demo are: beside the program, or where it was
 * installed.
 */
#ifndef CLI_DEMO_MODELS_H
#define CLI_DEMO_MODELS_H

#include "cli/failure.h"

/* *detector: the folder given, or the one that belongs to this program, with "/detector" behind
 * it; free with free(). SPUR_MODEL when there is none. */
spur_status demo_find_models(const char *folder, char **detector,
                             spur_error *error) SPUR_MUST_USE;

/* "folder/name" in new memory. */
spur_status demo_join(const char *folder, const char *name, char **out,
                      spur_error *error) SPUR_MUST_USE;

#endif
