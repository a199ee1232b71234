/*
 * main.c - finds the command, parses its line, runs it, and turns the status into an exit
 * code and at most a few lines on standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/failure.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/resume.h"
#include "cli/signals.h"
#include "cli/suggest.h"
#include "cli/terminal.h"

/* A missing standard stream would let the next opened file (the run's database!) take its
 * number and receive what is printed. Opened the wrong way round, so that use is an error. */
static void keep_standard_streams(void)
{
    for (int number = 0; number <= 2; number++) {
        if (fcntl(number, F_GETFD) == -1 && errno == EBADF) {
            (void)open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY);
        }
    }
}

static bool is_family(const char *word)
{
    size_t length = strlen(word);
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        if (strncmp((*entry)->name, word, length) == 0 && (*entry)->name[length] == ' ') {
            return true;
        }
    }
    return false;
}

static spur_status unknown_command(const char *family, const char *word, spur_error *error)
{
    char typed[256];
    (void)snprintf(typed, sizeof typed, "%s%s%s", family, family[0] == '\0' ? "" : " ", word);
    suggestion nearest = {.typed = typed};
    for (const command *const *entry = command_table; *entry != NULL; entry++) {
        const char *second = strchr((*entry)->name, ' ');
        suggest_offer(&nearest, (*entry)->name);
        if (second != NULL && strcmp(second + 1, typed) == 0) {
            nearest.best = (*entry)->name; /* "info" for "models info" */
            nearest.distance = 0;
        }
    }
    if (family[0] == '\0') {
        suggest_offer(&nearest, "models");
    }
    if (nearest.best == NULL) {
        return failure_set(error, SPUR_USAGE, "unknown command '%s'; see 'spur help'", typed);
    }
    return failure_set(error, SPUR_USAGE, "unknown command '%s'; did you mean 'spur %s'?",
                       typed, nearest.best);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Finds the command of argv[1] (and argv[2]); *used counts its words. *out stays NULL when
 * help was printed instead. */
static spur_status choose_command(int argc, char **argv, const command **out, int *used,
                                  spur_error *error)
{
    const char *first = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        help_print_short(stdout);
        return SPUR_OK;
    }
    if (asks_for_help(first)) {
        help_print_all(stdout);
        return SPUR_OK;
    }
    if (strcmp(first, "--version") == 0) {
        (void)printf("spur %s\n", spur_version());
        return SPUR_OK;
    }
    if (first[0] == '-') {
        return failure_set(error, SPUR_USAGE,
                           "option '%s' before the command; write 'spur COMMAND %s'", first,
                           first);
    }
    *used = 1;
    *out = command_find(first);
    if (*out != NULL) {
        return SPUR_OK;
    }
    if (!is_family(first)) {
        return unknown_command("", first, error);
    }
    if (argc < 3 || asks_for_help(argv[2])) {
        help_print_family(first, stdout);
        return SPUR_OK;
    }
    char name[64];
    *used = 2;
    (void)snprintf(name, sizeof name, "%s %s", first, argv[2]);
    *out = command_find(name);
    return *out != NULL ? SPUR_OK : unknown_command(first, argv[2], error);
}

static spur_status execute_command(const command *of, int argc, char **argv, terminal *screen,
                                   spur_error *error)
{
    arguments *line = NULL;
    spur_status status = arguments_parse(of, argc, (const char *const *)argv, &line, error);
    if (status != SPUR_OK) {
        return status;
    }
    terminal_configure(screen, line);
    if (argument_flag(line, "help")) {
        help_print_command(of, stdout);
    } else {
        status = of->run(line, screen, error);
    }
    terminal_clear(screen);
    arguments_free(line);
    return status;
}

/* Results that did not reach standard output must not look like success. A reader that has
 * gone away (head) wanted no more: that is no failure. */
static spur_status finish_output(spur_status status, spur_error *error)
{
    bool has_failed = ferror(stdout) != 0;
    errno = 0;
    has_failed = fflush(stdout) != 0 || has_failed;
    int reason = errno;
    if (!has_failed || (status != SPUR_OK && status != SPUR_IMAGE)) {
        return status;
    }
    if (reason == EPIPE || terminal_reader_is_gone()) {
        return status;
    }
    return failure_set(error, SPUR_RESOURCE, "standard output: %s",
                       reason == 0 ? "write error" : strerror(reason));
}

static void report(spur_status status, const command *of, char **argv, terminal *screen,
                   const spur_error *error)
{
    if (status == SPUR_INTERRUPTED) {
        (void)fputs("interrupted\n", stderr);
        if (of != NULL && of->is_resumable) {
            (void)fputs("finished work is saved; to continue:\n  ", stderr);
            resume_print(argv, stderr);
        }
        return;
    }
    if (error->message[0] != '\0') {
        terminal_error(screen, error->message);
    }
    if (status == SPUR_INTERNAL) {
        (void)fputs(
            "this is a bug in Spur: please report it, with what 'spur version' prints\n",
            stderr);
    }
}

int main(int argc, char **argv)
{
    terminal screen;
    spur_error error = {SPUR_OK, ""};
    const command *chosen = NULL;
    int used = 0;
    keep_standard_streams();
    signals_prepare();
    terminal_start(&screen);
    spur_status status = choose_command(argc, argv, &chosen, &used, &error);
    if (status == SPUR_OK && chosen != NULL) {
        status = execute_command(chosen, argc - used, argv + used, &screen, &error);
    }
    status = finish_output(status, &error);
    if (status != SPUR_OK) {
        report(status, chosen, argv, &screen, &error);
    }
    return (int)status;
}
