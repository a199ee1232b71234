/*
 * recipe_table.c - all recipes by name, and what they share.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pipeline/recipes.h"

const recipe *const recipe_table[] = {&recipe_dfr, &recipe_moayeri,      &recipe_dfr_l1,
                                      &recipe_afr, &recipe_finetune_gap, NULL};

spur_status recipe_find(const char *name, const recipe **out, spur_error *error)
{
    for (const recipe *const *entry = recipe_table; *entry != NULL; entry++) {
        if (strcmp((*entry)->name, name) == 0) {
            *out = *entry;
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_USAGE,
                     "no recipe '%s'; there are dfr, moayeri, dfr-l1, afr, finetune-gap; "
                     "`spur retrain --recipe help` says what they do",
                     name);
}

spur_status recipe_fit(const recipe *with, const recipe_job *job, recipe_result *out,
                       spur_error *error)
{
    double start = clock_seconds();
    spur_status status = with->fit(job, out, error);
    if (status == SPUR_OK) {
        out->seconds = clock_seconds() - start;
    }
    return status;
}

void recipe_result_free(recipe_result *block)
{
    if (block != NULL) {
        head_free(&block->own);
        solver_close(block->with);
        *block = (recipe_result){0};
    }
}

int recipe_visit(void *context, const descent_progress *progress)
{
    const recipe_job *job = context;
    char detail[128];
    (void)snprintf(detail, sizeof detail, "objective %.6g  gradient %.1e  gap %.1e",
                   progress->objective, progress->gradient_norm, progress->gap);
    return job->visit != NULL ? job->visit(job->context, detail) : 0;
}
