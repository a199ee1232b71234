/*
 * run_preset.h - --preset of spur run and spur demo: settings for what the line leaves open.
 */
#ifndef CLI_RUN_PRESET_H
#define CLI_RUN_PRESET_H

#include "cli/options.h"
#include "cli/run_stages.h"

/* One line of an option table. */
#define PRESET_OPTION                                                                          \
    {                                                                                          \
        "preset", 0, OPTION_CHOICE, "paper|quick",                                             \
            "paper: 50, 100 and 200 images per class, 5 random subsets each, noise; quick: "   \
            "100 and 1, no noise",                                                             \
            false                                                                              \
    }

/* Without --preset the job stays as it is. */
void run_preset_apply(const arguments *from, run_job *job);

#endif
