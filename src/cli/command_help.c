/*
 * command_help.c - spur help, and the man pages and completion scripts the build asks for.
 */
#include <stdio.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/help.h"
#include "cli/option_groups.h"
#include "cli/suggest.h"

static const option help_table[] = {
    {"man", 0, OPTION_FLAG, NULL, "print the man page as roff", true},
    {"list", 0, OPTION_FLAG, NULL, "print the names of all commands", true},
    {"completion", 0, OPTION_CHOICE, "bash|zsh|fish", "print the shell's completion script",
     false},
    {"help", 'h', OPTION_FLAG, NULL, "show this help", false},
    {0}};
static const option_group help_group = {"Help", help_table};
static const option_group *const help_groups[] = {&help_group, NULL};

static spur_status help_for(const char *name, bool as_manual, spur_error *error)
{
    const command *found = command_find(name);
    if (found != NULL) {
        (as_manual ? manual_print : help_print_command)(found, stdout);
        return SPUR_OK;
    }
    if (strcmp(name, "models") == 0 && !as_manual) {
        help_print_family(name, stdout);
        return SPUR_OK;
    }
    suggestion nearest = {.typed = name};
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        suggest_offer(&nearest, (*entry)->name);
    }
    if (nearest.best == NULL) {
        return failure_set(error, SPUR_USAGE, "unknown command '%s'; see 'spur help'", name);
    }
    return failure_set(error, SPUR_USAGE, "unknown command '%s'; did you mean '%s'?", name,
                       nearest.best);
}

static spur_status run_help(const arguments *from, struct terminal *screen, spur_error *error)
{
    char name[128];
    bool as_manual = argument_flag(from, "man");
    size_t count = argument_count(from);
    (void)screen;
    if (argument_flag(from, "completion")) {
        return completion_print(argument_text(from, "completion"), stdout, error);
    }
    if (argument_flag(from, "list")) {
        for (const command *const *entry = command_table; *entry != NULL; entry++) {
            (void)puts((*entry)->name);
        }
        return SPUR_OK;
    }
    if (count == 0 || (as_manual && strcmp(argument_word(from, 0), "spur") == 0)) {
        if (as_manual) {
            manual_print(NULL, stdout);
        } else {
            help_print_all(stdout);
        }
        return SPUR_OK;
    }
    (void)snprintf(name, sizeof name, "%s%s%s", argument_word(from, 0), count > 1 ? " " : "",
                   count > 1 ? argument_word(from, 1) : "");
    return help_for(name, as_manual, error);
}

const command help_command = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "this list, or all about one command",
    .description = "Without a command: all commands, exit codes and environment variables. "
                   "With one: its options. With --completion: a script for the shell.",
    .examples =
        "  spur help score\n"
        "  spur help --completion bash > ~/.local/share/bash-completion/completions/spur\n",
    .groups = help_groups,
    .least = 0,
    .most = 2,
    .run = run_help};
