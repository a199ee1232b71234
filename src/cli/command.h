/*
 * command.h - what a command is: one table entry that parsing, help, man pages, completion
 * and suggestions are all made from.
 *
 * The program sees nothing of the library but spur.h.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "spur.h"

struct terminal;
struct arguments;

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_PATH,   /* a file or folder: completed as such */
    OPTION_COUNT,  /* whole number >= 0 */
    OPTION_NUMBER, /* finite decimal number */
    OPTION_CHOICE  /* one of the words in `value`, "hf|scenic" */
};

typedef struct option {
    const char *name; /* long name without dashes; NULL ends a table */
    char letter;      /* short flag, or 0 */
    enum option_kind kind;
    const char *value; /* what stands for the value in help; the words of a choice */
    const char *help;  /* one sentence, no full stop */
    bool is_hidden;    /* parses, but help and completion do not show it */
} option;

/* Options under one heading; commands share groups. */
typedef struct option_group {
    const char *title;
    const option *options;
} option_group;

/* The exit code is the status. A command that has reported everything itself (some images
 * failed) returns the status with an empty message. */
typedef spur_status (*command_run)(const struct arguments *line, struct terminal *screen,
                                   spur_error *error);

typedef struct command {
    const char *name;                  /* "score", "models info" */
    const char *usage;                 /* what follows the name */
    const char *summary;               /* half a sentence for lists */
    const char *description;           /* paragraphs, separated by an empty line */
    const char *examples;              /* lines to type */
    const option_group *const *groups; /* NULL-terminated */
    size_t least, most;                /* words that are not options */
    bool is_resumable;                 /* the same line again continues */
    command_run run;
} command;

/* All commands in the order help shows them, ended by NULL. */
extern const command *const command_table[];

/* The command of that name, or NULL. */
const command *command_find(const char *name);

extern const command score_command, rank_command, detect_command, export_command, check_command,
    models_list_command, models_info_command, models_verify_command, models_tokenize_command,
    preprocess_command, bench_command, doctor_command, version_command, help_command;
extern const command run_command, demo_command;
extern const command select_command, features_command, retrain_command, eval_command;
extern const command classify_command;
extern const command compare_command;
extern const command report_command;
extern const command show_command;

#endif
