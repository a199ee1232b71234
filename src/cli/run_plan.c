/*
 * run_plan.c - what each stage of the pipeline would do, without doing it.
 */
#include "cli/run_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/escape.h"
#include "cli/json_print.h"

enum {
    PATH_SIZE = 4096,
    ROW_BYTES = 700,    /* of run.db for an image; measured: 500 to 900 */
    RUN_BYTES = 120000, /* of an empty one */
    SOLVER_PASSES = 60  /* over the rows, what a last layer costs at the rate of products */
};

static const double BENCH_SECONDS = 1.0, HEAD_SECONDS = 0.1;

/* ---- score ------------------------------------------------------------------------------ */

spur_status plan_score(run_job *job, size_t i, run_forecast *out, spur_error *error)
{
    spur_status status;
    spur_score_options options = run_source_options(job, i);
    options.dry_run = true;
    TRY(spur_score(job->sources[i].data, job->run, job->detector, &options, NULL,
                   &job->scored[i], error));
    const spur_score_summary *made = job->scored[i];
    size_t threads = made->threads == 0 ? 1 : made->threads;
    *out = (run_forecast){made->found, made->pending, "images",
                          (double)made->pending * made->seconds_per_image / (double)threads,
                          made->found * ROW_BYTES + (i == 0 ? RUN_BYTES : 0)};
    job->facts.images += made->found;
    job->facts.pending += made->pending;
    job->facts.classes =
        job->facts.classes > made->class_count ? job->facts.classes : made->class_count;
done:
    return status;
}

/* ---- select ----------------------------------------------------------------------------- */

static size_t count_words(const char *list)
{
    size_t count = 1;
    for (; *list != '\0'; list++) {
        count += *list == ',' ? 1 : 0;
    }
    return count;
}

/* Subsets of a split that is not scored yet, from the options alone. */
static void guess_subsets(run_job *job)
{
    const spur_select_options *options = &job->select;
    const char *words = options->subsets == NULL ? "clear,mid,hidden,rnd" : options->subsets;
    const char *amounts = options->amounts == NULL ? "50,100,200" : options->amounts;
    uint64_t kinds = count_words(words);
    uint64_t available = job->scored[0] == NULL ? 0 : job->scored[0]->found;
    kinds += strstr(words, "rnd") != NULL ? options->seeds - 1 : 0;
    job->facts.subsets = kinds * count_words(amounts);
    for (const char *at = amounts; at != NULL; at = strchr(at, ',')) {
        char *end = NULL;
        at += *at == ',' ? 1 : 0;
        double value = strtod(at, &end);
        double images = *end == '%'
                            ? value / 100.0 * (double)available
                            : fmin(value * (double)job->facts.classes, (double)available);
        job->facts.members += kinds * (uint64_t)fmax(images, 0.0);
    }
}

spur_status plan_select(run_job *job, size_t i, run_forecast *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_select_options options = job->select;
    (void)i;
    options.dry_run = true;
    *out = (run_forecast){.unit = "subsets"};
    if (job->facts.pending > 0) {
        guess_subsets(job);
        out->missing = job->facts.subsets;
    } else {
        TRY(spur_select(job->run, &options, NULL, &job->selected, error));
        job->facts.subsets = job->selected->subset_count;
        for (size_t s = 0; s < job->selected->subset_count; s++) {
            job->facts.members += job->selected->subsets[s].images;
            out->missing += job->selected->subsets[s].was_there ? 0 : 1;
        }
    }
    out->total = job->facts.subsets;
    out->bytes = job->facts.members * 16;
done:
    return status;
}

/* ---- features --------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

/* Images of the run's splits whose features of one name are whole. */
static uint64_t count_featured(const run_job *job, const char *name)
{
    uint64_t images = 0;
    for (size_t c = 0; job->ranked != NULL && c < job->ranked->class_count; c++) {
        char path[PATH_SIZE];
        int used = snprintf(path, sizeof path, "%s/features/%s/%s.safetensors", job->run, name,
                            job->ranked->classes[c].split);
        if (used > 0 && (size_t)used < sizeof path && is_file(path)) {
            images += job->ranked->classes[c].images;
        }
    }
    return images;
}

