/*
 * completion.c - completion scripts for bash, zsh and fish, made from the command table.
 *
 * Commands of two words ("models info") complete in two steps.
 */
#include <stdbool.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/help.h"

typedef void (*option_visit)(const command *of, const option *entry, FILE *to);

static void each_option(const command *of, option_visit visit, FILE *to)
{
    for (const option_group *const *group = of->groups; *group != NULL; group++) {
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            if (!entry->is_hidden) {
                visit(of, entry, to);
            }
        }
    }
}

/* The text in single quotes, with the characters of `special` behind a backslash. */
static void print_quoted(const char *text, const char *special, FILE *to)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputs("'\\''", to);
        } else {
            (void)fprintf(to, "%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
        }
    }
}

/* "a|b|c" as "a b c". */
static void print_choices(const char *choices, FILE *to)
{
    for (; *choices != '\0'; choices++) {
        (void)fputc(*choices == '|' ? ' ' : *choices, to);
    }
}

static size_t family_length(const command *of)
{
    const char *space = strchr(of->name, ' ');
    return space == NULL ? 0 : (size_t)(space - of->name);
}

/* True for the first command of a family, which stands for the family's word. */
static bool is_first_of_family(const command *const *entry)
{
    size_t length = family_length(*entry);
    return length > 0 && (entry == command_table || family_length(entry[-1]) != length ||
                          strncmp(entry[-1]->name, (*entry)->name, length) != 0);
}

/* The words that may stand first. */
static void print_first_words(FILE *to)
{
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        size_t length = family_length(*entry);
        if (length == 0) {
            (void)fprintf(to, "%s ", (*entry)->name);
        } else if (is_first_of_family(entry)) {
            (void)fprintf(to, "%.*s ", (int)length, (*entry)->name);
        }
    }
}

static void print_second_words(FILE *to)
{
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        size_t length = family_length(*entry);
        if (length > 0) {
            (void)fprintf(to, "%s ", (*entry)->name + length + 1);
        }
    }
}

/* ---- bash ----------------------------------------------------------------------------- */

static void bash_option(const command *of, const option *entry, FILE *to)
{
    (void)of;
    (void)fprintf(to, " --%s", entry->name);
}

static void bash_choice(const command *of, const option *entry, FILE *to)
{
    if (entry->kind == OPTION_CHOICE) {
        (void)fprintf(to, "    '%s --%s') choices='", of->name, entry->name);
        print_choices(entry->value, to);
        (void)fputs("' ;;\n", to);
    }
}

static void print_bash(FILE *to)
{
    (void)fputs("# bash completion for spur; made by 'spur help --completion bash'\n"
                "_spur() {\n"
                "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                "    local name=${COMP_WORDS[1]} options='' choices=''\n"
                "    COMPREPLY=()\n"
                "    if ((COMP_CWORD == 1)); then\n"
                "        mapfile -t COMPREPLY < <(compgen -W '",
                to);
    print_first_words(to);
    (void)fputs("--help --version' -- \"$word\")\n        return\n    fi\n"
                "    if [[ $name == models ]]; then\n"
                "        if ((COMP_CWORD == 2)); then\n"
                "            mapfile -t COMPREPLY < <(compgen -W '",
                to);
    print_second_words(to);
    (void)fputs("' -- \"$word\")\n            return\n        fi\n"
                "        name=\"models ${COMP_WORDS[2]}\"\n    fi\n"
                "    case $name in\n",
                to);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        (void)fprintf(to, "    '%s') options='", (*entry)->name);
        each_option(*entry, bash_option, to);
        (void)fputs("' ;;\n", to);
    }
    (void)fputs("    esac\n    case \"$name $before\" in\n", to);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        each_option(*entry, bash_choice, to);
    }
    (void)fputs("    esac\n"
                "    if [[ -n $choices ]]; then\n"
                "        mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$word\")\n"
                "    elif [[ $word == -* ]]; then\n"
                "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
                "    else\n"
                "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                "    fi\n"
                "}\n"
                "complete -o filenames -F _spur spur\n",
                to);
}

/* ---- zsh ------------------------------------------------------------------------------ */

/* "[help]:VALUE:what completes it" */
static void zsh_rest(const option *entry, FILE *to)
{
    (void)fputc('[', to);
    print_quoted(entry->help, "[]:\\", to);
    (void)fputc(']', to);
    if (entry->kind == OPTION_CHOICE) {
        (void)fprintf(to, ":%s:(", entry->name);
        print_choices(entry->value, to);
        (void)fputc(')', to);
    } else if (entry->kind != OPTION_FLAG) {
        (void)fprintf(to, ":%s:%s", entry->value, entry->kind == OPTION_PATH ? "_files" : "");
    }
}

