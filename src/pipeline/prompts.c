/*
 * prompts.c - prompt templates and the queries made of them.
 */
#include "pipeline/prompts.h"

#include <math.h>
#include <string.h>

#include "io/file.h"
#include "io/lines.h"

static const char *const one_template[] = {"a photo of a {}."};

/* The seven templates OWL-ViT's authors found best (Minderer et al. 2022, appendix). */
static const char *const best_templates[] = {
    "itap of a {}.",           "a bad photo of the {}.",
    "a origami {}.",           "a photo of the large {}.",
    "a {} in a video game.",   "art of the {}.",
    "a photo of the small {}."};

void prompts_free(prompts *block)
{
    if (block != NULL) {
        arena_free(block->texts);
        memory_free(block);
    }
}

/* Copies templates and joins them, one per line. */
static spur_status keep_templates(prompts *into, const char *const *templates, size_t count,
                                  spur_error *error)
{
    spur_status status;
    text_buffer joined = {NULL, 0, 0};
    char *copy = NULL;
    TRY(arena_take(into->texts, count, sizeof *into->templates, &into->templates, error));
    for (size_t i = 0; i < count; i++) {
        TRY(arena_text(into->texts, templates[i], strlen(templates[i]), &copy, error));
        into->templates[i] = copy;
        TRY(text_format(&joined, error, "%s%s", i == 0 ? "" : "\n", copy));
    }
    into->count = count;
    TRY(arena_text(into->texts, joined.data, joined.length, &copy, error));
    into->text = copy;
done:
    text_buffer_free(&joined);
    return status;
}

static spur_status check_template(const char *text, size_t line, spur_error *error)
{
    const char *reason = !text_is_utf8(text, strlen(text)) ? "is not UTF-8"
                         : strstr(text, "{}") == NULL      ? "has no {} for the class name"
                                                           : NULL;
    if (reason == NULL) {
        return SPUR_OK;
    }
    return error_set(error, SPUR_DATASET, "line %zu: the template %s", line, reason);
}

static spur_status read_file(prompts *into, const char *path, spur_error *error)
{
    spur_status status;
    text_lines lines = {NULL, NULL, 0};
    const char **templates = NULL;
    TRY(lines_load(path, SPUR_DATASET, &lines, error));
    TRY(memory_new(lines.count, sizeof *templates, &templates, error));
    for (size_t i = 0; i < lines.count; i++) {
        TRY(check_template(lines.lines[i].text, lines.lines[i].number, error));
        templates[i] = lines.lines[i].text;
    }
    if (lines.count == 0) {
        FAIL(SPUR_DATASET, "no templates in it");
    }
    TRY(keep_templates(into, templates, lines.count, error));
done:
    lines_free(&lines);
    memory_free(templates);
    if (status != SPUR_OK) {
        error_prefix(error, "prompts file %s", path);
    }
    return status;
}

spur_status prompts_read(const char *option, prompts **out, spur_error *error)
{
    spur_status status;
    prompts *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    if (option == NULL) {
        TRY(keep_templates(made, one_template, 1, error));
    } else if (strcmp(option, "best7") == 0) {
        TRY(keep_templates(made, best_templates,
                           sizeof best_templates / sizeof best_templates[0], error));
    } else if (strstr(option, "{}") != NULL) {
        TRY(text_is_utf8(option, strlen(option))
                ? keep_templates(made, &option, 1, error)
                : error_set(error, SPUR_USAGE, "prompts: the template is not UTF-8"));
    } else if (file_kind_of(option) != FILE_REGULAR) {
        FAIL(
            SPUR_USAGE,
            "prompts: \"%s\" is neither best7, nor a template with {}, nor a file of templates",
            option);
    } else {
        TRY(read_file(made, option, error));
    }
    *out = made;
    made = NULL;
done:
    prompts_free(made);
    return status;
}

spur_status prompts_fill(const prompts *from, size_t i, const char *name, text_buffer *into,
                         spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *at = from->templates[i];
    into->length = 0;
    for (const char *hole = strstr(at, "{}"); hole != NULL; hole = strstr(at, "{}")) {
        TRY(text_add(into, at, (size_t)(hole - at), error));
        TRY(text_add(into, name, strlen(name), error));
        at = hole + 2;
    }
    TRY(text_add(into, at, strlen(at), error));
done:
    return status;
}

/* sum += t / (|t| + 1e-6): what the class head makes of a text embedding. */
static void add_normalised(double *sum, const float *embed, size_t count)
{
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)embed[i] * (double)embed[i];
    }
    double scale = 1.0 / (sqrt(squares) + 1e-6);
    for (size_t i = 0; i < count; i++) {
        sum[i] += (double)embed[i] * scale;
    }
}

/* NOLINTNEXTLINE(readability-function-size): arrays with their sizes */
spur_status prompts_encode(const prompts *from, detector_worker *worker, size_t embedding,
                           const char *name, arena *texts, store_class *into, float *query,
                           spur_error *error)
{
    spur_status status;
    text_buffer prompt = {NULL, 0, 0};
    token_ids ids = {NULL, 0, false};
    double *sum = NULL;
    into->tokens = 0;
    into->is_truncated = false;
    TRY(memory_new_zeroed(embedding, sizeof *sum, &sum, error));
    for (size_t i = 0; i < from->count; i++) {
        TRY(prompts_fill(from, i, name, &prompt, error));
        TRY(detector_encode_text(worker, prompt.data, prompt.length, query, &ids, error));
        into->tokens = ids.count > into->tokens ? ids.count : into->tokens;
        into->is_truncated = into->is_truncated || ids.truncated;
        add_normalised(sum, query, embedding);
        token_ids_free(&ids);
    }
    for (size_t i = 0; i < embedding && from->count > 1; i++) {
        query[i] = (float)(sum[i] / (double)from->count);
    }
    TRY(prompts_fill(from, 0, name, &prompt, error));
    char *copy = NULL;
    TRY(arena_text(texts, prompt.data, prompt.length, &copy, error));
    into->prompt = copy;
    into->query = query;
done:
    token_ids_free(&ids);
    text_buffer_free(&prompt);
    memory_free(sum);
    return status;
}