/* NULL when nothing has been scored: then everything is missing. */
static void read_ranking(run_job *job)
{
    spur_run *run = NULL;
    if (spur_run_open(job->run, &run, NULL) == SPUR_OK) {
        (void)!spur_rank(run, &job->ranked, NULL);
    }
    spur_run_close(run);
}

static spur_status plan_backbone(run_job *job, size_t b, run_forecast *out, spur_error *error)
{
    spur_status status;
    const char *path = job->backbones[b];
    spur_backbone *opened = NULL;
    spur_backbone_info info;
    spur_bench_result speed = {0};
    TRY(spur_backbone_open(path, &job->features.backbone, &opened, error));
    spur_backbone_describe(opened, &info);
    (void)snprintf(job->facts.names[b], RUN_NAME_SIZE, "%s", info.name);
    uint64_t done = count_featured(job, info.name);
    uint64_t missing = job->facts.images > done ? job->facts.images - done : 0;
    out->total += job->facts.images;
    out->missing += missing;
    out->bytes += job->facts.images * info.features * (job->features.half ? 2 : 4);
    job->facts.widest = job->facts.widest > info.features ? job->facts.widest : info.features;
    spur_backbone_close(opened);
    opened = NULL;
    if (spur_bench_backbone(path, NULL, job->features.threads, BENCH_SECONDS, &speed, NULL) ==
            SPUR_OK &&
        speed.images_per_second > 0.0) {
        out->seconds += (double)missing / speed.images_per_second;
        job->facts.image_seconds += 1.0 / speed.images_per_second;
        job->facts.gflops = speed.matrix_gflops;
    } else {
        out->seconds = (double)NAN;
        job->facts.image_seconds = (double)NAN;
    }
done:
    spur_backbone_close(opened);
    return status;
}

spur_status plan_features(run_job *job, size_t i, run_forecast *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    (void)i;
    *out = (run_forecast){.unit = "vectors"};
    read_ranking(job);
    for (size_t b = 0; b < job->backbone_count; b++) {
        TRY(plan_backbone(job, b, out, error));
    }
done:
    return status;
}

/* ---- retrain ---------------------------------------------------------------------------- */

/* Last layers of the run's subsets that stand in their files. */
static uint64_t count_heads(const run_job *job)
{
    uint64_t heads = 0;
    size_t subsets = job->selected == NULL ? 0 : job->selected->subset_count;
    for (size_t b = 0; b < job->backbone_count; b++) {
        for (size_t s = 0; s < subsets; s++) {
            char path[PATH_SIZE];
            int used = snprintf(path, sizeof path, "%s/heads/%s/%s.safetensors", job->run,
                                job->facts.names[b], job->selected->subsets[s].name);
            heads += used > 0 && (size_t)used < sizeof path && is_file(path) ? 1 : 0;
        }
    }
    return heads;
}

spur_status plan_retrain(run_job *job, size_t i, run_forecast *out, spur_error *error)
{
    const run_facts *facts = &job->facts;
    double columns = (double)facts->widest * (double)facts->classes;
    double products = 4.0 * (double)facts->members * columns * SOLVER_PASSES;
    (void)i;
    (void)error;
    *out = (run_forecast){.unit = "last layers"};
    out->total = facts->subsets * job->backbone_count;
    out->missing = out->total - count_heads(job);
    out->bytes = out->total * (uint64_t)(4.0 * columns);
    out->seconds = (double)NAN;
    if (facts->gflops > 0.0 && out->total > 0) {
        double share = (double)out->missing / (double)out->total;
        out->seconds = (double)out->missing * HEAD_SECONDS +
                       share * (double)job->backbone_count * products / 1e9 / facts->gflops;
    }
    return SPUR_OK;
}

/* ---- eval ------------------------------------------------------------------------------- */

/* The split that noise is added to: the one asked for, else val, else the first that is not
 * train, else the first. *source is its dataset; NULL: there is none of that name. */
