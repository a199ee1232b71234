/*
 * help.h - help, man pages and completion scripts, all made from the command table.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* What `spur` alone prints. */
void help_print_short(FILE *to);
/* All commands, exit codes, environment. */
void help_print_all(FILE *to);
void help_print_command(const command *of, FILE *to);
/* The commands that begin with a first word ("models"). */
void help_print_family(const char *word, FILE *to);

/* roff for man(1): of one command, or of the program when `of` is NULL. */
void manual_print(const command *of, FILE *to);

/* "bash", "zsh" or "fish". */
spur_status completion_print(const char *shell, FILE *to, spur_error *error) SPUR_MUST_USE;

/* Paragraphs (separated by an empty line) wrapped to `columns`, each line behind `indent`
 * spaces; the first line begins at column `from`. */
void help_wrap(const char *text, size_t from, size_t indent, size_t columns, FILE *to);

/* Neighbouring groups with the same title share a heading: true for the first of them. */
bool group_begins_heading(const command *of, const option_group *const *group);

/* The texts shared by help and man pages. */
typedef struct help_row {
    const char *name, *text;
} help_row;
extern const help_row help_exit_codes[], help_environment[]; /* ended by a NULL name */

#endif
