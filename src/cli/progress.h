/*
 * progress.h - the line that says how far a long call is.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stddef.h>

#include "spur.h"

/* Columns of everything the program prints. */
enum {
    PROGRESS_COLUMNS = 80,
    PROGRESS_SIZE = 160
};

/* Rate and remaining time come from the images done since the first report, so that a run
 * that goes on does not count what was there before. */
typedef struct progress_meter {
    uint64_t first_done;
    double first_time;
    bool has_started;
} progress_meter;

/* Images per second up to `now` (monotonic seconds); 0 while unknown. */
double progress_rate(progress_meter *meter, const spur_progress *progress, double now);

/* "2:05", "1:02:05", "3d 04:02": never negative; "--:--" when unknown (negative or NaN). */
void progress_time(double seconds, char *dst, size_t capacity);

/* "score [####......]  41% 412/1000  12.3 images/s  ETA 0:48  2 failed" in at most
 * PROGRESS_COLUMNS - 1 columns; without the bar when has_bar is false. */
void progress_format(const spur_progress *progress, double rate, bool has_bar,
                     char dst[PROGRESS_SIZE]);

#endif