static const spur_split_plan *find_noise_split(const run_job *job, size_t *source)
{
    const spur_split_plan *found = NULL;
    const char *asked = job->eval.noise_split;
    int best = 0;
    for (size_t i = 0; i < job->source_count; i++) {
        for (size_t s = 0; s < job->scored[i]->split_count; s++) {
            const spur_split_plan *split = &job->scored[i]->splits[s];
            int fit = strcmp(split->name, asked == NULL ? "val" : asked) == 0 ? 3
                      : asked != NULL                                         ? 0
                      : strcmp(split->name, "train") != 0                     ? 2
                                                                              : 1;
            if (fit > best) {
                best = fit;
                found = split;
                *source = i;
            }
        }
    }
    return found;
}

static uint64_t count_noise_images(const run_job *job, const spur_split_plan *split)
{
    uint64_t limit = job->eval.noise_limit;
    return limit > 0 && limit < split->images ? limit : split->images;
}

/* Of the detector for the union of boxes, which every backbone has it look for again. */
static double detector_seconds(const run_job *job, uint64_t images, size_t source)
{
    const spur_score_summary *made = job->scored[source];
    double threads = made->threads == 0 ? 1.0 : (double)made->threads;
    return job->eval.noise_boxes > 0.0
               ? (double)(images * job->backbone_count) * made->seconds_per_image / threads
               : 0.0;
}

/* The end of a key of the largest noise asked for. No character of it is its first again, so it
 * can be sought byte by byte. */
static size_t write_noise_key(const spur_eval_options *options, char out[64])
{
    double most = options->noise_strength_count == 0 ? 10.0 : 0.0; /* of the usual ones */
    for (size_t i = 0; i < options->noise_strength_count; i++) {
        most = fmax(most, options->noise_strengths[i]);
    }
    bool has_sigma = options->noise_kind == SPUR_NOISE_SIGMA && most > 0.0;
    return (size_t)snprintf(out, 64, "fg/%s%.9g/top1\"", has_sigma ? "sigma-" : "", most);
}

/* True when the evaluation that stands in the run has numbers under that noise. */
static bool has_noise(const run_job *job)
{
    char path[PATH_SIZE], word[64];
    size_t length = write_noise_key(&job->eval, word), matched = 0;
    int used = snprintf(path, sizeof path, "%s/metrics.json", job->run);
    FILE *from = used > 0 && (size_t)used < sizeof path ? fopen(path, "r") : NULL;
    if (from == NULL) {
        return false;
    }
    for (int c = getc(from); c != EOF && matched < length; c = getc(from)) {
        matched = c == word[matched] ? matched + 1 : (size_t)(c == word[0]);
    }
    (void)fclose(from);
    return matched == length;
}

spur_status plan_eval(run_job *job, size_t i, run_forecast *out, spur_error *error)
{
    uint64_t strengths =
        job->eval.noise_strength_count == 0 ? 3 : job->eval.noise_strength_count;
    uint64_t trials = job->eval.noise_trials == 0 ? 3 : job->eval.noise_trials;
    uint64_t passes = 1 + 2 * strengths * trials; /* in the box and around it */
    size_t source = 0;
    const spur_split_plan *split = find_noise_split(job, &source);
    (void)i;
    (void)error;
    *out = (run_forecast){.unit = "noisy images"};
    if (job->eval.noise && split == NULL) {
        out->seconds = (double)NAN; /* of a split that only the run knows */
    } else if (job->eval.noise) {
        uint64_t images = count_noise_images(job, split);
        out->total = passes * job->backbone_count * images;
        out->missing = job->facts.is_behind || !has_noise(job) ? out->total : 0;
        out->seconds = (double)(passes * images) * job->facts.image_seconds +
                       detector_seconds(job, images, source);
    }
    return SPUR_OK;
}

/* ---- printing --------------------------------------------------------------------------- */

typedef struct plan_sum {
    double seconds;
    uint64_t bytes;
    bool is_partly_known;
} plan_sum;

static void add_up(const run_forecast *one, plan_sum *sum)
{
    sum->bytes += one->bytes;
    if (isfinite(one->seconds)) {
        sum->seconds += one->seconds;
    } else {
        sum->is_partly_known = true;
    }
}

