/*
 * plan.h - what spur score --dry-run prints: classes, prompts, model files, time.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <stdbool.h>

#include "spur.h"

void plan_print(const spur_score_summary *summary, bool as_json);

#endif
