/*
 * report_data.h - everything the pages show, gathered from the run before a page is written.
 *
 * Which images are shown is decided first (report_picks.c), so that one pass over the rows of
 * each split fetches what is needed of them; nothing grows with images that are not shown but
 * the ranking of one split, and that is freed before the rows are read.
 */
#ifndef REPORT_REPORT_DATA_H
#define REPORT_REPORT_DATA_H

#include "pipeline/rank.h"
#include "pipeline/select.h"
#include "report/report_heads.h"

enum {
    REPORT_PER_PART = 12,        /* gallery images: hidden, mid, clear */
    REPORT_PER_SUSPECTS = 6,     /* suspects of a class with pictures */
    REPORT_PER_CHANGE = 6,       /* images a head fixed, and as many it broke */
    REPORT_PER_CLASS = 60,       /* pictures of a class at most: the sum of the above */
    REPORT_STRIP = 8,            /* images of a strip from hidden to clear */
    REPORT_BINS = 40,            /* of a class's histogram of scores */
    REPORT_CONFUSERS = 5,        /* other classes named per class */
    REPORT_MOST_FAILURES = 2000, /* listed on the page of failed images */
    REPORT_MOST_SUSPECTS = 2000  /* listed on the page of label suspects */
};

/* What an image is shown for. */
typedef enum report_role {
    REPORT_HIDDEN,
    REPORT_MID,
    REPORT_CLEAR,
    REPORT_ALONG, /* evenly from the most hidden to the clearest */
    REPORT_SUSPECT,
    REPORT_FIXED, /* wrong with the original head, right with another */
    REPORT_BROKEN
} report_role;

enum {
    REPORT_ROLE_COUNT = REPORT_BROKEN + 1
};

typedef struct report_image {
    size_t split; /* index in the run */
    uint64_t row;
    size_t class_index;
    uint64_t rank, images; /* rank in the class's scored images; 0 when not known */
    float logit;
    float box[4];
    size_t width, height; /* of the picture, after orientation; 0 when unknown */
    const char *file_name;
    bool is_scored, has_other, has_digest;
    size_t other_class;
    float other_logit;
    uint32_t judged, right; /* a bit per backbone: its original head judged it, was right */
    unsigned char image_id[STORE_ID_SIZE];
    unsigned char digest[STORE_DIGEST_SIZE]; /* of the file's bytes when it was scored */
} report_image;

typedef struct report_pick {
    size_t class_index;
    report_role role;
    size_t place; /* within the role */
    size_t split;
    uint64_t row, rank, images;
    size_t note;  /* suspects: index of the suspect; changed images: index of the change */
    size_t image; /* index in images */
} report_pick;

typedef struct report_confuser {
    size_t class_index;
    uint64_t images;
} report_confuser;

typedef struct report_class {
    const spur_class_rank *rank; /* in the main split; NULL when it has no image of the class */
    size_t first_pick[REPORT_ROLE_COUNT + 1]; /* picks of a role: first[role], first[role+1] */
    uint64_t suspects;                        /* of all splits */
    uint64_t confused; /* images whose winning box fits another class better */
    report_confuser confusers[REPORT_CONFUSERS];
    size_t confuser_count;
    float lowest, highest; /* logits of the histogram's ends */
    uint32_t bins[REPORT_BINS];
    uint64_t cut_images; /* of the smallest subsets; 0: the class is too small for two */
    float hidden_cut, clear_cut; /* the last logit that belongs to each */
} report_class;

typedef struct report_failure {
    size_t split, class_index;
    const char *file_name, *reason, *backbone; /* backbone: NULL when it was not scored */
} report_failure;

/* A sentence of the evaluation, and a number. */
typedef struct report_finding {
    const char *stage, *kind, *text;
} report_finding;
typedef struct report_result {
    const char *key;
    double value;
} report_result;

typedef struct report_data {
    spur_run *run;
    const spur_report_options *options;
    arena *texts;
    const store_split *main; /* whose classes are shown */
    size_t main_index;
    spur_rank_summary *ranks;
    spur_suspect_summary *suspects; /* NULL when the run cannot tell */
    subset_key *subsets;
    size_t subset_count;
    report_finding *findings;
    size_t finding_count, finding_capacity;
    report_result *results; /* in byte order of their keys */
    size_t result_count, result_capacity;
    report_heads heads;
    report_class *classes; /* [class_count] */
    size_t *telling;       /* classes in strips: the most telling, then random ones */
    size_t telling_count, named_count;
    report_pick *picks; /* by class, role, place */
    size_t pick_count, pick_capacity;
    report_image *images; /* by split, row */
    size_t image_count;
    report_failure *failures; /* the first of them */
    size_t failure_count, failure_capacity;
    uint64_t failed; /* all of them */
    uint64_t invisible;
} report_data;

spur_status report_data_make(spur_run *run, const spur_report_options *options,
                             report_data *out, spur_error *error) SPUR_MUST_USE;
void report_data_free(report_data *block);

/* A number of the evaluation; NaN when it is not in the run. */
double report_number(const report_data *of, const char *key);

/* ---- parts, in the order in which report_data_make calls them --------------------------- */

spur_status report_pick_add(report_data *into, const report_pick *pick,
                            spur_error *error) SPUR_MUST_USE;
/* Findings and numbers of the evaluation. */
spur_status report_read_results(report_data *into, spur_error *error) SPUR_MUST_USE;
/* Classes for the strips: those that options name, else those with the largest gaps, or without
 * any the widest quartiles; then seeded random ones. */
spur_status report_choose_classes(report_data *into, spur_error *error) SPUR_MUST_USE;
/* Galleries, strips and histograms from the main split's ranking. */
spur_status report_pick_ranked(report_data *into, spur_error *error) SPUR_MUST_USE;
spur_status report_pick_suspects(report_data *into, spur_error *error) SPUR_MUST_USE;
/* Sorts the picks and makes the images they show, still without their rows. */
spur_status report_pick_images(report_data *into, spur_error *error) SPUR_MUST_USE;
/* One pass over each split: what is known of the images, failures, confusers. */
spur_status report_read_rows(report_data *into, spur_error *error) SPUR_MUST_USE;

#endif
