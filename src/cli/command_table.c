/*
 * command_table.c - all commands, in the order help shows them.
 */
#include <string.h>

#include "cli/command.h"

const command *const command_table[] = {&run_command,
                                        &demo_command,
                                        &score_command,
                                        &rank_command,
                                        &select_command,
                                        &features_command,
                                        &retrain_command,
                                        &eval_command,
                                        &compare_command,
                                        &report_command,
                                        &show_command,
                                        &export_command,
                                        &detect_command,
                                        &classify_command,
                                        &check_command,
                                        &preprocess_command,
                                        &models_list_command,
                                        &models_info_command,
                                        &models_verify_command,
                                        &models_tokenize_command,
                                        &bench_command,
                                        &doctor_command,
                                        &version_command,
                                        &help_command,
                                        NULL};

const command *command_find(const char *name)
{
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        if (strcmp((*entry)->name, name) == 0) {
            return *entry;
        }
    }
    return NULL;
}