static void print_bytes(uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes / 1e3;
    size_t unit = 0;
    while (value >= 1000.0 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000.0;
        unit++;
    }
    (void)printf("%9.1f %s", value, units[unit]);
}

static void print_row(const char *name, const run_forecast *one)
{
    char cell[4 * 28 + ESCAPE_SIZE], duration[32];
    escape_fit(name, 28, cell, sizeof cell);
    progress_time(isfinite(one->seconds) ? one->seconds : -1.0, duration, sizeof duration);
    (void)printf("%s%11llu%11llu %-12s%8s", cell, (unsigned long long)one->missing,
                 (unsigned long long)one->total, one->unit,
                 one->missing == 0 && one->total > 0 ? "done" : duration);
    print_bytes(one->bytes);
    (void)putchar('\n');
}

static void row_to_json(json_printer *json, const char *name, const run_forecast *one)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "stage", name);
    json_put_bool(json, "done", one->missing == 0);
    json_put_count(json, "missing", one->missing);
    json_put_count(json, "total", one->total);
    json_put_text(json, "unit", one->unit);
    json_put_number(json, "seconds", one->missing == 0 ? 0.0 : one->seconds);
    json_put_count(json, "bytes", one->bytes);
    json_put_close(json, '}');
}

/* The i-th call of a stage; json is NULL for people. */
static spur_status plan_one(const run_stage *stage, run_job *job, size_t i, json_printer *json,
                            plan_sum *sum, spur_error *error)
{
    spur_status status;
    char name[80];
    run_forecast one;
    const char *subject = run_stage_subject(stage, job, i);
    (void)snprintf(name, sizeof name, "%s%s%.60s", stage->name, subject[0] == '\0' ? "" : " ",
                   subject);
    TRY(stage->plan(job, i, &one, error));
    job->facts.is_behind = job->facts.is_behind || one.missing > 0;
    if (one.missing == 0 && one.total > 0) {
        one.seconds = 0.0;
    }
    if (one.total == 0 && isfinite(one.seconds)) {
        return SPUR_OK;
    }
    add_up(&one, sum);
    if (json != NULL) {
        row_to_json(json, name, &one);
    } else {
        print_row(name, &one);
    }
done:
    return status;
}

static spur_status plan_all(const run_stage *const *tables, run_job *job, json_printer *json,
                            plan_sum *sum, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (; *tables != NULL; tables++) {
        for (const run_stage *stage = *tables; stage->name != NULL; stage++) {
            for (size_t i = 0; stage->plan != NULL && i < stage->count(job); i++) {
                TRY(plan_one(stage, job, i, json, sum, error));
            }
        }
    }
done:
    return status;
}

spur_status run_plan_print(const run_stage *const *tables, run_job *job, bool as_json,
                           spur_error *error)
{
    spur_status status;
    plan_sum sum = {0};
    char duration[32];
    json_printer json = {.to = stdout};
    if (as_json) {
        json_put_open(&json, NULL, '{');
        json_put_file_name(&json, "run", job->run);
        json_put_open(&json, "stages", '[');
    } else {
        (void)printf("%-28s%11s%11s %-12s%8s%12s\n", "stage", "to do", "of", "", "time",
                     "disk");
    }
    TRY(plan_all(tables, job, as_json ? &json : NULL, &sum, error));
    if (as_json) {
        json_put_close(&json, ']');
        json_put_number(&json, "seconds", sum.is_partly_known ? (double)NAN : sum.seconds);
        json_put_count(&json, "bytes", sum.bytes);
        json_put_close(&json, '}');
        json_put_end(&json);
        return SPUR_OK;
    }
    progress_time(sum.seconds, duration, sizeof duration);
    (void)printf("%-28s%22s %-12s%8s", "all", "", sum.is_partly_known ? "at least" : "",
                 duration);
    print_bytes(sum.bytes);
    (void)puts(
        "\ntimes: measured just now on this machine, last layers within a factor of three;\n"
        "other load changes them");
done:
    return status;
}
