/*
 * report_data.c - gathers what a report shows: summaries first, then the rows of shown images.
 */
#include "report/report_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/store_results.h"

/* ---- rows -------------------------------------------------------------------------------- */

typedef struct row_pass {
    report_data *into;
    size_t split;
    size_t next;        /* first image that is not behind the rows seen */
    uint32_t *confused; /* [class, class] of the main split, or NULL */
} row_pass;

static spur_status keep_text(report_data *into, const char *text, const char **out,
                             spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status fill_image(report_data *into, const store_row *row, report_image *image,
                              spur_error *error)
{
    image->class_index = row->class_index;
    image->is_scored = row->reason == NULL;
    image->width = row->width;
    image->height = row->height;
    image->has_digest = row->has_digest;
    memcpy(image->image_id, row->image_id, sizeof image->image_id);
    memcpy(image->digest, row->file_digest, sizeof image->digest);
    if (image->is_scored) {
        image->logit = row->logit;
        memcpy(image->box, row->box, sizeof image->box);
        image->has_other = row->has_other;
        image->other_class = row->other_class;
        image->other_logit = row->other_logit;
    }
    return keep_text(into, row->file_name, &image->file_name, error);
}

static spur_status add_failure(row_pass *pass, const store_row *row, spur_error *error)
{
    spur_status status = SPUR_OK;
    report_data *into = pass->into;
    into->failed++;
    if (into->failure_count == REPORT_MOST_FAILURES) {
        return SPUR_OK;
    }
    TRY(memory_grow(&into->failures, &into->failure_capacity, into->failure_count + 1,
                    sizeof *into->failures, error));
    report_failure *made = &into->failures[into->failure_count++];
    *made = (report_failure){pass->split, row->class_index, NULL, NULL, NULL};
    TRY(keep_text(into, row->file_name, &made->file_name, error));
    TRY(keep_text(into, row->reason, &made->reason, error));
done:
    return status;
}

static void count_confusion(row_pass *pass, const store_row *row)
{
    report_data *into = pass->into;
    if (pass->split == into->main_index && row->has_other && row->other_logit > row->logit) {
        into->classes[row->class_index].confused++;
        if (pass->confused != NULL) {
            pass->confused[row->class_index * into->run->class_count + row->other_class]++;
        }
    }
}

static spur_status take_row(void *context, const store_row *row, spur_error *error)
{
    row_pass *pass = context;
    report_data *into = pass->into;
    if (row->reason != NULL) {
        spur_status status = add_failure(pass, row, error);
        if (status != SPUR_OK) {
            return status;
        }
    } else {
        count_confusion(pass, row);
    }
    report_image *image = &into->images[pass->next];
    if (pass->next < into->image_count && image->split == pass->split &&
        image->row == row->row) {
        pass->next++;
        return fill_image(into, row, image, error);
    }
    return SPUR_OK;
}

/* The largest counts of a class, the lower class first among equal ones. */
static void find_confusers(report_data *into, uint32_t *confused)
{
    size_t count = into->run->class_count;
    for (size_t c = 0; c < count; c++) {
        report_class *class = &into->classes[c];
        uint32_t *of = confused + c * count;
        while (class->confuser_count < REPORT_CONFUSERS) {
            size_t best = 0;
            for (size_t i = 1; i < count; i++) {
                best = of[i] > of[best] ? i : best;
            }
            if (of[best] == 0) {
                break;
            }
            class->confusers[class->confuser_count++] = (report_confuser){best, of[best]};
            of[best] = 0;
        }
    }
}

spur_status report_read_rows(report_data *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    row_pass pass = {.into = into};
    size_t classes = into->run->class_count;
    if (classes <= STORE_TALLY_CLASSES) {
        TRY(memory_new_zeroed(classes * classes, sizeof *pass.confused, &pass.confused, error));
    }
    for (pass.split = 0; pass.split < into->run->split_count; pass.split++) {
        TRY(store_each_row(into->run->db, into->run->splits[pass.split].name, take_row, &pass,
                           error));
    }
    if (pass.next != into->image_count) {
        FAIL(SPUR_DATASET, "%s: a row that the report shows is not in the run",
             into->run->folder);
    }
    if (pass.confused != NULL) {
        find_confusers(into, pass.confused);
    }
done:
    memory_free(pass.confused);
    return status;
}

/* ---- results of the evaluation ----------------------------------------------------------- */

static spur_status take_finding(void *context, const char *stage, const store_finding *finding,
                                spur_error *error)
{
    spur_status status;
    report_data *into = context;
    /* Some sentences name image files. */
    if (into->options->redact_paths && strchr(finding->text, '/') != NULL) {
        return SPUR_OK;
    }
    TRY(memory_grow(&into->findings, &into->finding_capacity, into->finding_count + 1,
                    sizeof *into->findings, error));
    report_finding *made = &into->findings[into->finding_count++];
    *made = (report_finding){NULL, NULL, NULL};
    TRY(keep_text(into, stage, &made->stage, error));
    TRY(keep_text(into, finding->kind, &made->kind, error));
    TRY(keep_text(into, finding->text, &made->text, error));
done:
    return status;
}

static spur_status take_result(void *context, const char *stage, const store_result *result,
                               spur_error *error)
{
    spur_status status;
    report_data *into = context;
    (void)stage;
    TRY(memory_grow(&into->results, &into->result_capacity, into->result_count + 1,
                    sizeof *into->results, error));
    report_result *made = &into->results[into->result_count++];
    *made = (report_result){NULL, result->value};
    TRY(keep_text(into, result->key, &made->key, error));
done:
    return status;
}

static int compare_results(const void *a, const void *b)
{
    const report_result *left = a, *right = b;
    return strcmp(left->key, right->key);
}

spur_status report_read_results(report_data *into, spur_error *error)
{
    spur_status status;
    TRY(store_each_finding(into->run->db, NULL, take_finding, into, error));
    TRY(store_each_result(into->run->db, NULL, take_result, into, error));
    if (into->result_count > 1) {
        qsort(into->results, into->result_count, sizeof *into->results, compare_results);
    }
done:
    return status;
}

double report_number(const report_data *of, const char *key)
{
    report_result wanted = {key, 0.0};
    const report_result *found = of->result_count == 0
                                     ? NULL
                                     : bsearch(&wanted, of->results, of->result_count,
                                               sizeof *of->results, compare_results);
    return found == NULL ? (double)NAN : found->value;
}

/* ---- summaries --------------------------------------------------------------------------- */

static spur_status find_main(report_data *into, spur_error *error)
{
    const char *wanted = into->options->split;
    if (wanted != NULL) {
        spur_status status = run_find_split(into->run, wanted, &into->main, error);
        if (status != SPUR_OK) {
            return status;
        }
    } else {
        into->main = &into->run->splits[0];
        for (size_t i = 0; i < into->run->split_count; i++) {
            if (strcmp(into->run->splits[i].name, "train") == 0) {
                into->main = &into->run->splits[i];
            }
        }
    }
    into->main_index = (size_t)(into->main - into->run->splits);
    return SPUR_OK;
}

/* The classes of the summary stand in the run's order, without those that have no image. */
static void find_ranks(report_data *into)
{
    size_t c = 0;
    for (size_t i = 0; i < into->ranks->class_count; i++) {
        const spur_class_rank *rank = &into->ranks->classes[i];
        if (strcmp(rank->split, into->main->name) != 0) {
            continue;
        }
        while (strcmp(into->run->classes[c].label, rank->label) != 0) {
            c++;
        }
        into->classes[c++].rank = rank;
        into->invisible += rank->is_invisible;
    }
}

/* Runs of very many classes keep no logits of other classes: no list then. */
static spur_status find_suspects(report_data *into, spur_error *error)
{
    spur_suspect_options options;
    spur_suspect_options_defaults(&options);
    if (into->run->class_count > STORE_TALLY_CLASSES) {
        return SPUR_OK;
    }
    spur_status status = spur_suspects(into->run, &options, &into->suspects, error);
    for (size_t i = 0; status == SPUR_OK && i < into->suspects->count; i++) {
        into->classes[into->suspects->suspects[i].class_index].suspects++;
    }
    return status;
}

static size_t split_index(const report_data *in, const char *name)
{
    size_t found = 0;
    while (strcmp(in->run->splits[found].name, name) != 0) {
        found++;
    }
    return found;
}

spur_status report_pick_suspects(report_data *into, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t *taken = NULL;
    TRY(memory_new_zeroed(into->run->class_count, sizeof *taken, &taken, error));
    for (size_t i = 0; into->suspects != NULL && i < into->suspects->count; i++) {
        const spur_suspect *suspect = &into->suspects->suspects[i];
        size_t place = taken[suspect->class_index];
        if (place == REPORT_PER_SUSPECTS) {
            continue;
        }
        taken[suspect->class_index]++;
        report_pick pick = {.class_index = suspect->class_index,
                            .role = REPORT_SUSPECT,
                            .place = place,
                            .split = split_index(into, suspect->split),
                            .row = suspect->row,
                            .note = i};
        TRY(report_pick_add(into, &pick, error));
    }
done:
    memory_free(taken);
    return status;
}

spur_status report_data_make(spur_run *run, const spur_report_options *options,
                             report_data *out, spur_error *error)
{
    spur_status status;
    report_data made = {.run = run, .options = options};
    TRY(arena_new(&made.texts, error));
    TRY(memory_new_zeroed(run->class_count, sizeof *made.classes, &made.classes, error));
    TRY(find_main(&made, error));
    TRY(spur_rank(run, &made.ranks, error));
    find_ranks(&made);
    TRY(find_suspects(&made, error));
    TRY(subset_list(run, &made.subsets, &made.subset_count, error));
    TRY(report_read_results(&made, error));
    TRY(report_heads_read(&made, error));
    TRY(report_choose_classes(&made, error));
    TRY(report_pick_ranked(&made, error));
    TRY(report_pick_suspects(&made, error));
    TRY(report_pick_images(&made, error));
    TRY(report_read_rows(&made, error));
    TRY(report_heads_mark(&made, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    report_data_free(&made);
    return status;
}

void report_data_free(report_data *block)
{
    arena_free(block->texts);
    spur_rank_summary_free(block->ranks);
    spur_suspect_summary_free(block->suspects);
    report_heads_free(&block->heads);
    memory_free(block->findings);
    memory_free(block->results);
    memory_free(block->subsets);
    memory_free(block->classes);
    memory_free(block->telling);
    memory_free(block->picks);
    memory_free(block->images);
    memory_free(block->failures);
    memset(block, 0, sizeof *block);
}
