/*
 * monitor.h - what the caller is shown of a long call, and whether it asked to stop.
 *
 * A monitor, and each of its members, may be NULL: then nothing is shown and nothing stops.
 */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

#include "base/error.h"

/* Shows how far the call is; true when the caller wants it to stop. */
bool monitor_cancels(const spur_monitor *monitor, const spur_progress *now);
/* The same of images that left the workers since `before` was counted. */
bool monitor_cancels_after(const spur_monitor *monitor, const spur_progress *before,
                           uint64_t done, uint64_t failed);
/* The same as an error: SPUR_INTERRUPTED. */
spur_status monitor_show(const spur_monitor *monitor, const spur_progress *now,
                         spur_error *error) SPUR_MUST_USE;

/* Whether a message would be seen by anybody. */
bool monitor_has_log(const spur_monitor *monitor);
void monitor_warn(const spur_monitor *monitor, const char *message);

#endif
