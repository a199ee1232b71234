/*
 * command_detect.c - spur detect: boxes for any text, or for what another picture shows.
 *
 * An image that cannot be read is a row of its own and the others go on; anything else stops.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/failures.h"
#include "cli/image_list.h"
#include "cli/option_groups.h"
#include "cli/signals.h"

static const option detect_table[] = {
    {"detector", 'd', OPTION_PATH, "MODEL", "model folder or hub id (default $SPUR_DETECTOR)",
     false},
    {"query", 0, OPTION_TEXT, "TEXT", "what to look for; may be repeated", false},
    {"query-image", 0, OPTION_PATH, "IMAGE", "look for the object that fills this picture",
     false},
    {"threshold", 0, OPTION_NUMBER, "S",
     "keep scores above S (default 0.1, 0 with --query-image)", false},
    {"top", 0, OPTION_COUNT, "N", "keep the N best boxes per image (default all)", false},
    {"nms", 0, OPTION_NUMBER, "IOU",
     "drop boxes that overlap a better one of the same query (default off, 0.3 with "
     "--query-image)",
     false},
    {"clip", 0, OPTION_FLAG, NULL, "clip boxes to the picture and drop empty ones", false},
    {"draw", 0, OPTION_PATH, "PNG", "write the picture with its boxes (one image)", false},
    {"raw", 0, OPTION_PATH, "FILE", "write inputs, logits and boxes as safetensors (one image)",
     false},
    {"max-bad", 0, OPTION_COUNT, "N", "up to N failed images still exit with 0", false},
    {"strict", 0, OPTION_FLAG, NULL, "stop at the first failed image", false},
    {0}};
static const option_group detect_group = {"Detection", detect_table};
static const option_group *const detect_groups[] = {
    &detect_group, &image_options, &detector_options, &json_options, &screen_options, NULL};

typedef struct detect_job {
    const arguments *from;
    terminal *screen;
    spur_detect_options options;
    spur_detector *detector;
    spur_query *query;
    const char **names; /* of the queries, for people and JSON */
    size_t query_count;
    image_list list;
} detect_job;

static spur_status read_options(detect_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    const arguments *from = job->from;
    spur_detect_options *out = &job->options;
    spur_detect_options_defaults(out);
    TRY(read_image_options(from, &out->image, error));
    out->threshold = (float)argument_number(from, "threshold", (double)out->threshold);
    out->top = (size_t)argument_whole(from, "top", 0);
    out->nms = (float)argument_number(from, "nms", (double)out->nms);
    out->clip = argument_flag(from, "clip");
    if (!(out->nms >= 0.0f && out->nms <= 1.0f)) {
        FAIL(SPUR_USAGE, "--nms: %s is not between 0 and 1", argument_text(from, "nms"));
    }
    if (argument_count(from) > 1 &&
        (argument_flag(from, "draw") || argument_flag(from, "raw"))) {
        FAIL(SPUR_USAGE, "--draw and --raw take one image");
    }
    if (argument_flag(from, "query") == argument_flag(from, "query-image")) {
        FAIL(SPUR_USAGE, "give --query TEXT (may be repeated) or --query-image IMAGE");
    }
done:
    return status;
}

static spur_status read_queries(detect_job *job, spur_error *error)
{
    bool is_image = argument_flag(job->from, "query-image");
    job->query_count = is_image ? 1 : argument_list(job->from, "query", NULL, 0);
    job->names = calloc(job->query_count, sizeof *job->names);
    if (job->names == NULL) {
        return failure_no_memory(error);
    }
    (void)argument_list(job->from, is_image ? "query-image" : "query", job->names,
                        job->query_count);
    for (size_t i = 0; i < job->query_count; i++) {
        if (job->names[i][0] == '\0') {
            return failure_set(error, SPUR_USAGE, "--query: the text is empty");
        }
    }
    return SPUR_OK;
}

static spur_status open_detector(detect_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_detector_options options;
    spur_detector_info info;
    const char *path = NULL;
    TRY(read_detector_options(job->from, &options, error));
    TRY(read_detector_path(job->from, &path, error));
    options.without_digest = true;
    TRY(spur_detector_open(path, &options, &job->detector, error));
    spur_detector_describe(job->detector, &info);
    for (const char *const *text = info.warnings; text != NULL && *text != NULL; text++) {
        terminal_warn(job->screen, "%s", *text);
    }
    if (job->screen->is_verbose) {
        terminal_note(job->screen, "preprocessing: %s", info.preprocessing);
    }
done:
    return status;
}

static spur_status encode_queries(detect_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *image = argument_text(job->from, "query-image");
    if (image != NULL) {
        TRY(spur_query_from_image(job->detector, image, &job->options.image, &job->query,
                                  error));
    } else {
        TRY(spur_query_from_text(job->detector, job->names, job->query_count, &job->query,
                                 error));
    }
    for (size_t i = 0; image == NULL && i < job->query_count; i++) {
        if (spur_query_truncated(job->query, i)) {
            terminal_warn(job->screen, "query '%s' is longer than the text tower and was cut",
                          job->names[i]);
        }
    }
done:
    return status;
}

