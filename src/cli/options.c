/*
 * options.c - command lines parsed by popt from the command's own option table.
 *
 * popt is given every value as text; numbers and choices are checked here, so that one
 * message form serves all of them.
 */
#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/suggest.h"

typedef struct given {
    const option *option;
    char *text; /* from popt; NULL for a flag */
} given;

struct arguments {
    const command *command;
    poptContext parser;
    struct poptOption *table;
    const option **entries; /* table[i].val - 1 is the index here */
    given *given;
    size_t given_count;
    const char *const *words;
    size_t word_count;
};

static size_t option_total(const command *of)
{
    size_t total = 0;
    for (const option_group *const *group = of->groups; *group != NULL; group++) {
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            total++;
        }
    }
    return total;
}

const option *option_find(const command *of, const char *name, char letter)
{
    for (const option_group *const *group = of->groups; *group != NULL; group++) {
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            if (name != NULL ? strcmp(entry->name, name) == 0 : entry->letter == letter) {
                return entry;
            }
        }
    }
    return NULL;
}

/* popt's table: every option's value is its place in `entries` + 1. */
static spur_status build_table(arguments *into, size_t count, spur_error *error)
{
    into->table = calloc(count + 1, sizeof *into->table);
    into->entries = calloc(count + 1, sizeof(const option *));
    if (into->table == NULL || into->entries == NULL) {
        return failure_no_memory(error);
    }
    int next = 0;
    for (const option_group *const *group = into->command->groups; *group != NULL; group++) {
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            into->entries[next] = entry;
            into->table[next] = (struct poptOption){
                .longName = entry->name,
                .shortName = entry->letter,
                .argInfo = entry->kind == OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
                .val = next + 1};
            next++;
        }
    }
    return SPUR_OK;
}

