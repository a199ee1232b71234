/*
 * evaluate_ood.c - stage "ood": every head on the splits out of distribution, beside its
 * accuracy in distribution on the same classes.
 *
 * Which classes a set has follows from its images. Two accuracies are made of each side: with
 * the best among these classes, and with the best among all outputs; the set's rule says which
 * of them is the one that is told.
 */
#include <string.h>

#include "base/digest.h"
#include "base/statistics_intervals.h"
#include "io/store_digest.h"
#include "pipeline/evaluate.h"
#include "pipeline/masked_head.h"
#include "pipeline/predictions.h"
#include "pipeline/result_list.h"
#include "pipeline/robustness.h"
#include "pipeline/split_way.h"

static const char stage_name[] = "ood";

#define ALPHA 0.05
#define PERCENT 100.0

typedef struct ood_job {
    spur_run *run;
    const spur_eval_options *options;
    const spur_monitor *monitor;
    const char *id_split; /* NULL: the run has none */
    prediction_list sets; /* of all splits */
    result_list made;
} ood_job;

/* Images, and those that are right: among the set's classes, among all outputs. */
typedef struct ood_count {
    uint64_t n, masked, full;
} ood_count;

typedef struct ood_head {
    const prediction_name *name; /* on the set */
    judged_head with;
    ood_count set, id;
    double set_top1, id_top1, residual; /* residual: only with a line */
} ood_head;

/* The heads of one backbone on one set. */
typedef struct ood_group {
    const char *split, *backbone;
    split_way way;
    bool is_masked; /* what is told is the best among the set's classes */
    evaluation_rows rows, id_rows;
    unsigned char *mask; /* [class_count] */
    size_t class_count;  /* of the mask */
    ood_head *heads;
    size_t head_count, opened;
    robustness_line line;
} ood_group;

static void group_free(ood_group *block)
{
    for (size_t i = 0; i < block->opened; i++) {
        judged_head_close(&block->heads[i].with);
    }
    memory_free(block->heads);
    memory_free(block->mask);
    evaluation_rows_free(&block->rows);
    evaluation_rows_free(&block->id_rows);
}

/* ---- which splits and heads -------------------------------------------------------------- */

static bool is_asked(const ood_job *job, const prediction_name *name)
{
    return split_is_ood(name->split) &&
           (job->id_split == NULL || strcmp(name->split, job->id_split) != 0) &&
           (job->options->split == NULL || strcmp(name->split, job->options->split) == 0);
}

/* --id-split, else val, else the first that is neither train nor out of distribution. */
static spur_status find_id_split(ood_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    const store_split *asked = NULL;
    if (job->options->ood_id_split != NULL) {
        TRY(run_find_split(job->run, job->options->ood_id_split, &asked, error));
        job->id_split = asked->name;
        return SPUR_OK;
    }
    for (size_t i = job->run->split_count; i-- > 0;) {
        const char *name = job->run->splits[i].name;
        if (strcmp(name, "train") != 0 && !split_is_ood(name)) {
            job->id_split = name;
        }
    }
    for (size_t i = 0; i < job->run->split_count; i++) {
        if (strcmp(job->run->splits[i].name, "val") == 0) {
            job->id_split = job->run->splits[i].name;
        }
    }
done:
    return status;
}

/* The set of the same head in distribution, or NULL. */
static const prediction_name *find_id_set(const ood_job *job, const prediction_name *name)
{
    for (size_t i = 0; i < job->sets.count && job->id_split != NULL; i++) {
        const prediction_name *one = &job->sets.names[i];
        if (strcmp(one->split, job->id_split) == 0 &&
            strcmp(one->backbone, name->backbone) == 0 && strcmp(one->head, name->head) == 0) {
            return one;
        }
    }
    return NULL;
}

/* ---- counts ------------------------------------------------------------------------------ */

