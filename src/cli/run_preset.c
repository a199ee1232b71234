/*
 * run_preset.c - what --preset means.
 */
#include "cli/run_preset.h"

typedef struct preset {
    const char *amounts;
    uint64_t seeds;
    bool noise; /* at its default lengths and trials */
} preset;

/* In the order of the option's words. */
static const preset presets[] = {
    {"50,100,200", 5, true}, /* the paper's */
    {"100", 1, false},
};

void run_preset_apply(const arguments *from, run_job *job)
{
    if (!argument_flag(from, "preset")) {
        return;
    }
    const preset *chosen = &presets[argument_choice(from, "preset", 0)];
    if (!argument_flag(from, "k")) {
        job->select.amounts = chosen->amounts;
    }
    job->select.seeds = argument_whole(from, "seeds", chosen->seeds);
    if (chosen->noise && job->backbone_count > 0) {
        job->eval.noise = true;
        job->eval.noise_models = job->backbones;
        job->eval.noise_model_count = job->backbone_count;
    }
}
