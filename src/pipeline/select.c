/*
 * select.c - spur_select: subsets of a scored split, made once and kept in the run.
 *
 * All subsets of one call are written in one transaction: after a kill there are all of them
 * or none.
 */
#include "pipeline/select.h"

#include <string.h>

#include "io/store_subsets.h"
#include "pipeline/exclusion.h"
#include "pipeline/select_options.h"
#include "pipeline/select_summary.h"
#include "pipeline/subset_links.h"
#include "pipeline/subset_pool.h"

/* What the run already holds under a name. */
typedef enum subset_state {
    SUBSET_NEW,
    SUBSET_THERE,   /* with the same settings and scores */
    SUBSET_REPLACED /* with others; --restart was given */
} subset_state;

typedef struct selection {
    const spur_select_options *options;
    const spur_monitor *monitor;
    spur_run *run;
    const store_split *split;
    subset_key *keys;
    subset_state *states; /* [key_count] */
    size_t key_count;
    ranking order;
    exclusion out;
    subset_pool pool;
    unsigned char digest[DIGEST_SIZE]; /* of the ranking */
    select_summary *summary;
} selection;

static void selection_close(selection *block)
{
    subset_pool_free(&block->pool);
    exclusion_free(&block->out);
    ranking_free(&block->order);
    memory_free(block->states);
    memory_free(block->keys);
    select_summary_free(block->summary);
    spur_run_close(block->run);
}

/* ---- what there is ------------------------------------------------------------------- */

static spur_status open_run(selection *in, const char *path, spur_error *error)
{
    spur_status status;
    const char *split = in->options->split == NULL ? "train" : in->options->split;
    TRY(in->options->dry_run ? spur_run_open(path, &in->run, error)
                             : run_open_writer(path, &in->run, error));
    TRY(run_find_split(in->run, split, &in->split, error));
done:
    return status;
}

static spur_status read_scores(selection *in, spur_error *error)
{
    spur_status status;
    TRY(ranking_make(in->run, in->split->name, &in->order, error));
    TRY(ranking_digest(in->run, in->split, in->digest, error));
    TRY(exclusion_make(in->run, in->split, in->options->exclude, in->monitor, &in->out, error));
    TRY(subset_pool_make(&in->order, in->run->class_count, in->out.is_out, &in->pool, error));
    if (in->pool.first[in->run->class_count] == 0) {
        FAIL(SPUR_DATASET, "split %s: no image to choose from: %llu scored, %llu left out",
             in->split->name, (unsigned long long)in->order.count,
             (unsigned long long)in->out.count);
    }
done:
    return status;
}

/* NULL when the subset of the run is the one we would make. */
static const char *find_difference(const selection *in, const store_subset *there)
{
    if (strcmp(there->split, in->split->name) != 0) {
        return "of another split";
    }
    if (memcmp(there->ranking, in->digest, sizeof in->digest) != 0) {
        return "made from other scores (the split was scored again or went on since)";
    }
    return strcmp(there->exclusion, in->out.digest) != 0
               ? "made with another list of images to exclude"
               : NULL;
}

static spur_status compare_subset(void *context, const store_subset *there, spur_error *error)
{
    selection *in = context;
    for (size_t i = 0; i < in->key_count; i++) {
        char name[SUBSET_KEY_SIZE];
        subset_key_text(&in->keys[i], SPUR_NAMING_CONTENT, name);
        if (strcmp(name, there->name) != 0) {
            continue;
        }
        const char *difference = find_difference(in, there);
        if (difference != NULL && !in->options->restart) {
            return error_set(error, SPUR_DATASET,
                             "subset %s is in the run, but %s; --restart makes it again", name,
                             difference);
        }
        in->states[i] = difference == NULL ? SUBSET_THERE : SUBSET_REPLACED;
    }
    return SPUR_OK;
}

static spur_status look_for_subsets(selection *in, spur_error *error)
{
    spur_status status;
    TRY(memory_new_zeroed(in->key_count, sizeof *in->states, &in->states, error));
    TRY(store_each_subset(in->run->db, compare_subset, in, error));
done:
    return status;
}

/* ---- making and writing -------------------------------------------------------------- */

static spur_status write_subset(selection *in, const char *name, subset_state state,
                                const store_member *members, size_t count, spur_error *error)
{
    spur_status status;
    store_subset subset = {name, in->split->name, in->out.digest, {0}, count};
    memcpy(subset.ranking, in->digest, sizeof subset.ranking);
    if (state == SUBSET_REPLACED) {
        TRY(store_drop_subset(in->run->db, name, error));
    }
    TRY(store_put_subset(in->run->db, &subset, members, error));
done:
    return status;
}

static spur_status make_subset(selection *in, size_t i, spur_error *error)
{
    spur_status status;
    store_member *members = NULL;
    size_t count = 0;
    spur_subset *shown = NULL;
    uint64_t *class_images = NULL;
    bool is_there = in->states[i] == SUBSET_THERE;
    TRY(select_summary_add(in->summary, &in->keys[i], in->options->naming, &shown,
                           &class_images, error));
    TRY(subset_pool_pick(&in->pool, &in->keys[i], &members, &count, class_images, error));
    select_summary_count(in->summary, &in->keys[i], shown);
    shown->was_there = is_there;
    if (!is_there && !in->options->dry_run) {
        TRY(write_subset(in, shown->name, in->states[i], members, count, error));
    }
done:
    memory_free(members);
    return status;
}

static bool has_work(const selection *in)
{
    for (size_t i = 0; i < in->key_count; i++) {
        if (in->states[i] != SUBSET_THERE) {
            return !in->options->dry_run;
        }
    }
    return false;
}

static spur_status make_subsets(selection *in, spur_error *error)
{
    spur_status status;
    bool is_writing = has_work(in);
    TRY(select_summary_new(in->run, in->split, &in->pool, &in->order, in->key_count,
                           &in->summary, error));
    in->summary->shown.unknown = in->out.unknown;
    TRY(is_writing ? store_begin(in->run->db, error) : SPUR_OK);
    for (size_t i = 0; i < in->key_count; i++) {
        TRY(make_subset(in, i, error));
    }
    if (is_writing) {
        TRY(store_seal_subsets(in->run->db, error));
        TRY(store_commit(in->run->db, error));
    }
done:
    return status;
}

static spur_status link_subsets(selection *in, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; in->options->link != NULL && i < in->key_count; i++) {
        const spur_subset *shown = &in->summary->shown.subsets[i];
        uint64_t links = 0;
        if (!in->options->dry_run) {
            TRY(subset_links_make(in->run, shown->name, in->options->link, shown->name, &links,
                                  error));
        }
        in->summary->shown.links += links;
    }
done:
    return status;
}

spur_status spur_select(const char *run, const spur_select_options *options,
                        const spur_monitor *monitor, spur_select_summary **summary,
                        spur_error *error)
{
    spur_status status;
    spur_select_options defaults;
    spur_select_options_defaults(&defaults);
    selection in = {.options = options == NULL ? &defaults : options, .monitor = monitor};
    TRY(select_keys(in.options, &in.keys, &in.key_count, error));
    TRY(open_run(&in, run, error));
    TRY(read_scores(&in, error));
    TRY(look_for_subsets(&in, error));
    TRY(make_subsets(&in, error));
    TRY(link_subsets(&in, error));
    if (summary != NULL) {
        *summary = &in.summary->shown;
        in.summary = NULL;
    }
done:
    selection_close(&in);
    return status;
}
