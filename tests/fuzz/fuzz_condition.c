/*
 * fuzz_condition.c - conditions of anybody against numbers of anybody.
 *
 * The first line is the condition, every further one a key of a number whose value grows line
 * by line; some keys of real runs are always there. A refusal says of which condition.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/condition.h"

enum {
    NUMBERS = 40,
    FIXED = 6
};

static const condition_number fixed[FIXED] = {
    {"val/resnet50/original/top1", 0.76},      {"val/resnet50/original/gap_at_100", 0.09},
    {"val/resnet50/original/gap_at_100_p", 0}, {"val/resnet50/clear-100/top1", 0.5},
    {"val/resnet50/clear-100/gap_at_100", -1}, {"noise/resnet50/original/fg/10/norm", 3},
};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check(const condition *of, char *keys)
{
    condition_number numbers[NUMBERS];
    size_t count = FIXED;
    char message[CONDITION_MESSAGE];
    spur_error error = {SPUR_OK, ""};
    bool holds = false;
    memcpy(numbers, fixed, sizeof fixed);
    while (keys != NULL && count < NUMBERS) {
        char *end = strchr(keys, '\n');
        numbers[count] = (condition_number){keys, (double)count / 16 - 1};
        count++;
        if (end != NULL) {
            *end++ = '\0';
        }
        keys = end;
    }
    if (condition_check(of, numbers, count, &holds, message, &error) == SPUR_OK) {
        require(memchr(message, '\0', sizeof message) != NULL);
        require(holds == (message[0] != '\0'));
    } else {
        require(strncmp(error.message, "condition: ", 11) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    spur_error error = {SPUR_OK, ""};
    condition *made = NULL;
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    char *keys = strchr(text, '\n');
    if (keys != NULL) {
        *keys++ = '\0';
    }
    if (condition_parse(text, &made, &error) == SPUR_OK) {
        check(made, keys);
    } else {
        require(error.status == SPUR_USAGE && strncmp(error.message, "condition '", 11) == 0);
    }
    condition_free(made);
    free(text);
    return 0;
}