/* ---- printing ------------------------------------------------------------------------- */

static void detection_to_json(detect_job *job, const spur_detection *found)
{
    json_printer *json = &job->list.json;
    json_put_open(json, NULL, '{');
    json_put_file_name(json, "query", job->names[found->query]);
    json_put_number(json, "logit", (double)found->logit);
    json_put_number(json, "score", (double)found->score);
    json_put_open(json, "box", '[');
    for (size_t i = 0; i < 4; i++) {
        json_put_number(json, NULL, (double)found->box[i]);
    }
    json_put_close(json, ']');
    json_put_count(json, "patch", found->patch);
    json_put_close(json, '}');
}

static void image_to_json(detect_job *job, const char *path, const spur_detect_result *result,
                          const spur_error *failure)
{
    json_printer *json = &job->list.json;
    if (result == NULL) {
        image_list_object(&job->list, path, 0, 0, failure);
    } else {
        image_list_object(&job->list, path, result->width, result->height, NULL);
    }
    json_put_open(json, "detections", '[');
    for (size_t i = 0; result != NULL && i < result->detection_count; i++) {
        detection_to_json(job, &result->detections[i]);
    }
    json_put_close(json, ']');
    json_put_close(json, '}');
}

static void print_detection(const detect_job *job, const spur_detection *found)
{
    char query[4 * 28 + ESCAPE_SIZE];
    escape_fit(job->names[found->query], 28, query, sizeof query);
    (void)printf("  %6.4f %8.3f  %s", (double)found->score, (double)found->logit, query);
    for (size_t i = 0; i < 4; i++) {
        (void)printf(" %7.1f", (double)found->box[i]);
    }
    (void)putchar('\n');
}

static void print_image(detect_job *job, const char *path, const spur_detect_result *result,
                        const spur_error *failure)
{
    if (result == NULL) {
        failures_show(job->screen, &job->list.shown, path, failure->message);
        return;
    }
    image_list_heading(&job->list, path, result->width, result->height);
    (void)printf(": %zu boxes\n", result->detection_count);
    if (result->detection_count > 0) {
        (void)printf("  %6s %8s  %-28s %7s %7s %7s %7s\n", "score", "logit", "query", "xmin",
                     "ymin", "xmax", "ymax");
    }
    for (size_t i = 0; i < result->detection_count; i++) {
        print_detection(job, &result->detections[i]);
    }
}

/* ---- one image ------------------------------------------------------------------------ */

static spur_status write_files(const detect_job *job, const char *path,
                               const spur_detect_result *result, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *draw = argument_text(job->from, "draw");
    const char *raw = argument_text(job->from, "raw");
    if (raw != NULL) {
        TRY(spur_detect_write_raw(result, raw, error));
        terminal_note(job->screen, "wrote %s", raw);
    }
    if (draw != NULL) {
        TRY(spur_detect_draw(result, path, &job->options.image, job->names, draw, error));
        terminal_note(job->screen, "wrote %s", draw);
    }
done:
    return status;
}

static spur_status detect_image(void *context, const char *path, spur_error *error)
{
    detect_job *job = context;
    spur_status status = SPUR_OK;
    spur_detect_result *result = NULL;
    status = spur_detect(job->detector, path, job->query, &job->options, &result, error);
    if (status == SPUR_IMAGE && argument_flag(job->from, "strict")) {
        spur_error inner = *error;
        FAIL(SPUR_IMAGE, "%s: %s", path, inner.message);
    }
    if (status != SPUR_OK && status != SPUR_IMAGE) {
        goto done;
    }
    job->list.failed += status == SPUR_IMAGE ? 1 : 0;
    (job->list.as_json ? image_to_json : print_image)(job, path, result, error);
    if (result != NULL) {
        TRY(write_files(job, path, result, error));
    }
    status = SPUR_OK;
    error->message[0] = '\0';
done:
    spur_detect_result_free(result);
    return status;
}

static spur_status run_detect(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    detect_job job = {.from = from, .screen = screen};
    image_list_begin(&job.list, from, screen);
    TRY(read_options(&job, error));
    TRY(read_queries(&job, error));
    TRY(open_detector(&job, error));
    TRY(encode_queries(&job, error));
    signals_catch_stop();
    TRY(image_list_each(&job.list, detect_image, &job, error));
    TRY(image_list_end(&job.list, error));
done:
    free(job.names);
    spur_query_free(job.query);
    spur_detector_close(job.detector);
    return status;
}

const command detect_command = {
    .name = "detect",
    .usage = "IMAGE... --detector MODEL --query TEXT...",
    .summary = "boxes for any text, or for what another picture shows",
    .description =
        "Prints the boxes whose score for a query is above the threshold, in pixels of the "
        "picture. An image that cannot be read is reported and the others go on. --raw "
        "writes everything the networks say, for comparison with other implementations.",
    .examples = "  spur detect cat.jpg --query 'a cat' --query 'a dog' --draw boxes.png\n"
                "  spur detect *.jpg --query-image part.png --top 5 --json\n",
    .groups = detect_groups,
    .least = 1,
    .most = SIZE_MAX,
    .run = run_detect};
