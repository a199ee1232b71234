/*
 * result_list.c - keys and sentences in an arena.
 */
#include "pipeline/result_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TEXT_MOST = 1000 /* bytes of a key or sentence */
};

void result_list_free(result_list *block)
{
    if (block != NULL) {
        memory_free(block->results);
        memory_free(block->findings);
        arena_free(block->texts);
        memset(block, 0, sizeof *block);
    }
}

/* The formatted text, safe to show. */
static spur_status keep(result_list *into, const char *format, va_list rest, const char **out,
                        spur_error *error)
{
    spur_status status = SPUR_OK;
    char plain[TEXT_MOST], safe[4 * TEXT_MOST + 1];
    char *copy = NULL;
    int length = vsnprintf(plain, sizeof plain, format, rest);
    if (length < 0 || (size_t)length >= sizeof plain) {
        FAIL(SPUR_INTERNAL, "a key or finding of %d bytes is longer than %d", length,
             TEXT_MOST - 1);
    }
    text_escape(plain, (size_t)length, safe, sizeof safe);
    if (into->texts == NULL) {
        TRY(arena_new(&into->texts, error));
    }
    TRY(arena_text(into->texts, safe, strlen(safe), &copy, error));
    *out = copy;
done:
    return status;
}

spur_status result_add(result_list *into, spur_error *error, double value, const char *format,
                       ...)
{
    const char *key = NULL;
    va_list rest;
    if (!isfinite(value)) {
        return SPUR_OK;
    }
    va_start(rest, format);
    spur_status status = keep(into, format, rest, &key, error);
    va_end(rest);
    if (status == SPUR_OK) {
        status = memory_grow(&into->results, &into->capacity, into->count + 1,
                             sizeof *into->results, error);
    }
    if (status == SPUR_OK) {
        into->results[into->count++] = (store_result){key, value};
    }
    return status;
}

spur_status result_find(result_list *into, spur_error *error, const char *kind,
                        const char *format, ...)
{
    const char *text = NULL;
    va_list rest;
    va_start(rest, format);
    spur_status status = keep(into, format, rest, &text, error);
    va_end(rest);
    if (status == SPUR_OK) {
        status = memory_grow(&into->findings, &into->finding_capacity, into->finding_count + 1,
                             sizeof *into->findings, error);
    }
    if (status == SPUR_OK) {
        into->findings[into->finding_count++] = (store_finding){kind, text};
    }
    return status;
}

spur_status result_list_save(const result_list *from, spur_run *run, const char *stage,
                             const char *inputs, spur_error *error)
{
    spur_status status;
    const store_stage whole = {
        .name = stage,
        .inputs = inputs,
        .results = from->results,
        .count = from->count,
        .findings = from->findings,
        .finding_count = from->finding_count,
    };
    TRY(store_begin(run->db, error));
    TRY(store_put_stage(run->db, &whole, error));
    TRY(store_commit(run->db, error));
done:
    return status;
}

spur_status results_are_current(spur_run *run, const char *stage, const char *inputs, bool *out,
                                spur_error *error)
{
    char *found = NULL;
    spur_status status = store_get_stage_inputs(run->db, stage, &found, error);
    if (status == SPUR_OK) {
        *out = found != NULL && strcmp(found, inputs) == 0;
    }
    memory_free(found);
    return status;
}

spur_status results_forget(spur_run *run, const char *stage, spur_error *error)
{
    spur_status status;
    char *inputs = NULL;
    TRY(store_get_stage_inputs(run->db, stage, &inputs, error));
    if (inputs != NULL) {
        TRY(store_begin(run->db, error));
        TRY(store_drop_stage(run->db, stage, error));
        TRY(store_commit(run->db, error));
    }
done:
    memory_free(inputs);
    return status;
}
