/*
 * noise_results.c - from outcomes to numbers: accuracy by region, strength and head, relative
 * foreground sensitivity, and the lengths that were left after the clamp.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/noise_job.h"
#include "pipeline/noise_rates.h"
#include "pipeline/result_list.h"

static const char *const REGIONS[NOISE_REGIONS] = {"fg", "bg"};

/* The outcomes of one backbone while its numbers are made. */
typedef struct noise_table {
    const noise_job *job;
    const noise_subject *subject;
    unsigned char *outcomes; /* [images, row_bytes]; the caller's */
    const feature_row **images;
    noise_row *rows; /* [count]: of the images that could be read */
    size_t count;
    uint32_t *right[NOISE_REGIONS]; /* [count]: of one head and strength */
    result_list *into;
} noise_table;

/* ---- counting ---------------------------------------------------------------------------- */

static size_t collect_rows(noise_table *table)
{
    const experiment_images *images = &table->job->images;
    table->count = 0;
    for (size_t i = 0; i < images->count; i++) {
        noise_row row = {&table->job->plan, table->outcomes + i * table->subject->row_bytes};
        if ((noise_row_flags(row) & NOISE_VALID) != 0) {
            table->rows[table->count] = row;
            table->images[table->count++] = images->rows[i];
        }
    }
    return table->count;
}

static noise_counts count_right(noise_table *table, size_t h, enum noise_region region,
                                size_t strength)
{
    const noise_plan *plan = &table->job->plan;
    uint32_t *right = table->right[region];
    for (size_t i = 0; i < table->count; i++) {
        right[i] = 0;
        for (size_t t = 0; t < plan->trials; t++) {
            size_t variant = noise_variant(plan, t, region, strength);
            right[i] +=
                noise_row_class(table->rows[i], h, variant) == table->images[i]->class_index;
        }
    }
    return (noise_counts){right, table->count, plan->trials};
}

static noise_counts count_clean(noise_table *table, size_t h)
{
    uint32_t *right = table->right[NOISE_INSIDE];
    for (size_t i = 0; i < table->count; i++) {
        right[i] =
            noise_row_class(table->rows[i], h, 0) == table->images[i]->class_index ? 1 : 0;
    }
    return (noise_counts){right, table->count, 1};
}

/* Mean length of what was added, over the images where the region is not empty. */
static double mean_length(const noise_table *table, enum noise_region region, size_t strength)
{
    const noise_plan *plan = &table->job->plan;
    unsigned nothing = region == NOISE_INSIDE ? NOISE_EMPTY : NOISE_FULL;
    double sum = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if ((noise_row_flags(table->rows[i]) & nothing) != 0) {
            continue;
        }
        for (size_t t = 0; t < plan->trials; t++) {
            sum += (double)noise_row_length(table->rows[i],
                                            noise_variant(plan, t, region, strength));
            count++;
        }
    }
    return count == 0 ? (double)NAN : sum / (double)count;
}

/* ---- numbers ----------------------------------------------------------------------------- */

static spur_status add_rate(noise_table *table, const char *name, const char *region,
                            const char *strength, noise_rate rate, spur_error *error)
{
    spur_status status;
    const char *of = table->subject->backbone->name;
    const struct {
        const char *name;
        double value;
    } parts[] = {{"top1", rate.value}, {"wilson_low", rate.low}, {"wilson_high", rate.high}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        TRY(result_add(table->into, error, parts[i].value, "noise/%s/%s/%s/%s/%s", of, name,
                       region, strength, parts[i].name));
    }
    status = SPUR_OK;
done:
    return status;
}

static spur_status add_clean(noise_table *table, size_t h, spur_error *error)
{
    spur_status status = SPUR_OK;
    noise_rate rate = noise_accuracy(count_clean(table, h));
    for (size_t r = 0; r < NOISE_REGIONS; r++) {
        TRY(add_rate(table, table->subject->names[h], REGIONS[r], "0", rate, error));
    }
done:
    return status;
}