static bool is_whole(const char *text)
{
    char *end = NULL;
    errno = 0;
    (void)strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool is_number(const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(value) &&
           strspn(text, "+-0123456789.eE") == strlen(text);
}

/* Index of the word in "one|two|three"; SIZE_MAX when it is not there. */
static size_t choice_index(const char *choices, const char *word)
{
    size_t length = strlen(word);
    size_t index = 0;
    for (const char *at = choices; at != NULL; index++) {
        const char *end = strchr(at, '|');
        size_t size = end == NULL ? strlen(at) : (size_t)(end - at);
        if (size == length && strncmp(at, word, length) == 0) {
            return index;
        }
        at = end == NULL ? NULL : end + 1;
    }
    return SIZE_MAX;
}

static spur_status check_value(const option *entry, const char *text, spur_error *error)
{
    switch (entry->kind) {
    case OPTION_COUNT:
        if (!is_whole(text)) {
            return failure_set(error, SPUR_USAGE, "--%s: '%s' is not a whole number",
                               entry->name, text);
        }
        break;
    case OPTION_NUMBER:
        if (!is_number(text)) {
            return failure_set(error, SPUR_USAGE, "--%s: '%s' is not a number", entry->name,
                               text);
        }
        break;
    case OPTION_CHOICE:
        if (choice_index(entry->value, text) == SIZE_MAX) {
            return failure_set(error, SPUR_USAGE, "--%s: '%s' is not one of %s", entry->name,
                               text, entry->value);
        }
        break;
    case OPTION_PATH:
        if (text[0] == '\0') {
            return failure_set(error, SPUR_USAGE, "--%s: the path is empty", entry->name);
        }
        break;
    case OPTION_FLAG:
    case OPTION_TEXT:
        break;
    }
    return SPUR_OK;
}

static spur_status unknown_option(const command *of, const char *typed, spur_error *error)
{
    char name[64];
    size_t length = strcspn(typed, "=");
    if (length >= sizeof name || strncmp(typed, "--", 2) != 0) {
        return failure_set(error, SPUR_USAGE, "unknown option '%s'; see 'spur help %s'", typed,
                           of->name);
    }
    memcpy(name, typed, length);
    name[length] = '\0';
    suggestion nearest = {.typed = name + 2};
    for (const option_group *const *group = of->groups; *group != NULL; group++) {
        for (const option *entry = (*group)->options; entry->name != NULL; entry++) {
            if (!entry->is_hidden) {
                suggest_offer(&nearest, entry->name);
            }
        }
    }
    if (nearest.best == NULL) {
        return failure_set(error, SPUR_USAGE, "unknown option '%s'; see 'spur help %s'", name,
                           of->name);
    }
    return failure_set(error, SPUR_USAGE, "unknown option '%s'; did you mean '--%s'?", name,
                       nearest.best);
}

static spur_status popt_failure(const command *of, poptContext parser, int code,
                                spur_error *error)
{
    const char *typed = poptBadOption(parser, POPT_BADOPTION_NOALIAS);
    typed = typed == NULL ? "" : typed;
    switch (code) {
    case POPT_ERROR_BADOPT:
        return unknown_option(of, typed, error);
    case POPT_ERROR_NOARG:
        return failure_set(error, SPUR_USAGE, "option '%s' needs a value; see 'spur help %s'",
                           typed, of->name);
    case POPT_ERROR_UNWANTEDARG:
        return failure_set(error, SPUR_USAGE, "option '%s' takes no value", typed);
    default:
        return failure_set(error, SPUR_USAGE, "option '%s': %s", typed, poptStrerror(code));
    }
}

static spur_status read_options(arguments *into, spur_error *error)
{
    int found;
    while ((found = poptGetNextOpt(into->parser)) > 0) {
        const option *entry = into->entries[found - 1];
        given *next = &into->given[into->given_count++];
        next->option = entry;
        next->text = entry->kind == OPTION_FLAG ? NULL : poptGetOptArg(into->parser);
        if (entry->kind != OPTION_FLAG && next->text == NULL) {
            return failure_no_memory(error);
        }
        spur_status status = check_value(entry, next->text, error);
        if (status != SPUR_OK) {
            return status;
        }
    }
    return found == -1 ? SPUR_OK : popt_failure(into->command, into->parser, found, error);
}

static spur_status check_words(const arguments *block, spur_error *error)
{
    const command *of = block->command;
    if (argument_flag(block, "help")) {
        return SPUR_OK;
    }
    if (block->word_count < of->least) {
        return failure_set(error, SPUR_USAGE, "not enough arguments: spur %s %s", of->name,
                           of->usage);
    }
    if (block->word_count > of->most) {
        return failure_set(error, SPUR_USAGE, "unexpected argument '%s': spur %s %s",
                           block->words[of->most], of->name, of->usage);
    }
    for (size_t i = 0; i < block->word_count; i++) {
        if (block->words[i][0] == '\0' && of->run != models_tokenize_command.run) {
            return failure_set(error, SPUR_USAGE, "argument %zu is empty", i + 1);
        }
    }
    return SPUR_OK;
}

spur_status arguments_parse(const command *of, int count, const char *const *words,
                            arguments **out, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char **rest = NULL;
    arguments *block = calloc(1, sizeof *block);
    if (block == NULL) {
        return failure_no_memory(error);
    }
    block->command = of;
    TRY(build_table(block, option_total(of), error));
    /* No line holds more options than characters: a bundle of flags counts each letter. */
    size_t most = 1;
    for (int i = 1; i < count; i++) {
        most += strlen(words[i]);
    }
    block->given = calloc(most, sizeof *block->given);
    if (block->given == NULL) {
        FAIL(SPUR_RESOURCE, "out of memory");
    }
    /* popt wants a non-const array but only reads it. */
    block->parser =
        poptGetContext("spur", count, (const char **)(uintptr_t)words, block->table, 0);
    if (block->parser == NULL) {
        FAIL(SPUR_RESOURCE, "out of memory");
    }
    TRY(read_options(block, error));
    rest = poptGetArgs(block->parser);
    block->words = rest;
    while (rest != NULL && rest[block->word_count] != NULL) {
        block->word_count++;
    }
    TRY(check_words(block, error));
    *out = block;
    block = NULL;
done:
    arguments_free(block);
    return status;
}

void arguments_free(arguments *block)
{
    if (block == NULL) {
        return;
    }
    for (size_t i = 0; i < block->given_count; i++) {
        free(block->given[i].text);
    }
    free(block->given);
    free(block->entries);
    if (block->parser != NULL) {
        (void)poptFreeContext(block->parser);
    }
    free(block->table);
    free(block);
}

size_t argument_count(const arguments *from)
{
    return from->word_count;
}

const char *argument_word(const arguments *from, size_t i)
{
    return from->words[i];
}

const char *const *argument_words(const arguments *from)
{
    return from->words;
}

/* The last one given of that name, or NULL. */
static const given *find_given(const arguments *from, const char *name)
{
    for (size_t i = from->given_count; i > 0; i--) {
        if (strcmp(from->given[i - 1].option->name, name) == 0) {
            return &from->given[i - 1];
        }
    }
    return NULL;
}

bool argument_flag(const arguments *from, const char *name)
{
    return find_given(from, name) != NULL;
}

const char *argument_text(const arguments *from, const char *name)
{
    const given *found = find_given(from, name);
    return found == NULL ? NULL : found->text;
}

uint64_t argument_whole(const arguments *from, const char *name, uint64_t fallback)
{
    const given *found = find_given(from, name);
    return found == NULL ? fallback : strtoull(found->text, NULL, 10);
}

double argument_number(const arguments *from, const char *name, double fallback)
{
    const given *found = find_given(from, name);
    return found == NULL ? fallback : strtod(found->text, NULL);
}

size_t argument_choice(const arguments *from, const char *name, size_t fallback)
{
    const given *found = find_given(from, name);
    return found == NULL ? fallback : choice_index(found->option->value, found->text);
}

size_t argument_list(const arguments *from, const char *name, const char **dst, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < from->given_count; i++) {
        if (strcmp(from->given[i].option->name, name) == 0) {
            if (count < capacity) {
                dst[count] = from->given[i].text;
            }
            count++;
        }
    }
    return count;
}
