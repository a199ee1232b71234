/*
 * command_classify.c - spur classify: the best classes of single images, now and with a
 * retrained last layer.
 *
 * An image that cannot be read is a row of its own and the others go on; anything else stops.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/failures.h"
#include "cli/image_list.h"
#include "cli/option_groups.h"
#include "cli/signals.h"

enum {
    TOP_DEFAULT = 5
};

static const option classify_table[] = {
    {"backbone", 'b', OPTION_PATH, "MODEL",
     "model folder, weight file or hub id (default $SPUR_BACKBONE)", false},
    {"head", 0, OPTION_PATH, "FILE", "a retrained last layer beside the model's own", false},
    {"top", 0, OPTION_COUNT, "N", "show the N best classes (default 5)", false},
    {"raw", 0, OPTION_PATH, "FILE", "write inputs, features and logits as safetensors", false},
    {"max-bad", 0, OPTION_COUNT, "N", "up to N failed images still exit with 0", false},
    {"strict", 0, OPTION_FLAG, NULL, "stop at the first failed image", false},
    {0}};
static const option_group classify_group = {"Classification", classify_table};
static const option_group *const classify_groups[] = {&classify_group,
                                                      &image_options,
                                                      &backbone_options,
                                                      &network_options,
                                                      &json_options,
                                                      &screen_options,
                                                      NULL};

typedef struct classify_job {
    const arguments *from;
    terminal *screen;
    spur_image_options options;
    spur_backbone *backbone;
    spur_backbone_info info;
    spur_head *head;
    size_t top;
    const char *const *names; /* of the classes of the list at hand, or NULL */
    image_list list;
    spur_classify_result **kept; /* for --raw, in argument order */
    size_t kept_count;
} classify_job;

static spur_status open_model(classify_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_backbone_options options;
    const char *path = NULL, *head = argument_text(job->from, "head");
    read_backbone_options(job->from, &options);
    TRY(read_image_options(job->from, &job->options, error));
    TRY(read_backbone_path(job->from, &path, error));
    TRY(spur_backbone_open(path, &options, &job->backbone, error));
    spur_backbone_describe(job->backbone, &job->info);
    for (const char *const *text = job->info.warnings; *text != NULL; text++) {
        terminal_warn(job->screen, "%s", *text);
    }
    if (job->screen->is_verbose) {
        terminal_note(job->screen, "%s: %zu features, %zu classes; preprocessing: %s",
                      job->info.architecture, job->info.features, job->info.classes,
                      job->info.preprocessing);
    }
    if (head != NULL) {
        TRY(spur_head_open(head, job->backbone, &job->head, error));
    }
    if (argument_text(job->from, "raw") != NULL) {
        job->kept = calloc(argument_count(job->from), sizeof(spur_classify_result *));
        if (job->kept == NULL) {
            TRY(failure_no_memory(error));
        }
    }
done:
    return status;
}

/* ---- the best classes -------------------------------------------------------------------- */

/* Of the classes behind (logit, class) `last` in the order of falling logits, the first. */
static size_t next_best(const float *logits, size_t classes, size_t last)
{
    size_t best = classes;
    for (size_t k = 0; k < classes; k++) {
        bool is_behind = last == classes || logits[k] < logits[last] ||
                         (k > last && logits[k] == logits[last]);
        if (is_behind && (best == classes || logits[k] > logits[best])) {
            best = k;
        }
    }
    return best;
}

/* log of the sum of exponentials, for probabilities. */
static double log_sum(const float *logits, size_t classes)
{
    size_t best = next_best(logits, classes, classes);
    double largest = (double)logits[best], sum = 1; /* its own */
    for (size_t k = 0; k < classes; k++) {
        sum += k == best ? 0 : exp((double)logits[k] - largest);
    }
    return largest + log(sum);
}

/* The name of a class of the list at hand, or NULL. */
static const char *class_name(const classify_job *job, size_t k)
{
    return job->names != NULL ? job->names[k] : NULL;
}

/* What --head's file calls its classes, else the model's names where there are as many. */
static const char *const *names_of_head(const classify_job *job, size_t classes)
{
    const char *const *own = spur_head_class_names(job->head);
    return own != NULL || classes != job->info.classes ? own : job->info.class_names;
}

typedef void (*show_class)(classify_job *job, size_t k, double logit, double probability);

static void each_best(classify_job *job, const float *logits, size_t classes, show_class show)
{
    double whole = log_sum(logits, classes);
    size_t k = classes;
    for (size_t i = 0; i < job->top && i < classes; i++) {
        k = next_best(logits, classes, k);
        show(job, k, (double)logits[k], exp((double)logits[k] - whole));
    }
}

/* ---- printing ---------------------------------------------------------------------------- */

static void class_to_json(classify_job *job, size_t k, double logit, double probability)
{
    json_put_open(&job->list.json, NULL, '{');
    json_put_count(&job->list.json, "class_index", k);
    json_put_text(&job->list.json, "name", class_name(job, k));
    json_put_number(&job->list.json, "logit", logit);
    json_put_number(&job->list.json, "probability", probability);
    json_put_close(&job->list.json, '}');
}