static spur_status add_strength(noise_table *table, size_t h, size_t s, noise_rate *sensitivity,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *of = table->subject->backbone->name;
    const char *name = table->subject->names[h];
    char strength[NOISE_STRENGTH_SIZE];
    noise_counts counts[NOISE_REGIONS];
    noise_strength_name(&table->job->plan, s, strength);
    for (size_t r = 0; r < NOISE_REGIONS; r++) {
        counts[r] = count_right(table, h, (enum noise_region)r, s);
        TRY(add_rate(table, name, REGIONS[r], strength, noise_accuracy(counts[r]), error));
        TRY(result_add(table->into, error, mean_length(table, (enum noise_region)r, s),
                       "noise/%s/%s/%s/%s/norm", of, name, REGIONS[r], strength));
    }
    *sensitivity = noise_sensitivity(counts[NOISE_INSIDE], counts[NOISE_OUTSIDE]);
    TRY(result_add(table->into, error, sensitivity->value, "noise/%s/%s/rfs/%s", of, name,
                   strength));
    TRY(result_add(table->into, error, sensitivity->low, "noise/%s/%s/rfs/%s/low", of, name,
                   strength));
    TRY(result_add(table->into, error, sensitivity->high, "noise/%s/%s/rfs/%s/high", of, name,
                   strength));
done:
    return status;
}

static spur_status add_masks(noise_table *table, spur_error *error)
{
    spur_status status;
    const char *of = table->subject->backbone->name;
    const noise_plan *plan = &table->job->plan;
    size_t empty = 0, full = 0;
    double inside = 0.0, boxes = 0.0;
    for (size_t i = 0; i < table->count; i++) {
        empty += (noise_row_flags(table->rows[i]) & NOISE_EMPTY) != 0;
        full += (noise_row_flags(table->rows[i]) & NOISE_FULL) != 0;
        inside += (double)noise_row_inside(table->rows[i]);
        boxes += (double)noise_row_boxes(table->rows[i]);
    }
    const struct {
        const char *name;
        double value;
    } counts[] = {{"n", (double)table->count},
                  {"failed", (double)(table->job->images.count - table->count)},
                  {"trials", (double)plan->trials},
                  {"empty_masks", (double)empty},
                  {"full_masks", (double)full},
                  {"mask_samples_mean", inside / (double)table->count},
                  {"boxes_mean", boxes > 0.0 ? boxes / (double)table->count : (double)NAN}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        TRY(result_add(table->into, error, counts[i].value, "noise/%s/%s", of, counts[i].name));
    }
    if (empty > 0) {
        TRY(result_find(table->into, error, "noise-empty",
                        "%s, split %s: on %zu of %zu images no sample of the classifier's "
                        "input lies in the object's mask; they got no noise there",
                        of, table->job->split->name, empty, table->count));
    }
    status = SPUR_OK;
done:
    return status;
}

/* One sentence on the first head, at the strength that parts the regions most. */
static spur_status find_sensitivity(noise_table *table, size_t s, noise_rate sensitivity,
                                    spur_error *error)
{
    char strength[NOISE_STRENGTH_SIZE];
    noise_strength_words(&table->job->plan, s, strength);
    noise_rate inside = noise_accuracy(count_right(table, 0, NOISE_INSIDE, s));
    noise_rate outside = noise_accuracy(count_right(table, 0, NOISE_OUTSIDE, s));
    const char *meaning = sensitivity.low > 0.0    ? "it leans on the object"
                          : sensitivity.high < 0.0 ? "it leans on the background"
                                                   : "neither region matters more for certain";
    return result_find(table->into, error, "noise",
                       "%s, head %s, split %s: noise of %s on the object leaves %.1f %% "
                       "right, around it %.1f %% (relative foreground sensitivity %+.2f, 95 %% "
                       "%+.2f to %+.2f): %s",
                       table->subject->backbone->name, table->subject->names[0],
                       table->job->split->name, strength, 100.0 * inside.value,
                       100.0 * outside.value, sensitivity.value, sensitivity.low,
                       sensitivity.high, meaning);
}

