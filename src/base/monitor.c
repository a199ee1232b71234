/*
 * monitor.c - progress and warnings to whoever listens.
 */
#include "base/monitor.h"

bool monitor_cancels(const spur_monitor *monitor, const spur_progress *now)
{
    return monitor != NULL && monitor->progress != NULL &&
           monitor->progress(monitor->context, now) != 0;
}

bool monitor_cancels_after(const spur_monitor *monitor, const spur_progress *before,
                           uint64_t done, uint64_t failed)
{
    spur_progress now = *before;
    now.done += done;
    now.failed += failed;
    return monitor_cancels(monitor, &now);
}

spur_status monitor_show(const spur_monitor *monitor, const spur_progress *now,
                         spur_error *error)
{
    return monitor_cancels(monitor, now) ? error_set(error, SPUR_INTERRUPTED, "interrupted")
                                         : SPUR_OK;
}

bool monitor_has_log(const spur_monitor *monitor)
{
    return monitor != NULL && monitor->log != NULL;
}

void monitor_warn(const spur_monitor *monitor, const char *message)
{
    if (monitor_has_log(monitor)) {
        monitor->log(monitor->context, SPUR_LOG_WARNING, message);
    }
}
