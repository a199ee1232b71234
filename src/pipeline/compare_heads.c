/*
 * compare_heads.c - McNemar's test and a paired bootstrap of two heads on the same images.
 */
#include "pipeline/compare_heads.h"

#include <math.h>

#include "base/statistics_tests.h"
#include "pipeline/rank_bootstrap.h"

/* Images of a class that both judged, and right ones of the second minus those of the first. */
typedef struct class_sums {
    double images, difference;
} class_sums;

static bool is_right(const prediction_set *of, uint64_t row)
{
    return (of->flags[row] & PREDICTION_CORRECT) != 0;
}

/* rows gets the class of every image that both judged. */
static void count(const image_pairs *images, const prediction_set *first,
                  const prediction_set *second, curve_rows *rows, class_sums *sums,
                  spur_compare_head *into)
{
    for (size_t i = 0; i < images->count; i++) {
        const image_pair *image = &images->items[i];
        unsigned flags = first->flags[image->first_row] & second->flags[image->second_row];
        if ((flags & PREDICTION_VALID) == 0) {
            continue;
        }
        bool by_first = is_right(first, image->first_row);
        bool by_second = is_right(second, image->second_row);
        into->images++;
        into->first_correct += by_first ? 1 : 0;
        into->second_correct += by_second ? 1 : 0;
        into->only_first += by_first && !by_second ? 1 : 0;
        into->only_second += by_second && !by_first ? 1 : 0;
        sums[image->class_index].images++;
        sums[image->class_index].difference += (by_second ? 1 : 0) - (by_first ? 1 : 0);
        rows->class_index[rows->count++] = (uint32_t)image->class_index;
    }
}

static spur_status draw_interval(const curve_rows *rows, const class_sums *sums,
                                 const spur_compare_options *options, spur_compare_head *into,
                                 spur_error *error)
{
    spur_status status;
    bootstrap_weights weights = {0, 0, NULL};
    bootstrap_interval interval;
    double *differences = NULL;
    TRY(bootstrap_weights_make(rows, options->seed, options->draws, options->threads, &weights,
                               error));
    TRY(memory_new(options->draws, sizeof *differences, &differences, error));
    for (size_t d = 0; d < options->draws; d++) {
        class_sums drawn = {0, 0};
        for (size_t c = 0; c < rows->class_count; c++) {
            double times = (double)weights.times[d * rows->class_count + c];
            drawn.images += times * sums[c].images;
            drawn.difference += times * sums[c].difference;
        }
        differences[d] = drawn.difference / drawn.images;
    }
    TRY(bootstrap_interval_of(differences, NULL, options->draws, &interval, error));
    into->low = interval.low;
    into->high = interval.high;
done:
    bootstrap_weights_free(&weights);
    memory_free(differences);
    return status;
}

static size_t classes_with_images(const class_sums *sums, size_t class_count)
{
    size_t with = 0;
    for (size_t c = 0; c < class_count; c++) {
        with += sums[c].images > 0 ? 1 : 0;
    }
    return with;
}

spur_status heads_compare(const image_pairs *images, size_t class_count,
                          const prediction_set *first, const prediction_set *second,
                          const spur_compare_options *options, spur_compare_head *out,
                          spur_error *error)
{
    spur_status status;
    curve_rows rows = {.class_count = class_count};
    class_sums *sums = NULL;
    TRY(memory_new(images->count, sizeof *rows.class_index, &rows.class_index, error));
    TRY(memory_new_zeroed(class_count, sizeof *sums, &sums, error));
    count(images, first, second, &rows, sums, out);
    out->exact = statistics_mcnemar_exact(out->only_first, out->only_second);
    out->mid = statistics_mcnemar_mid(out->only_first, out->only_second);
    out->difference = out->low = out->high = (double)NAN;
    if (out->images > 0) {
        out->difference =
            ((double)out->second_correct - (double)out->first_correct) / (double)out->images;
    }
    if (classes_with_images(sums, class_count) > 1 && options->draws > 0) {
        TRY(draw_interval(&rows, sums, options, out, error));
    }
done:
    curve_rows_free(&rows);
    memory_free(sums);
    return status;
}