static spur_status add_numbers(noise_table *table, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t best = 0;
    noise_rate most = {0.0, 0.0, 0.0};
    for (size_t h = 0; h < table->subject->head_count; h++) {
        TRY(add_clean(table, h, error));
        for (size_t s = 0; s < table->job->plan.strength_count; s++) {
            noise_rate found;
            TRY(add_strength(table, h, s, &found, error));
            if (h == 0 && (s == 0 || fabs(found.value) > fabs(most.value))) {
                most = found;
                best = s;
            }
        }
    }
    TRY(add_masks(table, error));
    if (table->job->plan.strength_count > 0) {
        TRY(find_sensitivity(table, best, most, error));
    }
done:
    return status;
}

/* ---- one backbone ------------------------------------------------------------------------ */

static spur_status make_table(const noise_job *job, const noise_subject *subject,
                              unsigned char *outcomes, result_list *into, spur_error *error)
{
    spur_status status;
    size_t count = job->images.count;
    noise_table table = {.job = job, .subject = subject, .outcomes = outcomes, .into = into};
    TRY(memory_new(count, sizeof *table.rows, &table.rows, error));
    TRY(memory_new(count, sizeof(const feature_row *), &table.images, error));
    for (size_t r = 0; r < NOISE_REGIONS; r++) {
        TRY(memory_new(count, sizeof *table.right[r], &table.right[r], error));
    }
    if (collect_rows(&table) == 0) {
        FAIL(SPUR_DATASET, "split %s: no image could be read as it was scored",
             job->split->name);
    }
    TRY(add_numbers(&table, error));
done:
    memory_free(table.rows);
    memory_free(table.images);
    for (size_t r = 0; r < NOISE_REGIONS; r++) {
        memory_free(table.right[r]);
    }
    return status;
}

/* Adds a backbone's numbers and what they depend on, when its outcomes are there. */
static spur_status add_backbone(const noise_job *job, const store_backbone *of,
                                result_list *into, digest *inputs, spur_error *error)
{
    spur_status status;
    noise_subject subject;
    unsigned char *outcomes = NULL;
    bool is_complete = false;
    memset(&subject, 0, sizeof subject);
    spur_error why;
    status = noise_subject_open(job, of, false, &subject, &why);
    if (status == SPUR_DATASET) { /* no heads: nothing was tried */
        return SPUR_OK;
    }
    if (status != SPUR_OK) {
        FAIL(status, "%s", why.message);
    }
    store_experiment record = noise_subject_record(job, &subject);
    TRY(memory_new(job->images.count, subject.row_bytes, &outcomes, error));
    TRY(experiment_load(job->run->db, &record, subject.row_bytes, outcomes, &is_complete,
                        error));
    if (is_complete) {
        TRY(digest_add(inputs, subject.inputs, sizeof subject.inputs, error));
        TRY(make_table(job, &subject, outcomes, into, error));
    }
done:
    memory_free(outcomes);
    noise_subject_close(&subject);
    return status;
}

spur_status noise_results_make(const noise_job *job, spur_error *error)
{
    spur_status status;
    const store_backbone *backbones;
    size_t count;
    result_list list = {.texts = NULL};
    digest *inputs = NULL;
    unsigned char sum[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    bool is_current = false;
    TRY(digest_new(&inputs, error));
    TRY(store_get_backbones(job->run->db, &backbones, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(add_backbone(job, &backbones[i], &list, inputs, error));
    }
    TRY(digest_finish(inputs, sum, error));
    digest_hex(sum, sizeof sum, hex);
    TRY(results_are_current(job->run, "noise", hex, &is_current, error));
    TRY(is_current ? SPUR_OK : result_list_save(&list, job->run, "noise", hex, error));
done:
    digest_free(inputs);
    result_list_free(&list);
    return status;
}
