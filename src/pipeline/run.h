/*
 * run.h - an open run folder, as the stages after scoring see it.
 */
#ifndef PIPELINE_RUN_H
#define PIPELINE_RUN_H

#include "io/store.h"

struct spur_run {
    char *folder;
    store *db;
    const store_class *classes;
    size_t class_count;
    const store_split *splits;
    size_t split_count;
};

#endif
