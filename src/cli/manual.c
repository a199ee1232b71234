/*
 * manual.c - man pages as roff, made from the command table.
 *
 * A hyphen in an option is written \- so that it can be copied from the page; a line that
 * would begin with a dot or quote is guarded by \&.
 */
#include <string.h>

#include "cli/help.h"

static void print_roff(const char *text, FILE *to)
{
    bool begins_line = true;
    for (; *text != '\0'; text++) {
        if (begins_line && (*text == '.' || *text == '\'')) {
            (void)fputs("\\&", to);
        }
        if (*text == '\\') {
            (void)fputs("\\e", to);
        } else if (*text == '-') {
            (void)fputs("\\-", to);
        } else {
            (void)fputc(*text, to);
        }
        begins_line = *text == '\n';
    }
}

/* Paragraphs separated by an empty line. */
static void print_paragraphs(const char *text, FILE *to)
{
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        size_t length = end == NULL ? strlen(text) : (size_t)(end - text);
        char piece[2048];
        (void)fputs(".PP\n", to);
        (void)snprintf(piece, sizeof piece, "%.*s", (int)length, text);
        print_roff(piece, to);
        (void)fputc('\n', to);
        text = end == NULL ? text + length : end + 2;
    }
}

static void print_rows(const help_row *rows, FILE *to)
{
    for (; rows->name != NULL; rows++) {
        (void)fputs(".TP\n.B ", to);
        print_roff(rows->name, to);
        (void)fputc('\n', to);
        print_roff(rows->text, to);
        (void)fputc('\n', to);
    }
}

static void print_option(const option *entry, FILE *to)
{
    (void)fputs(".TP\n", to);
    if (entry->letter != 0) {
        (void)fprintf(to, "\\fB\\-%c\\fR, ", entry->letter);
    }
    (void)fputs("\\fB", to);
    print_roff("--", to);
    print_roff(entry->name, to);
    (void)fputs("\\fR", to);
    if (entry->kind != OPTION_FLAG) {
        (void)fputs(" \\fI", to);
        print_roff(entry->value, to);
        (void)fputs("\\fR", to);
    }
    (void)fputc('\n', to);
    print_roff(entry->help, to);
    (void)fputs(".\n", to);
}

static void print_heading(const char *name, const char *summary, FILE *to)
{
    char title[64];
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < sizeof title; i++) {
        title[i] = name[i] == ' ' ? '-' : name[i];
    }
    title[i] = '\0';
    (void)fprintf(to, ".TH \"%s%s\" 1 \"\" \"spur %s\" \"User Commands\"\n.SH NAME\n",
                  strcmp(name, "spur") == 0 ? "" : "spur-", title, spur_version());
    print_roff(strcmp(name, "spur") == 0 ? "" : "spur-", to);
    print_roff(title, to);
    (void)fputs(" \\- ", to);
    print_roff(summary, to);
    (void)fputc('\n', to);
}

static void print_command(const command *of, FILE *to)
{
    print_heading(of->name, of->summary, to);
    (void)fprintf(to, ".SH SYNOPSIS\n.B spur %s\n", of->name);
    print_roff(of->usage, to);
    (void)fputs("\n.SH DESCRIPTION\n", to);
    print_paragraphs(of->description, to);
    for (const option_group *const *group = of->groups; *group != NULL; group++) {
        if (group_begins_heading(of, group)) {
            (void)fprintf(to, ".SH \"%s OPTIONS\"\n", (*group)->title);
        }
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            if (!entry->is_hidden) {
                print_option(entry, to);
            }
        }
    }
    if (of->examples[0] != '\0') {
        (void)fputs(".SH EXAMPLES\n.nf\n", to);
        print_roff(of->examples, to);
        (void)fputs(".fi\n", to);
    }
}

static void print_program(FILE *to)
{
    print_heading("spur", "rank images by how visible their object is", to);
    (void)fputs(".SH SYNOPSIS\n.B spur\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.SH DESCRIPTION\n",
                to);
    print_roff("Ranks the images of every class by how visible the class's own object is to an "
               "open-vocabulary detector. Results go to standard output, everything else to "
               "standard error; '-' stands for standard input or output.\n",
               to);
    (void)fputs(".SH COMMANDS\n", to);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        help_row rows[] = {{(*entry)->name, (*entry)->summary}, {NULL, NULL}};
        print_rows(rows, to);
    }
}

void manual_print(const command *of, FILE *to)
{
    if (of == NULL) {
        print_program(to);
    } else {
        print_command(of, to);
    }
    (void)fputs(".SH \"EXIT STATUS\"\n", to);
    print_rows(help_exit_codes, to);
    (void)fputs(".SH ENVIRONMENT\n", to);
    print_rows(help_environment, to);
    if (of != NULL) {
        (void)fputs(".SH \"SEE ALSO\"\n.BR spur (1)\n", to);
    }
}
