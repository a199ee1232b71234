/*
 * demo_report.h - what spur demo keeps between its stages, and how it is shown.
 */
#ifndef CLI_DEMO_REPORT_H
#define CLI_DEMO_REPORT_H

#include "cli/demo_models.h"
#include "cli/run_stages.h"

#define DEMO_SPLIT "train"
#define DEMO_CLEAR 0.6 /* clearness above which an object counts as clear */

enum {
    DEMO_SELECTED = 6, /* a subset holds one of so many images */
    DEMO_ENDS = 5      /* images shown at each end of a class's ranking */
};

/* One image of an end, kept for showing. */
typedef struct demo_extreme {
    char *label, *file_name;
    bool is_hidden;
} demo_extreme;

typedef struct demo {
    run_job job; /* the pipeline's part */
    spur_world_options options;
    demo_models models;
    char *world, *truth, *world_sheet, *ranking_sheet;
    char amount[32]; /* images per class in a subset */
    spur_world_summary made;
    spur_run *opened;
    spur_truth_summary *energy, *planted; /* the ranking against these columns */
    spur_box_quality boxes;               /* of clear objects */
    demo_extreme *extremes;
    size_t extreme_count, extreme_capacity;
} demo;

/* Fills the paths below run (NULL: the default). */
spur_status demo_name_files(demo *of, const char *run, spur_error *error) SPUR_MUST_USE;
/* Fills extremes from the opened run. */
spur_status demo_find_extremes(demo *of, spur_error *error) SPUR_MUST_USE;
void demo_close(demo *of);

void demo_report_world(const char *folder, const spur_world_summary *summary, bool as_json);
void demo_print_json(const demo *of);
void demo_print(const demo *of, const terminal *screen);

#endif
