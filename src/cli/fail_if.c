/*
 * fail_if.c - --fail-if: conditions on the numbers that make the exit code 7.
 */
#include "cli/fail_if.h"

#include <stdlib.h>

#include "cli/condition.h"

enum {
    CONDITIONS = 64
};

static spur_status read_texts(const arguments *from, const char *texts[CONDITIONS],
                              size_t *count, spur_error *error)
{
    *count = argument_list(from, "fail-if", texts, CONDITIONS);
    return *count <= CONDITIONS ? SPUR_OK
                                : failure_set(error, SPUR_USAGE,
                                              "--fail-if: at most %d in one call", CONDITIONS);
}

spur_status fail_if_parse(const arguments *from, spur_error *error)
{
    spur_status status;
    const char *texts[CONDITIONS];
    size_t count;
    TRY(read_texts(from, texts, &count, error));
    for (size_t i = 0; i < count; i++) {
        condition *read = NULL;
        TRY(condition_parse(texts[i], &read, error));
        condition_free(read);
    }
done:
    return status;
}

static spur_status check_one(const char *text, const condition_number *numbers, size_t count,
                             spur_error *error)
{
    spur_status status;
    condition *of = NULL;
    char message[CONDITION_MESSAGE];
    bool holds = false;
    TRY(condition_parse(text, &of, error));
    TRY(condition_check(of, numbers, count, &holds, message, error));
    if (holds) {
        FAIL(SPUR_CONDITION, "condition '%s' holds: %s", text, message);
    }
done:
    condition_free(of);
    return status;
}

spur_status fail_if_check(const arguments *from, const spur_eval_summary *numbers,
                          spur_error *error)
{
    spur_status status;
    const char *texts[CONDITIONS];
    size_t count;
    condition_number *list = calloc(numbers->value_count + 1, sizeof *list);
    if (list == NULL) {
        return failure_no_memory(error);
    }
    for (size_t i = 0; i < numbers->value_count; i++) {
        list[i] = (condition_number){numbers->values[i].key, numbers->values[i].value};
    }
    TRY(read_texts(from, texts, &count, error));
    for (size_t i = 0; i < count; i++) {
        TRY(check_one(texts[i], list, numbers->value_count, error));
    }
done:
    free(list);
    return status;
}
