/*
 * bench_subject.h - what spur bench times: a network behind its picture preparation.
 */
#ifndef PIPELINE_BENCH_SUBJECT_H
#define PIPELINE_BENCH_SUBJECT_H

#include "models/preprocess.h"

/* An opened model and how a thread uses it. */
typedef struct bench_subject {
    void *model;
    const preprocess *recipe;
    size_t images; /* of one look */
    double gmac;   /* of one image */
    size_t weight_bytes;
    spur_status (*worker_new)(const void *model, void **worker, spur_error *error);
    void (*worker_free)(void *worker);
    /* Prepares `images` times the picture and runs the network over them. */
    spur_status (*look)(void *worker, const image *picture, spur_error *error);
    void (*close)(void *model);
} bench_subject;

/* path: a folder or hub id. */
spur_status bench_detector_open(const char *path, bench_subject *out,
                                spur_error *error) SPUR_MUST_USE;
spur_status bench_backbone_open(const char *path, bench_subject *out,
                                spur_error *error) SPUR_MUST_USE;

#endif