static spur_status make_mask(ood_group *group, spur_error *error)
{
    spur_status status;
    size_t classes = group->rows.class_count;
    TRY(memory_new_zeroed(classes, 1, &group->mask, error));
    for (size_t i = 0; i < group->rows.count; i++) {
        if (group->rows.class_index[i] != EVALUATION_NO_CLASS) {
            group->mask[group->rows.class_index[i]] = 1;
        }
    }
    for (size_t c = 0; c < classes; c++) {
        group->class_count += group->mask[c];
    }
done:
    return status;
}

/* Adds what a head says of one side; flags are of masked_judge. */
static spur_status count_side(const ood_job *job, const evaluation_rows *rows,
                              const prediction_name *name, const unsigned char *flags,
                              ood_count *out, spur_error *error)
{
    spur_status status;
    prediction_set set = {0, NULL, NULL, NULL};
    TRY(predictions_load(job->run, name, &set, error));
    for (size_t i = 0; i < rows->count; i++) {
        if ((flags[i] & PREDICTION_VALID) != 0) {
            out->n++;
            out->masked += (flags[i] & PREDICTION_CORRECT) != 0 ? 1 : 0;
            out->full += (set.flags[i] & PREDICTION_CORRECT) != 0 ? 1 : 0;
        }
    }
done:
    prediction_set_free(&set);
    return status;
}

static spur_status open_heads(const ood_job *job, const store_backbone *backbone,
                              ood_group *group, spur_error *error)
{
    spur_status status;
    head_list files = {NULL, 0, NULL};
    TRY(head_list_make(job->run, backbone->name, &files, error));
    for (size_t h = 0; h < group->head_count; h++) {
        const char *wanted = group->heads[h].name->head;
        size_t at = 0;
        while (at < files.count && strcmp(files.heads[at].name, wanted) != 0) {
            at++;
        }
        if (at == files.count) {
            FAIL(SPUR_DATASET, "head %s of %s is gone; `spur eval %s` again", wanted,
                 backbone->name, job->run->folder);
        }
        TRY(judged_head_open(job->run, backbone, &files.heads[at], &group->heads[h].with,
                             error));
        group->opened++;
    }
done:
    head_list_free(&files);
    return status;
}

