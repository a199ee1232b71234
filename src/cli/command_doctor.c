/*
 * command_doctor.c - spur doctor: what is installed, what is missing, and the exact lines
 * that get a detector.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"

static const option_group *const doctor_groups[] = {&json_options, &screen_options, NULL};

static const struct tool {
    const char *name, *use;
} tools[] = {{"sqlite3", "queries on a run's run.db"},
             {"hf", "downloads models (" DETECTOR_INSTALL_LINE ")"},
             {NULL, NULL}};

static const char *const variables[] = {
    "SPUR_DETECTOR", "HF_HOME", "HF_HUB_CACHE", "ONEDNN_MAX_CPU_ISA", "NO_COLOR", "TERM", NULL};

/* Facts are printed as they are found: JSON keys, or a column of names. */
typedef struct fact_printer {
    json_printer json;
    bool as_json;
    size_t models;
} fact_printer;

static void print_fact(fact_printer *into, const char *name, const char *value)
{
    if (into->as_json) {
        json_put_text(&into->json, name, value);
        return;
    }
    (void)printf("  %-20s ", name);
    escape_print(value == NULL ? "not set" : value, stdout);
    (void)putchar('\n');
}

static void begin_part(fact_printer *into, const char *key, const char *title)
{
    if (into->as_json) {
        json_put_open(&into->json, key, '{');
    } else {
        (void)printf("%s\n", title);
    }
}

static void end_part(fact_printer *into)
{
    if (into->as_json) {
        json_put_close(&into->json, '}');
    }
}

static int show_build_fact(void *context, const char *name, const char *value)
{
    print_fact(context, name, value);
    return 0;
}

static int show_model(void *context, const spur_model_entry *entry)
{
    fact_printer *into = context;
    if (entry->is_supported) {
        into->models++;
        print_fact(into, entry->id != NULL ? entry->id : entry->path, entry->path);
    }
    return 0;
}

static void print_machine(fact_printer *into)
{
    char text[64];
    struct rlimit files;
    double page = (double)sysconf(_SC_PAGESIZE);
    (void)snprintf(text, sizeof text, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    print_fact(into, "processors", text);
    (void)snprintf(text, sizeof text, "%.1f GiB",
                   (double)sysconf(_SC_PHYS_PAGES) * page / 1073741824.0);
    print_fact(into, "memory", text);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)files.rlim_cur);
        print_fact(into, "open files", text);
    }
}

/* True when an executable of that name is on PATH. */
static bool is_on_path(const char *name)
{
    const char *at = getenv("PATH");
    while (at != NULL && *at != '\0') {
        char path[4096];
        size_t length = strcspn(at, ":");
        int used = snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name);
        if (used > 0 && (size_t)used < sizeof path && access(path, X_OK) == 0) {
            return true;
        }
        at += length + (at[length] == ':' ? 1 : 0);
    }
    return false;
}

static void print_tools(fact_printer *into)
{
    for (const struct tool *tool = tools; tool->name != NULL; tool++) {
        char text[128];
        bool is_found = is_on_path(tool->name);
        (void)snprintf(text, sizeof text, "%s: %s", is_found ? "found" : "not found",
                       tool->use);
        print_fact(into, tool->name, text);
    }
}

static void print_advice(const fact_printer *into)
{
    if (into->as_json) {
        return;
    }
    (void)puts(into->models > 0 ? "To get another detector:" : "To get a detector:");
    (void)puts("  python3 -m venv hf && hf/bin/" DETECTOR_INSTALL_LINE "\n"
               "  hf/bin/" DETECTOR_DOWNLOAD_LINE "\n"
               "  spur models verify google/owlvit-base-patch32\n"
               "  export SPUR_DETECTOR=google/owlvit-base-patch32");
}

static spur_status run_doctor(const arguments *from, struct terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_error ignored;
    fact_printer into = {.json = {.to = stdout}, .as_json = argument_flag(from, "json")};
    (void)screen;
    if (into.as_json) {
        json_put_open(&into.json, NULL, '{');
    }
    begin_part(&into, "build", "Spur and its libraries");
    print_fact(&into, "spur", spur_version());
    status = spur_describe_build(show_build_fact, &into, error);
    end_part(&into);
    begin_part(&into, "machine", "Machine");
    print_machine(&into);
    end_part(&into);
    begin_part(&into, "tools", "Optional tools");
    print_tools(&into);
    end_part(&into);
    begin_part(&into, "environment", "Environment");
    for (const char *const *name = variables; *name != NULL; name++) {
        print_fact(&into, *name, getenv(*name));
    }
    end_part(&into);
    begin_part(&into, "models", "Detectors in the Hugging Face cache");
    /* No cache is the usual case on a new machine, not a failure. */
    if (spur_models_list(NULL, show_model, &into, &ignored) != SPUR_OK || into.models == 0) {
        (void)fputs(into.as_json ? "" : "  none\n", stdout);
    }
    end_part(&into);
    print_advice(&into);
    if (into.as_json) {
        json_put_close(&into.json, '}');
        json_put_end(&into.json);
    }
    return status;
}

const command doctor_command = {
    .name = "doctor",
    .usage = "[--json]",
    .summary = "what is installed, what is missing, how to get a detector",
    .description = "Prints the libraries, the processor and its instruction set, memory, "
                   "optional tools, environment variables, the models found, and the lines "
                   "that download published weights.",
    .examples = "",
    .groups = doctor_groups,
    .least = 0,
    .most = 0,
    .run = run_doctor};
