/*
 * command_version.c - the versions of Spur and of everything linked.
 */
#include <stdio.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"

static const option_group *const version_groups[] = {&json_options, &screen_options, NULL};

static int print_fact(void *context, const char *name, const char *value)
{
    json_printer *json = context;
    if (json->to != NULL) {
        json_put_text(json, name, value);
        return 0;
    }
    (void)printf("%-12s ", name);
    escape_print(value, stdout);
    (void)putchar('\n');
    return 0;
}

static spur_status run_version(const arguments *from, struct terminal *screen,
                               spur_error *error)
{
    json_printer json = {.to = argument_flag(from, "json") ? stdout : NULL};
    (void)screen;
    if (json.to == NULL) {
        (void)printf("%-12s %s\n", "spur", spur_version());
        return spur_describe_build(print_fact, &json, error);
    }
    json_put_open(&json, NULL, '{');
    json_put_text(&json, "spur", spur_version());
    spur_status status = spur_describe_build(print_fact, &json, error);
    json_put_close(&json, '}');
    json_put_end(&json);
    return status;
}

const command version_command = {
    .name = "version",
    .usage = "[--json]",
    .summary = "versions of Spur and of everything linked",
    .description = "Prints the versions of Spur and of the libraries it runs with, the "
                   "processor and the instruction set: what a bug report should hold.",
    .examples = "",
    .groups = version_groups,
    .least = 0,
    .most = 0,
    .run = run_version};