/* One side of all heads: the set's, or that in distribution. */
static spur_status count_heads(const ood_job *job, const store_backbone *backbone,
                               ood_group *group, bool is_id, spur_error *error)
{
    spur_status status;
    const evaluation_rows *rows = is_id ? &group->id_rows : &group->rows;
    judged_head *heads = NULL;
    unsigned char *flags = NULL;
    TRY(memory_new(group->head_count, sizeof *heads, &heads, error));
    for (size_t h = 0; h < group->head_count; h++) {
        heads[h] = group->heads[h].with;
    }
    const masked_request request = {job->run,
                                    backbone,
                                    rows,
                                    group->mask,
                                    heads,
                                    group->head_count,
                                    job->options->threads,
                                    job->monitor};
    TRY(masked_judge(&request, &flags, error));
    for (size_t h = 0; h < group->head_count; h++) {
        ood_head *one = &group->heads[h];
        const prediction_name *name = is_id ? find_id_set(job, one->name) : one->name;
        if (name != NULL) {
            TRY(count_side(job, rows, name, flags + h * rows->count,
                           is_id ? &one->id : &one->set, error));
        }
    }
done:
    memory_free(flags);
    memory_free(heads);
    return status;
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* "<side>_top1<tail>" with its Wilson interval. */
static spur_status add_share(ood_job *job, const ood_head *one, const char *metric,
                             uint64_t right, uint64_t n, spur_error *error)
{
    spur_status status = SPUR_OK;
    result_list *into = &job->made;
    const prediction_name *name = one->name;
    if (n == 0) {
        return SPUR_OK;
    }
    statistics_interval interval = statistics_wilson(right, n, ALPHA);
    TRY(result_add(into, error, (double)right / (double)n, "%s/%s/%s/%s", name->split,
                   name->backbone, name->head, metric));
    TRY(result_add(into, error, interval.low, "%s/%s/%s/%s_low", name->split, name->backbone,
                   name->head, metric));
    TRY(result_add(into, error, interval.high, "%s/%s/%s/%s_high", name->split, name->backbone,
                   name->head, metric));
done:
    return status;
}

static spur_status add_number(ood_job *job, const ood_head *one, const char *metric,
                              double value, spur_error *error)
{
    const prediction_name *name = one->name;
    return result_add(&job->made, error, value, "%s/%s/%s/%s", name->split, name->backbone,
                      name->head, metric);
}

static uint64_t told(const ood_group *group, const ood_count *of)
{
    return group->is_masked ? of->masked : of->full;
}

static spur_status add_counts(ood_job *job, const ood_group *group, ood_head *one,
                              spur_error *error)
{
    spur_status status;
    const ood_count *set = &one->set, *id = &one->id;
    TRY(add_number(job, one, "ood_n", (double)set->n, error));
    TRY(add_number(job, one, "ood_classes", (double)group->class_count, error));
    TRY(add_share(job, one, "ood_top1", told(group, set), set->n, error));
    TRY(add_share(job, one, "ood_top1_masked", set->masked, set->n, error));
    TRY(add_share(job, one, "ood_top1_full", set->full, set->n, error));
    one->set_top1 = set->n == 0 ? 0.0 : (double)told(group, set) / (double)set->n;
    one->id_top1 = id->n == 0 ? 0.0 : (double)told(group, id) / (double)id->n;
    if (id->n > 0) {
        TRY(add_number(job, one, "id_n", (double)id->n, error));
        TRY(add_share(job, one, "id_top1", told(group, id), id->n, error));
        TRY(add_share(job, one, "id_top1_masked", id->masked, id->n, error));
        TRY(add_share(job, one, "id_top1_full", id->full, id->n, error));
    }
    if (id->n > 0 && set->n > 0) {
        TRY(add_number(job, one, "ood_drop", one->id_top1 - one->set_top1, error));
    }
done:
    return status;
}

/* The line through the heads, and how far each lies from it. */
static spur_status add_line(ood_job *job, ood_group *group, spur_error *error)
{
    spur_status status;
    double *x = NULL, *y = NULL;
    size_t count = 0;
    TRY(memory_new(group->head_count, sizeof *x, &x, error));
    TRY(memory_new(group->head_count, sizeof *y, &y, error));
    for (size_t h = 0; h < group->head_count; h++) {
        const ood_head *one = &group->heads[h];
        if (one->id.n > 0 && one->set.n > 0) {
            x[count] = robustness_logit(told(group, &one->id), one->id.n);
            y[count++] = robustness_logit(told(group, &one->set), one->set.n);
        }
    }
    group->line = robustness_fit(x, y, count);
    if (!group->line.is_fit) {
        goto done;
    }
    TRY(result_add(&job->made, error, (double)count, "%s/%s/ood_line_heads", group->split,
                   group->backbone));
    TRY(result_add(&job->made, error, group->line.slope, "%s/%s/ood_line_slope", group->split,
                   group->backbone));
    TRY(result_add(&job->made, error, group->line.intercept, "%s/%s/ood_line_intercept",
                   group->split, group->backbone));
    for (size_t h = 0; h < group->head_count; h++) {
        ood_head *one = &group->heads[h];
        if (one->id.n > 0 && one->set.n > 0) {
            double expected = robustness_expected(
                &group->line, robustness_logit(told(group, &one->id), one->id.n));
            one->residual = one->set_top1 - expected;
            TRY(add_number(job, one, "ood_expected", expected, error));
            TRY(add_number(job, one, "ood_residual", one->residual, error));
        }
    }
done:
    memory_free(x);
    memory_free(y);
    return status;
}

/* ---- sentences --------------------------------------------------------------------------- */

typedef struct accuracy_range {
    double low, high;
} accuracy_range;

static accuracy_range range_of(const ood_group *group, bool is_id)
{
    accuracy_range out = {1.0, 0.0};
    for (size_t h = 0; h < group->head_count; h++) {
        double top1 = is_id ? group->heads[h].id_top1 : group->heads[h].set_top1;
        out.low = top1 < out.low ? top1 : out.low;
        out.high = top1 > out.high ? top1 : out.high;
    }
    return out;
}

static spur_status say_accuracy(ood_job *job, const ood_group *group, spur_error *error)
{
    accuracy_range set = range_of(group, false), id = range_of(group, true);
    const ood_head *first = &group->heads[0];
    const char *among = group->is_masked ? "best among these" : "best among all";
    if (first->id.n == 0) {
        return result_find(&job->made, error, "ood-alone",
                           "%s, %s: %.1f to %.1f %% right (%zu heads; %llu images of %zu "
                           "classes, %s); no split in distribution has images of these classes "
                           "to compare with.",
                           group->split, group->backbone, PERCENT * set.low, PERCENT * set.high,
                           group->head_count, (unsigned long long)first->set.n,
                           group->class_count, among);
    }
    return result_find(&job->made, error, "ood",
                       "%s, %s: %.1f to %.1f %% right (%zu heads; %llu images of %zu classes, "
                       "%s), on the same classes of %s %.1f to %.1f %%.",
                       group->split, group->backbone, PERCENT * set.low, PERCENT * set.high,
                       group->head_count, (unsigned long long)first->set.n, group->class_count,
                       among, job->id_split, PERCENT * id.low, PERCENT * id.high);
}

static spur_status say_line(ood_job *job, const ood_group *group, spur_error *error)
{
    const ood_head *best = &group->heads[0];
    for (size_t h = 1; h < group->head_count; h++) {
        best = group->heads[h].residual > best->residual ? &group->heads[h] : best;
    }
    if (best->id.n == 0) {
        return SPUR_OK;
    }
    if (!group->line.is_fit) {
        return result_find(&job->made, error, "ood-few",
                           "%s, %s: %zu heads with different accuracies are needed for a line "
                           "between both accuracies, so there is no effective robustness.",
                           group->split, group->backbone, (size_t)ROBUSTNESS_LEAST_HEADS);
    }
    statistics_interval interval =
        statistics_wilson(told(group, &best->set), best->set.n, ALPHA);
    bool is_inside = best->set_top1 - best->residual >= interval.low;
    return result_find(&job->made, error, is_inside ? "ood-line" : "ood-above",
                       "%s, %s: of the %zu heads %s lies highest above their common line, by "
                       "%.1f points%s.",
                       group->split, group->backbone, group->head_count, best->name->head,
                       PERCENT * best->residual,
                       is_inside ? ", within the error of its accuracy" : "");
}

static spur_status say_excluded(ood_job *job, const ood_group *group, spur_error *error)
{
    if (group->way.excluded_images == 0) {
        return SPUR_OK;
    }
    return result_find(&job->made, error, "ood-excluded",
                       "%s: %llu images of %llu classes that the run does not have are in none "
                       "of these numbers.",
                       group->split, (unsigned long long)group->way.excluded_images,
                       (unsigned long long)group->way.excluded_classes);
}

/* ---- one set and backbone ---------------------------------------------------------------- */

static spur_status find_backbone(const ood_job *job, const char *name,
                                 const store_backbone **out, spur_error *error)
{
    const store_backbone *all;
    size_t count = 0;
    spur_status status = store_get_backbones(job->run->db, &all, &count);
    for (size_t i = 0; status == SPUR_OK && i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            *out = &all[i];
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_DATASET, "the run has no backbone %s", name);
}

static spur_status count_group(const ood_job *job, ood_group *group, spur_error *error)
{
    spur_status status;
    const store_backbone *backbone = NULL;
    TRY(find_backbone(job, group->backbone, &backbone, error));
    TRY(evaluation_rows_make(job->run, group->split, &group->rows, error));
    TRY(make_mask(group, error));
    TRY(open_heads(job, backbone, group, error));
    TRY(count_heads(job, backbone, group, false, error));
    if (find_id_set(job, group->heads[0].name) != NULL) {
        TRY(evaluation_rows_make(job->run, job->id_split, &group->id_rows, error));
        TRY(count_heads(job, backbone, group, true, error));
    }
done:
    return status;
}

/* Sets first .. first + count - 1 are a group. */
static spur_status evaluate_group(ood_job *job, size_t first, size_t count, spur_error *error)
{
    spur_status status;
    const prediction_name *names = job->sets.names + first;
    ood_group group = {.split = names[0].split, .backbone = names[0].backbone};
    TRY(split_way_load(job->run->db, group.split, &group.way, error));
    group.is_masked = ood_rule_masks(group.way.rule);
    TRY(memory_new_zeroed(count, sizeof *group.heads, &group.heads, error));
    group.head_count = count;
    for (size_t h = 0; h < count; h++) {
        group.heads[h].name = &names[h];
    }
    TRY(count_group(job, &group, error));
    for (size_t h = 0; h < count; h++) {
        TRY(add_counts(job, &group, &group.heads[h], error));
    }
    TRY(add_line(job, &group, error));
    TRY(say_accuracy(job, &group, error));
    TRY(say_line(job, &group, error));
    TRY(say_excluded(job, &group, error));
done:
    group_free(&group);
    return status;
}

static spur_status evaluate_all(ood_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t count = 0;
    for (size_t first = 0; first < job->sets.count; first += count) {
        count = prediction_list_beside(&job->sets, first);
        TRY(is_asked(job, &job->sets.names[first]) ? evaluate_group(job, first, count, error)
                                                   : SPUR_OK);
    }
done:
    return status;
}

/* ---- the stage --------------------------------------------------------------------------- */

static spur_status digest_set(const ood_job *job, const prediction_name *name,
                              text_buffer *bytes, spur_error *error)
{
    spur_status status;
    split_way way;
    char text[SPLIT_WAY_SIZE];
    TRY(split_way_load(job->run->db, name->split, &way, error));
    split_way_describe(&way, text);
    TRY(digest_text(bytes, text, error));
    TRY(prediction_name_digest(name, bytes, error));
done:
    return status;
}

/* Everything the numbers depend on; *asked: sets out of distribution. */
static spur_status digest_inputs(const ood_job *job, char hex[DIGEST_HEX_SIZE], size_t *asked,
                                 spur_error *error)
{
    spur_status status;
    text_buffer bytes = {NULL, 0, 0};
    unsigned char sum[DIGEST_SIZE];
    *asked = 0;
    TRY(digest_text(&bytes, "ood 1", error));
    TRY(digest_text(&bytes, job->id_split, error));
    for (size_t i = 0; i < job->sets.count; i++) {
        const prediction_name *name = &job->sets.names[i];
        const prediction_name *id = find_id_set(job, name);
        if (is_asked(job, name)) {
            TRY(digest_set(job, name, &bytes, error));
            TRY(digest_text(&bytes, id == NULL ? NULL : id->inputs, error));
            ++*asked;
        }
    }
    TRY(digest_of(bytes.data, bytes.length, sum, error));
    digest_hex(sum, DIGEST_SIZE, hex);
done:
    text_buffer_free(&bytes);
    return status;
}

spur_status evaluate_ood(spur_run *run, const spur_eval_options *options,
                         const spur_monitor *monitor, spur_error *error)
{
    spur_status status;
    ood_job job = {.run = run, .options = options, .monitor = monitor};
    char inputs[DIGEST_HEX_SIZE];
    bool is_current = false;
    size_t asked = 0;
    const predictions_request all = {NULL, options->backbone, options->threads, monitor};
    TRY(find_id_split(&job, error));
    if (options->split != NULL && split_is_ood(options->split) && job.id_split != NULL) {
        const predictions_request id = {job.id_split, options->backbone, options->threads,
                                        monitor};
        TRY(predictions_make(run, &id, NULL, error));
    }
    TRY(prediction_list_make(run, &all, &job.sets, error));
    TRY(digest_inputs(&job, inputs, &asked, error));
    TRY(results_are_current(run, stage_name, inputs, &is_current, error));
    if (asked == 0) {
        TRY(results_forget(run, stage_name, error));
    } else if (!is_current) {
        TRY(evaluate_all(&job, error));
        TRY(result_list_save(&job.made, run, stage_name, inputs, error));
    }
done:
    result_list_free(&job.made);
    prediction_list_free(&job.sets);
    return status;
}
