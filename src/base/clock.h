/*
 * clock.h - time for measuring: never for results, never set back.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Seconds of the monotonic clock. */
double clock_seconds(void);

#endif
