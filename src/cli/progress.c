/*
 * progress.c - the line that says how far a long call is; pure text, no terminal.
 */
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double progress_rate(progress_meter *meter, const spur_progress *progress, double now)
{
    if (!meter->has_started) {
        meter->has_started = true;
        meter->first_done = progress->done;
        meter->first_time = now;
    }
    if (progress->done <= meter->first_done || now <= meter->first_time) {
        return 0.0;
    }
    return (double)(progress->done - meter->first_done) / (now - meter->first_time);
}

void progress_time(double seconds, char *dst, size_t capacity)
{
    if (!(seconds >= 0.0) || seconds > 1e9) {
        (void)snprintf(dst, capacity, "--:--");
        return;
    }
    unsigned long whole = (unsigned long)ceil(seconds);
    unsigned long hours = whole / 3600, minutes = whole / 60 % 60;
    if (hours >= 48) {
        (void)snprintf(dst, capacity, "%lud %02lu:%02lu", hours / 24, hours % 24, minutes);
    } else if (hours > 0) {
        (void)snprintf(dst, capacity, "%lu:%02lu:%02lu", hours, minutes, whole % 60);
    } else {
        (void)snprintf(dst, capacity, "%lu:%02lu", minutes, whole % 60);
    }
}

/* "[####......] " for done of total in `cells` cells. */
static void fill_bar(const spur_progress *progress, size_t cells, char *dst)
{
    double share =
        progress->total == 0 ? 0.0 : (double)progress->done / (double)progress->total;
    size_t full = share >= 1.0 ? cells : (size_t)(share * (double)cells);
    dst[0] = '[';
    memset(dst + 1, '#', full);
    memset(dst + 1 + full, '.', cells - full);
    memcpy(dst + 1 + cells, "] ", sizeof "] ");
}

/* What stands behind the bar. */
static void format_numbers(const spur_progress *progress, double rate, char *dst,
                           size_t capacity)
{
    char eta[32];
    double left = rate > 0.0 && progress->total >= progress->done
                      ? (double)(progress->total - progress->done) / rate
                      : -1.0;
    unsigned percent =
        progress->total == 0
            ? 0
            : (unsigned)(100.0 * (double)progress->done / (double)progress->total);
    if (progress->detail != NULL) {
        (void)snprintf(dst, capacity, "%llu/%llu  %s", (unsigned long long)progress->done,
                       (unsigned long long)progress->total, progress->detail);
        return;
    }
    progress_time(left, eta, sizeof eta);
    int digits = rate >= 100.0 || rate <= 0.0 ? 0 : rate >= 10.0 ? 1 : 2;
    int used = snprintf(dst, capacity, "%3u%% %llu/%llu  %.*f images/s  ETA %s",
                        percent > 100 ? 100 : percent, (unsigned long long)progress->done,
                        (unsigned long long)progress->total, digits, rate, eta);
    if (progress->failed > 0 && used > 0 && (size_t)used < capacity) {
        (void)snprintf(dst + used, capacity - (size_t)used, "  %llu failed",
                       (unsigned long long)progress->failed);
    }
}

void progress_format(const spur_progress *progress, double rate, bool has_bar,
                     char dst[PROGRESS_SIZE])
{
    enum {
        LEAST_CELLS = 5,
        MOST_CELLS = 30
    };
    char numbers[PROGRESS_COLUMNS];
    char bar[MOST_CELLS + 4] = "";
    const char *stage = progress->stage == NULL ? "working" : progress->stage;
    format_numbers(progress, rate, numbers, sizeof numbers);
    size_t taken = strlen(stage) + 1 + strlen(numbers) + 4; /* brackets, space, last column */
    if (has_bar && taken + LEAST_CELLS <= PROGRESS_COLUMNS) {
        size_t cells = PROGRESS_COLUMNS - taken;
        fill_bar(progress, cells > MOST_CELLS ? MOST_CELLS : cells, bar);
    }
    (void)snprintf(dst, PROGRESS_SIZE, "%.24s %s%s", stage, bar, numbers);
    dst[PROGRESS_COLUMNS - 1] = '\0';
}
