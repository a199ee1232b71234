/*
 * score_one.c - libspur in a program of your own: how visible is WHAT in one picture?
 *
 * cc score_one.c $(pkg-config --cflags --libs spur) -o score_one
 * ./score_one MODEL IMAGE "a photo of a cat."
 */
#include <spur.h>

#include <stdio.h>

/* The largest logit over all patches is the picture's score. */
static const spur_detection *best_of(const spur_detect_result *result)
{
    return result->detection_count > 0 ? &result->detections[0] : NULL;
}

static spur_status score(const char *model, const char *image, const char *text,
                         spur_error *error)
{
    spur_detector *detector = NULL;
    spur_query *query = NULL;
    spur_detect_result *result = NULL;
    spur_detect_options options;
    spur_detect_options_defaults(&options);
    options.threshold = 0.0F; /* the best box, however unsure */
    options.top = 1;

    spur_status status = spur_detector_open(model, NULL, &detector, error);
    if (status == SPUR_OK) {
        status = spur_query_from_text(detector, &text, 1, &query, error);
    }
    if (status == SPUR_OK) {
        status = spur_detect(detector, image, query, &options, &result, error);
    }
    const spur_detection *best = status == SPUR_OK ? best_of(result) : NULL;
    if (best != NULL) {
        printf("%.9g at %.0f %.0f %.0f %.0f\n", (double)best->logit, (double)best->box[0],
               (double)best->box[1], (double)best->box[2], (double)best->box[3]);
    }
    spur_detect_result_free(result);
    spur_query_free(query);
    spur_detector_close(detector);
    return status;
}

int main(int argc, char **argv)
{
    spur_error error;
    if (argc != 4) {
        fprintf(stderr, "usage: score_one MODEL IMAGE TEXT\n");
        return SPUR_USAGE;
    }
    spur_status status = score(argv[1], argv[2], argv[3], &error);
    if (status != SPUR_OK) {
        fprintf(stderr, "score_one: %s\n", error.message);
    }
    return (int)status;
}
