/*
 * command_tokenize.c - spur models tokenize: texts to token ids, one JSON object per line.
 *
 * A text may hold any character, U+0000 too, when it comes as JSON; so lengths are carried
 * beside the bytes.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

enum {
    LINE_LIMIT = 16 << 20
};

static const option tokenize_table[] = {
    {"jsonl", 0, OPTION_FLAG, NULL, "read {\"text\": ...} lines from standard input", false},
    {"max-length", 0, OPTION_TEXT, "N|none",
     "cut to N tokens, or not at all (default: the model's own)", false},
    {0}};
static const option_group tokenize_group = {"Tokenize", tokenize_table};
static const option_group *const tokenize_groups[] = {&tokenize_group, &json_options,
                                                      &screen_options, NULL};

typedef struct tokenize_job {
    const spur_tokenizer *tokenizer;
    size_t max_length;
    char *line; /* of standard input */
    size_t capacity;
} tokenize_job;

static spur_status read_max_length(const arguments *from, size_t *out, spur_error *error)
{
    const char *text = argument_text(from, "max-length");
    char *end = NULL;
    if (text == NULL) {
        *out = SIZE_MAX;
        return SPUR_OK;
    }
    if (strcmp(text, "none") == 0) {
        *out = 0;
        return SPUR_OK;
    }
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < 2) {
        return failure_set(error, SPUR_USAGE,
                           "--max-length: '%s' is neither a number from 2 nor none", text);
    }
    *out = value;
    return SPUR_OK;
}

static spur_status tokenize(const tokenize_job *job, const char *text, size_t length,
                            spur_error *error)
{
    int32_t *ids = NULL;
    size_t count = 0;
    bool is_truncated = false;
    spur_status status = spur_tokenizer_encode(job->tokenizer, text, length, job->max_length,
                                               &ids, &count, &is_truncated, error);
    if (status != SPUR_OK) {
        return status;
    }
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_bytes(&json, "text", text, length);
    json_put_open(&json, "ids", '[');
    for (size_t i = 0; i < count; i++) {
        json_put_integer(&json, NULL, ids[i]);
    }
    json_put_close(&json, ']');
    json_put_bool(&json, "truncated", is_truncated);
    json_put_close(&json, '}');
    json_put_end(&json);
    spur_ids_free(ids);
    return SPUR_OK;
}

/* The next line without its newline; false at the end. A line over LINE_LIMIT fails. */
static spur_status read_line(tokenize_job *job, size_t *length, bool *has_line,
                             spur_error *error)
{
    size_t used = 0;
    int byte;
    while ((byte = getchar_unlocked()) != EOF && byte != '\n') {
        if (used == LINE_LIMIT) {
            return failure_set(error, SPUR_DATASET, "longer than %d bytes", LINE_LIMIT);
        }
        if (used == job->capacity) {
            size_t wanted = job->capacity == 0 ? 4096 : 2 * job->capacity;
            char *grown = realloc(job->line, wanted);
            if (grown == NULL) {
                return failure_no_memory(error);
            }
            job->line = grown;
            job->capacity = wanted;
        }
        job->line[used++] = (char)byte;
    }
    if (ferror(stdin)) {
        return failure_set(error, SPUR_DATASET, "%s", strerror(errno));
    }
    *length = used;
    *has_line = byte != EOF || used > 0;
    return SPUR_OK;
}

static spur_status tokenize_line(const tokenize_job *job, size_t length, spur_error *error)
{
    spur_status status = SPUR_OK;
    json_error_t reason;
    json_t *root =
        json_loadb(job->line, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &reason);
    json_t *text = json_object_get(root, "text");
    if (root == NULL) {
        FAIL(SPUR_DATASET, "column %d: %s", reason.column, reason.text);
    }
    if (!json_is_string(text)) {
        FAIL(SPUR_DATASET, "expected an object with a string \"text\"");
    }
    TRY(tokenize(job, json_string_value(text), json_string_length(text), error));
done:
    json_decref(root);
    return status;
}

/* One line; an empty one is skipped. */
static spur_status tokenize_next(tokenize_job *job, bool *has_line, spur_error *error)
{
    size_t length = 0;
    spur_status status = read_line(job, &length, has_line, error);
    if (status == SPUR_OK && length > 0) {
        status = tokenize_line(job, length, error);
    }
    return status;
}

static spur_status tokenize_lines(tokenize_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    bool has_line = true;
    size_t line = 0;
    while (status == SPUR_OK && has_line && ferror(stdout) == 0) {
        line++;
        status = tokenize_next(job, &has_line, error);
    }
    if (status != SPUR_OK) {
        spur_error inner = *error;
        status =
            failure_set(error, status, "standard input: line %zu: %s", line, inner.message);
    }
    return status;
}

static spur_status run_tokenize(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_tokenizer *tokenizer = NULL;
    tokenize_job job = {0};
    bool reads_lines = argument_flag(from, "jsonl");
    (void)screen;
    TRY(read_max_length(from, &job.max_length, error));
    if (reads_lines == (argument_count(from) > 1)) {
        FAIL(SPUR_USAGE, "give texts, or --jsonl and lines on standard input");
    }
    TRY(spur_tokenizer_open(argument_word(from, 0), &tokenizer, error));
    job.tokenizer = tokenizer;
    if (reads_lines) {
        TRY(tokenize_lines(&job, error));
    }
    for (size_t i = 1; i < argument_count(from); i++) {
        const char *text = argument_word(from, i);
        TRY(tokenize(&job, text, strlen(text), error));
    }
done:
    free(job.line);
    spur_tokenizer_close(tokenizer);
    return status;
}

const command models_tokenize_command = {
    .name = "models tokenize",
    .usage = "MODEL [TEXT...] [--jsonl]",
    .summary = "token ids of texts",
    .description = "Needs only the tokenizer's files of a model folder (tokenizer.json, or "
                   "vocab.json and merges.txt). Prints one object per text: text, ids (with "
                   "start and end, without padding), truncated.",
    .examples = "  spur models tokenize google/owlvit-base-patch32 'a photo of a cat.'\n"
                "  spur models tokenize my-model --jsonl --max-length none < texts.jsonl\n",
    .groups = tokenize_groups,
    .least = 1,
    .most = SIZE_MAX,
    .run = run_tokenize};
