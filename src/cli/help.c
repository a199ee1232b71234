/*
 * help.c - help made from the command table; no line is wider than 79 columns.
 */
#include "cli/help.h"

#include <string.h>

enum {
    COLUMNS = 79,
    OPTION_INDENT = 28,
    SUMMARY_INDENT = 20
};

const help_row help_exit_codes[] = {
    {"0", "done"},
    {"1", "internal error: a bug in Spur, please report it"},
    {"2", "wrong usage; nothing was run"},
    {"3", "done, but some images failed; all are listed"},
    {"4", "dataset, manifest, class list or run folder bad or missing"},
    {"5", "model bad, missing, wrong checksum or not supported"},
    {"6", "resources: disk full, memory, permission, output not writable"},
    {"7", "a condition the caller asked to fail on holds"},
    {"130", "interrupted; what is finished is saved"},
    {NULL, NULL}};

const help_row help_environment[] = {
    {"SPUR_DETECTOR", "detector to use when --detector is not given"},
    {"HF_HOME, HF_HUB_CACHE", "where the Hugging Face cache with downloaded models is"},
    {"NO_COLOR, TERM=dumb", "no colour"},
    {"ONEDNN_MAX_CPU_ISA", "limit of the instruction set (numbers depend on it)"},
    {NULL, NULL}};

static void spaces(size_t count, FILE *to)
{
    for (size_t i = 0; i < count; i++) {
        (void)fputc(' ', to);
    }
}

void help_wrap(const char *text, size_t from, size_t indent, size_t columns, FILE *to)
{
    size_t column = from;
    bool begins_line = true;
    while (*text != '\0') {
        size_t breaks = strspn(text, "\n");
        if (breaks > 0) {
            (void)fputs(breaks > 1 ? "\n\n" : "\n", to);
            text += breaks;
            column = 0;
            begins_line = true;
            continue;
        }
        size_t length = strcspn(text, " \n");
        if (!begins_line && column + 1 + length > columns) {
            (void)fputc('\n', to);
            column = 0;
            begins_line = true;
        }
        if (begins_line && column < indent) {
            spaces(indent - column, to);
            column = indent;
        } else if (!begins_line) {
            (void)fputc(' ', to);
            column++;
        }
        (void)fwrite(text, 1, length, to);
        column += length;
        begins_line = false;
        text += length;
        text += *text == ' ' ? 1 : 0;
    }
    (void)fputc('\n', to);
}

static void print_row(const char *name, const char *text, size_t indent, FILE *to)
{
    int used = fprintf(to, "  %s", name);
    size_t column = used < 0 ? 0 : (size_t)used;
    if (column + 2 > indent) {
        (void)fputc('\n', to);
        column = 0;
    }
    help_wrap(text, column, indent, COLUMNS, to);
}

static void print_option(const option *entry, FILE *to)
{
    char name[128];
    char letter[8] = "    ";
    if (entry->letter != 0) {
        (void)snprintf(letter, sizeof letter, "-%c, ", entry->letter);
    }
    (void)snprintf(name, sizeof name, "%s--%s%s%s", letter, entry->name,
                   entry->kind == OPTION_FLAG ? "" : " ",
                   entry->kind == OPTION_FLAG ? "" : entry->value);
    print_row(name, entry->help, OPTION_INDENT, to);
}

bool group_begins_heading(const command *of, const option_group *const *group)
{
    return group == of->groups || strcmp(group[-1]->title, (*group)->title) != 0;
}

void help_print_command(const command *of, FILE *to)
{
    char usage[512];
    (void)snprintf(usage, sizeof usage, "usage: spur %s %s", of->name, of->usage);
    help_wrap(usage, 0, 0, COLUMNS, to);
    (void)fputc('\n', to);
    help_wrap(of->description, 0, 0, COLUMNS, to);
    for (const option_group *const *group = of->groups; *group != NULL; group++) {
        if (group_begins_heading(of, group)) {
            (void)fprintf(to, "\n%s options:\n", (*group)->title);
        }
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            if (!entry->is_hidden) {
                print_option(entry, to);
            }
        }
    }
    if (of->examples[0] != '\0') {
        (void)fprintf(to, "\nExamples:\n%s", of->examples);
    }
}

void help_print_short(FILE *to)
{
    (void)fputs(
        "spur ranks the images of every class by how visible the class's own object\n"
        "is to an open-vocabulary detector.\n"
        "\n"
        "usage: spur COMMAND [OPTION]...   commands: demo run score rank select features\n"
        "       retrain eval report show compare export check detect classify ... help\n"
        "examples:\n"
        "  spur demo\n"
        "  spur run photos --out run --detector DETECTOR --backbone CLASSIFIER\n"
        "'spur help' says more, 'spur help COMMAND' all about one command,\n"
        "'spur doctor' what is missing and how to get a detector.\n",
        to);
}

static void print_summaries(const char *family, FILE *to)
{
    size_t length = family == NULL ? 0 : strlen(family);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        if (family == NULL ||
            (strncmp((*entry)->name, family, length) == 0 && (*entry)->name[length] == ' ')) {
            print_row((*entry)->name, (*entry)->summary, SUMMARY_INDENT, to);
        }
    }
}

void help_print_family(const char *word, FILE *to)
{
    (void)fprintf(to, "usage: spur %s COMMAND [OPTION]...\n\nCommands:\n", word);
    print_summaries(word, to);
    (void)fprintf(to, "\n'spur help %s COMMAND' says all about one command.\n", word);
}

void help_print_all(FILE *to)
{
    (void)fputs("usage: spur COMMAND [OPTION]...\n\n", to);
    help_wrap("Ranks the images of every class by how visible the class's own object is to an "
              "open-vocabulary detector. Results go to standard output, everything else to "
              "standard error; '-' stands for standard input or output.",
              0, 0, COLUMNS, to);
    (void)fputs("\nCommands:\n", to);
    print_summaries(NULL, to);
    (void)fputs("\nExit codes:\n", to);
    for (const help_row *row = help_exit_codes; row->name != NULL; row++) {
        print_row(row->name, row->text, 8, to);
    }
    (void)fputs("\nEnvironment:\n", to);
    for (const help_row *row = help_environment; row->name != NULL; row++) {
        print_row(row->name, row->text, OPTION_INDENT, to);
    }
    (void)fputs("\n'spur help COMMAND' says all about one command.\n", to);
}