static void zsh_option(const command *of, const option *entry, FILE *to)
{
    (void)of;
    (void)fprintf(to, "            '*--%s%s", entry->name,
                  entry->kind == OPTION_FLAG ? "" : "=");
    zsh_rest(entry, to);
    (void)fputs("' \\\n", to);
    if (entry->letter != 0) {
        (void)fprintf(to, "            '*-%c%s", entry->letter,
                      entry->kind == OPTION_FLAG ? "" : "+");
        zsh_rest(entry, to);
        (void)fputs("' \\\n", to);
    }
}

static void print_zsh(FILE *to)
{
    (void)fputs("#compdef spur\n# made by 'spur help --completion zsh'\n_spur() {\n"
                "    local name=$words[2]\n"
                "    if (( CURRENT == 2 )); then\n"
                "        compadd -- ",
                to);
    print_first_words(to);
    (void)fputs("--help --version\n        return\n    fi\n"
                "    shift words\n    (( CURRENT-- ))\n"
                "    if [[ $name == models ]]; then\n"
                "        if (( CURRENT == 2 )); then\n"
                "            compadd -- ",
                to);
    print_second_words(to);
    (void)fputs("\n            return\n        fi\n"
                "        name=\"models $words[2]\"\n"
                "        shift words\n        (( CURRENT-- ))\n    fi\n"
                "    case $name in\n",
                to);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        (void)fprintf(to, "    '%s')\n        _arguments -s \\\n", (*entry)->name);
        each_option(*entry, zsh_option, to);
        (void)fputs("            '*:file:_files' ;;\n", to);
    }
    (void)fputs("    esac\n}\n_spur \"$@\"\n", to);
}

/* ---- fish ----------------------------------------------------------------------------- */

static void fish_condition(const command *of, FILE *to)
{
    size_t length = family_length(of);
    if (length == 0) {
        (void)fprintf(to, "complete -c spur -n '__fish_seen_subcommand_from %s'", of->name);
    } else {
        (void)fprintf(to,
                      "complete -c spur -n '__fish_seen_subcommand_from %.*s; and "
                      "__fish_seen_subcommand_from %s'",
                      (int)length, of->name, of->name + length + 1);
    }
}

static void fish_option(const command *of, const option *entry, FILE *to)
{
    fish_condition(of, to);
    (void)fprintf(to, " -l %s", entry->name);
    if (entry->letter != 0) {
        (void)fprintf(to, " -s %c", entry->letter);
    }
    if (entry->kind == OPTION_CHOICE) {
        (void)fputs(" -x -a '", to);
        print_choices(entry->value, to);
        (void)fputc('\'', to);
    } else if (entry->kind != OPTION_FLAG) {
        (void)fputs(entry->kind == OPTION_PATH ? " -r -F" : " -x", to);
    }
    (void)fputs(" -d '", to);
    /* fish knows \' inside single quotes, not the POSIX way out of them. */
    for (const char *at = entry->help; *at != '\0'; at++) {
        (void)fprintf(to, "%s%c", *at == '\'' || *at == '\\' ? "\\" : "", *at);
    }
    (void)fputs("'\n", to);
}

static void print_fish(FILE *to)
{
    (void)fputs("# fish completion for spur; made by 'spur help --completion fish'\n"
                "complete -c spur -n __fish_use_subcommand -f -a '",
                to);
    print_first_words(to);
    (void)fputs("'\ncomplete -c spur -f -n '__fish_seen_subcommand_from models; and not "
                "__fish_seen_subcommand_from ",
                to);
    print_second_words(to);
    (void)fputs("' -a '", to);
    print_second_words(to);
    (void)fputs("'\n", to);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        each_option(*entry, fish_option, to);
    }
}

spur_status completion_print(const char *shell, FILE *to, spur_error *error)
{
    if (strcmp(shell, "bash") == 0) {
        print_bash(to);
    } else if (strcmp(shell, "zsh") == 0) {
        print_zsh(to);
    } else if (strcmp(shell, "fish") == 0) {
        print_fish(to);
    } else {
        return failure_set(error, SPUR_USAGE, "no completion for '%s': bash, zsh or fish",
                           shell);
    }
    return SPUR_OK;
}
