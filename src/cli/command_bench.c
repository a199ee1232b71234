/*
 * command_bench.c - spur bench: speed of a detector or backbone beside the machine's own
 * limit, measured in the same run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

static const option bench_table[] = {
    {"detector", 'd', OPTION_PATH, "MODEL", "model folder or hub id (default $SPUR_DETECTOR)",
     false},
    {"backbone", 'b', OPTION_PATH, "MODEL",
     "a classifier instead: folder, weight file or hub id; 8 images a batch", false},
    {"head", 0, OPTION_TEXT, "N,D,K",
     "the last layer's solver instead: N rows of D features, K classes", false},
    {"tolerance", 0, OPTION_NUMBER, "T",
     "of --head: certified gap against the objective (default 1e-6)", false},
    {"image", 0, OPTION_PATH, "IMAGE", "picture to time (default a generated one)", false},
    {"seconds", 0, OPTION_NUMBER, "S", "about how long to measure (default 20)", false},
    {"threads", 'j', OPTION_COUNT, "N", "worker threads (default all processors)", false},
    {0}};
static const option_group bench_group = {"Bench", bench_table};
static const option_group *const bench_groups[] = {&bench_group, &json_options, &screen_options,
                                                   NULL};

static void print_json(const spur_bench_result *result)
{
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_count(&json, "threads", result->threads);
    json_put_number(&json, "seconds_per_image", result->seconds_per_image);
    json_put_number(&json, "images_per_second", result->images_per_second);
    json_put_number(&json, "decode_seconds", result->decode_seconds);
    json_put_number(&json, "preprocess_seconds", result->preprocess_seconds);
    json_put_number(&json, "network_seconds", result->network_seconds);
    json_put_number(&json, "gflops", result->gflops);
    json_put_number(&json, "matrix_gflops", result->matrix_gflops);
    json_put_number(&json, "matrix_gflops_one", result->matrix_gflops_one);
    json_put_number(&json, "gmac_per_image", result->gmac_per_image);
    json_put_count(&json, "resident_bytes", result->resident_bytes);
    json_put_count(&json, "packed_bytes", result->packed_bytes);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static void print_table(const spur_bench_result *result)
{
    double share = result->matrix_gflops > 0.0 ? result->gflops / result->matrix_gflops : 0.0;
    (void)printf("%-22s %10.4g images/s on %zu threads\n", "throughput",
                 result->images_per_second, result->threads);
    (void)printf("%-22s %10.4g s per image, one worker\n", "latency",
                 result->seconds_per_image);
    (void)printf("%-22s %10.4g s\n", "  decode", result->decode_seconds);
    (void)printf("%-22s %10.4g s\n", "  preprocess", result->preprocess_seconds);
    (void)printf("%-22s %10.4g s (%.4g GMAC)\n", "  network", result->network_seconds,
                 result->gmac_per_image);
    (void)printf("%-22s %10.4g GFLOP/s\n", "network rate", result->gflops);
    (void)printf("%-22s %10.4g GFLOP/s (%.4g on one thread)\n", "matrix products",
                 result->matrix_gflops, result->matrix_gflops_one);
    (void)printf("%-22s %10.3g of the matrix rate\n", "share", share);
    (void)printf("%-22s %10.4g MB (%.4g MB packed weights)\n", "memory",
                 (double)result->resident_bytes / 1e6, (double)result->packed_bytes / 1e6);
}

/* "20000,2048,200" */
static spur_status read_sizes(const char *text, size_t sizes[3], spur_error *error)
{
    const char *at = text;
    for (size_t i = 0; i < 3; i++) {
        char *end = NULL;
        errno = 0;
        unsigned long value = strtoul(at, &end, 10);
        if (*at < '0' || *at > '9' || errno != 0 || value == 0 ||
            *end != (i < 2 ? ',' : '\0')) {
            return failure_set(error, SPUR_USAGE,
                               "--head: expected rows,features,classes, not '%s'", text);
        }
        sizes[i] = value;
        at = end + 1;
    }
    return SPUR_OK;
}

static void print_head(const spur_bench_head_result *result, bool as_json)
{
    json_printer json = {.to = stdout};
    if (!as_json) {
        (void)printf("%-22s %10.4g s on %zu threads (%.4g s before the first step)\n", "solved",
                     result->seconds, result->threads, result->prepare_seconds);
        (void)printf("%-22s %10zu Newton steps, %zu passes over the rows\n", "work",
                     result->steps, result->products);
        (void)printf("%-22s %10.9g, at most %.2g above the optimum\n", "objective",
                     result->objective, result->gap);
        (void)printf("%-22s %10.4g GFLOP/s\n", "matrix products", result->matrix_gflops);
        return;
    }
    json_put_open(&json, NULL, '{');
    json_put_count(&json, "threads", result->threads);
    json_put_number(&json, "seconds", result->seconds);
    json_put_number(&json, "prepare_seconds", result->prepare_seconds);
    json_put_count(&json, "steps", result->steps);
    json_put_count(&json, "products", result->products);
    json_put_number(&json, "objective", result->objective);
    json_put_number(&json, "objective_gap", result->gap);
    json_put_number(&json, "matrix_gflops", result->matrix_gflops);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static spur_status bench_head(const arguments *from, size_t threads, spur_error *error)
{
    spur_status status;
    spur_bench_head_result result;
    size_t sizes[3] = {0};
    TRY(read_sizes(argument_text(from, "head"), sizes, error));
    TRY(spur_bench_head(sizes[0], sizes[1], sizes[2], threads,
                        argument_number(from, "tolerance", 1e-6), &result, error));
    print_head(&result, argument_flag(from, "json"));
done:
    return status;
}

static spur_status run_bench(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *detector = NULL, *backbone = argument_text(from, "backbone");
    const char *picture = argument_text(from, "image");
    size_t threads = 0;
    (void)screen;
    spur_bench_result result;
    double seconds = argument_number(from, "seconds", 20.0);
    TRY(read_threads(from, &threads, error));
    if (argument_text(from, "head") != NULL) {
        return bench_head(from, threads, error);
    }
    if (backbone == NULL) {
        TRY(read_detector_path(from, &detector, error));
    } else if (argument_text(from, "detector") != NULL) {
        FAIL(SPUR_USAGE, "--backbone and --detector: one of them is timed, not both");
    }
    if (!(seconds > 0.0 && seconds <= 86400.0)) {
        FAIL(SPUR_USAGE, "--seconds: must be above 0 and at most 86400");
    }
    if (backbone != NULL) {
        TRY(spur_bench_backbone(backbone, picture, threads, seconds, &result, error));
    } else {
        TRY(spur_bench_detector(detector, picture, threads, seconds, &result, error));
    }
    if (argument_flag(from, "json")) {
        print_json(&result);
    } else {
        print_table(&result);
    }
done:
    return status;
}

const command bench_command = {
    .name = "bench",
    .usage = "--detector MODEL | --backbone MODEL | --head N,D,K [OPTION]...",
    .summary = "speed, and share of what the machine can do",
    .description =
        "Times a detector or a backbone on one picture and, in the same run, plain "
        "matrix products on as many threads: the share is what the network reaches of "
        "the machine's own rate. With --head it times the solver of spur retrain on made-up "
        "features.",
    .examples = "  spur bench --detector google/owlvit-base-patch32 --seconds 30\n"
                "  spur bench --backbone resnet50/ -j 1\n",
    .groups = bench_groups,
    .least = 0,
    .most = 0,
    .run = run_bench};
