/*
 * signals.h - stop politely on the first signal, at once on the second.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/* SIGPIPE and SIGXFSZ are ignored, so that the write fails instead. */
void signals_prepare(void);

/* From now on SIGINT, SIGTERM and SIGHUP ask to stop (unless the caller had them ignored, as
 * nohup does). For work that looks at the flag; anything else simply dies of them. */
void signals_catch_stop(void);

/* True once a signal has asked to stop. */
bool signals_stop_wanted(void);

#endif
