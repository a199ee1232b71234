/*
 * run_lock.h - one writer per run folder.
 *
 * The lock is flock() on the file "lock": it vanishes with its owner, kill -9 included. Host,
 * process and boot written inside are for people; they decide nothing.
 */
#ifndef IO_RUN_LOCK_H
#define IO_RUN_LOCK_H

#include <stdbool.h>

#include "base/error.h"

typedef struct run_lock run_lock;

/* SPUR_RESOURCE names the host and process that holds the lock. */
spur_status run_lock_take(const char *folder, run_lock **out, spur_error *error) SPUR_MUST_USE;
void run_lock_release(run_lock *block);

/* True for network file systems, where SQLite's write-ahead log cannot work. */
bool run_folder_is_remote(const char *folder);

#endif
