/*
 * recipes.h - the entries of the table of recipes.
 */
#ifndef PIPELINE_RECIPES_H
#define PIPELINE_RECIPES_H

#include "pipeline/recipe.h"

extern const recipe recipe_dfr, recipe_moayeri, recipe_dfr_l1, recipe_afr, recipe_finetune_gap;

#endif
