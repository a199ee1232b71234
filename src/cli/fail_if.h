/*
 * fail_if.h - --fail-if of spur run and spur eval: conditions on the numbers that make the
 * exit code 7.
 */
#ifndef CLI_FAIL_IF_H
#define CLI_FAIL_IF_H

#include "cli/options.h"

/* One line of an option table. */
#define FAIL_IF_OPTION                                                                         \
    {                                                                                          \
        "fail-if", 0, OPTION_TEXT, "CONDITION",                                                \
            "exit with 7 when it holds, as gap>8,p<.01; may be repeated (any of them)", false  \
    }

/* SPUR_USAGE for a condition that cannot be read: before any work. */
spur_status fail_if_parse(const arguments *from, spur_error *error) SPUR_MUST_USE;
/* SPUR_CONDITION with the condition that holds and its numbers. */
spur_status fail_if_check(const arguments *from, const spur_eval_summary *numbers,
                          spur_error *error) SPUR_MUST_USE;

#endif