static void list_to_json(classify_job *job, const char *key, const float *logits,
                         size_t classes)
{
    json_put_open(&job->list.json, key, '[');
    each_best(job, logits, classes, class_to_json);
    json_put_close(&job->list.json, ']');
}

static void image_to_json(classify_job *job, const char *path,
                          const spur_classify_result *result, const spur_error *failure)
{
    if (result == NULL) {
        image_list_object(&job->list, path, 0, 0, failure);
    } else {
        image_list_object(&job->list, path, result->width, result->height, NULL);
        job->names = job->info.class_names;
        list_to_json(job, "top", result->logits, result->classes);
        if (result->head_logits != NULL) {
            job->names = names_of_head(job, result->head_classes);
            list_to_json(job, "top_head", result->head_logits, result->head_classes);
        }
    }
    json_put_close(&job->list.json, '}');
}

static void print_class(classify_job *job, size_t k, double logit, double probability)
{
    char name[4 * 56 + ESCAPE_SIZE] = "";
    const char *known = class_name(job, k);
    if (known != NULL) {
        escape_fit(known, 56, name, sizeof name);
    }
    (void)printf("  %6.4f %8.3f %6zu%s%s\n", probability, logit, k, known != NULL ? "  " : "",
                 name);
}

static void print_list(classify_job *job, const char *whose, const float *logits,
                       size_t classes)
{
    (void)printf("  %6s %8s %6s  %s\n", "share", "logit", "class", whose);
    each_best(job, logits, classes, print_class);
}

static void print_image(classify_job *job, const char *path, const spur_classify_result *result,
                        const spur_error *failure)
{
    if (result == NULL) {
        failures_show(job->screen, &job->list.shown, path, failure->message);
        return;
    }
    image_list_heading(&job->list, path, result->width, result->height);
    (void)putchar('\n');
    job->names = job->info.class_names;
    print_list(job, "the model's own head", result->logits, result->classes);
    if (result->head_logits != NULL) {
        job->names = names_of_head(job, result->head_classes);
        print_list(job, "with --head", result->head_logits, result->head_classes);
    }
}

/* ---- images ------------------------------------------------------------------------------ */

static spur_status classify_image(void *context, const char *path, spur_error *error)
{
    classify_job *job = context;
    spur_classify_result *result = NULL;
    spur_status status =
        spur_classify(job->backbone, job->head, path, &job->options, &result, error);
    bool must_be_whole = argument_flag(job->from, "strict") || job->kept != NULL;
    if (status == SPUR_IMAGE && must_be_whole) {
        spur_error inner = *error;
        return failure_set(error, SPUR_IMAGE, "%s: %s%s", path, inner.message,
                           job->kept != NULL ? " (--raw needs every image)" : "");
    }
    if (status != SPUR_OK && status != SPUR_IMAGE) {
        return status;
    }
    job->list.failed += status == SPUR_IMAGE ? 1 : 0;
    (job->list.as_json ? image_to_json : print_image)(job, path, result, error);
    error->message[0] = '\0';
    if (job->kept != NULL) {
        job->kept[job->kept_count++] = result;
    } else {
        spur_classify_result_free(result);
    }
    return SPUR_OK;
}

static spur_status write_raw(const classify_job *job, spur_error *error)
{
    const char *path = argument_text(job->from, "raw");
    spur_status status = spur_classify_write_raw((const spur_classify_result *const *)job->kept,
                                                 job->kept_count, path, error);
    if (status == SPUR_OK) {
        terminal_note(job->screen, "wrote %s", path);
    }
    return status;
}

static spur_status classify_images(classify_job *job, spur_error *error)
{
    spur_status status;
    TRY(image_list_each(&job->list, classify_image, job, error));
    if (job->kept != NULL) {
        TRY(write_raw(job, error));
    }
    TRY(image_list_end(&job->list, error));
done:
    return status;
}

static spur_status run_classify(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    classify_job job = {.from = from, .screen = screen};
    image_list_begin(&job.list, from, screen);
    job.top = (size_t)argument_whole(from, "top", TOP_DEFAULT);
    TRY(open_model(&job, error));
    signals_catch_stop();
    TRY(classify_images(&job, error));
done:
    for (size_t i = 0; i < job.kept_count; i++) {
        spur_classify_result_free(job.kept[i]);
    }
    free(job.kept);
    spur_head_close(job.head);
    spur_backbone_close(job.backbone);
    return status;
}

const command classify_command = {
    .name = "classify",
    .usage = "IMAGE... --backbone MODEL [--head FILE]",
    .summary = "the best classes of a model, and of a retrained last layer",
    .description =
        "Prints the classes with the largest logits and their soft-max shares: of the model's "
        "own last layer and, with --head, of that one. An image that cannot be read is "
        "reported and the others go on. --raw writes pixel_values, features and logits (of "
        "the head, then the model's own as logits_original) in the order of the images.",
    .examples = "  spur classify photo.jpg --backbone resnet50\n"
                "  spur classify *.jpg --backbone deit_small --head clear-100.safetensors "
                "--json\n",
    .groups = classify_groups,
    .least = 1,
    .most = SIZE_MAX,
    .run = run_classify};
