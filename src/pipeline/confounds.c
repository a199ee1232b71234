/*
 * confounds.c - gaps inside strata, and partial correlations of places in class.
 */
#include "pipeline/confounds.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/statistics_ranks.h"

#define NORMAL_975 1.959963984540054
#define PIVOT_LEAST 1e-10 /* of a number's own variance: less is rounding */

enum {
    VARIABLES = CONFOUND_MOST + 2 /* rank and right come first */
};

/* ---- strata ------------------------------------------------------------------------------ */

double confound_gap_value(const confound_gap *of)
{
    return of->n == 0 ? (double)NAN : ((double)of->clear - (double)of->hidden) / (double)of->n;
}

static void add_gap(const confound_gap *from, confound_gap *into)
{
    into->images += from->images;
    into->n += from->n;
    into->clear += from->clear;
    into->hidden += from->hidden;
}

confound_gap confound_gap_sum(const confound_gap *classes, size_t class_count, size_t stratum)
{
    confound_gap sum = {0, 0, 0, 0};
    for (size_t c = 0; c < class_count; c++) {
        for (size_t s = 0; s < CONFOUND_STRATA; s++) {
            if (s == stratum || stratum == CONFOUND_STRATA) {
                add_gap(&classes[c * CONFOUND_STRATA + s], &sum);
            }
        }
    }
    return sum;
}

/* One class: its images that have a number, in rising rank. */
typedef struct class_room {
    double *numbers, *ranks;
    unsigned char *correct;
    size_t *stratum;
    size_t count;
} class_room;

static void room_free(class_room *block)
{
    memory_free(block->numbers);
    memory_free(block->ranks);
    memory_free(block->correct);
    memory_free(block->stratum);
}

static size_t largest_class(const confound_rows *rows)
{
    size_t largest = 0;
    for (size_t c = 0; c < rows->class_count; c++) {
        size_t size = rows->first[c + 1] - rows->first[c];
        largest = size > largest ? size : largest;
    }
    return largest;
}

static spur_status room_make(size_t size, class_room *out, spur_error *error)
{
    spur_status status;
    TRY(memory_new(size, sizeof *out->numbers, &out->numbers, error));
    TRY(memory_new(size, sizeof *out->ranks, &out->ranks, error));
    TRY(memory_new(size, sizeof *out->correct, &out->correct, error));
    TRY(memory_new(size, sizeof *out->stratum, &out->stratum, error));
done:
    return status;
}

static void fill_room(const confound_rows *rows, size_t class_index, const double *numbers,
                      class_room *into)
{
    into->count = 0;
    for (size_t i = rows->first[class_index]; i < rows->first[class_index + 1]; i++) {
        if (!isnan(numbers[i])) {
            into->numbers[into->count] = numbers[i];
            into->correct[into->count++] = rows->correct[i];
        }
    }
}

/* round(ends s / m), halves upwards, between 1 and half of s. */
static uint64_t ends_of(uint64_t ends, uint64_t s, uint64_t m)
{
    uint64_t wanted = m == 0 ? 0 : (2 * ends * s + m) / (2 * m);
    wanted = wanted == 0 ? 1 : wanted;
    return wanted < s / 2 ? wanted : s / 2;
}

static void count_stratum(const class_room *room, size_t stratum, uint64_t ends,
                          confound_gap *out)
{
    uint64_t seen = 0;
    *out = (confound_gap){0, 0, 0, 0};
    for (size_t i = 0; i < room->count; i++) {
        out->images += room->stratum[i] == stratum ? 1 : 0;
    }
    out->n = ends == 0 ? 0 : ends_of(ends, out->images, room->count);
    for (size_t i = 0; i < room->count; i++) {
        if (room->stratum[i] == stratum) {
            out->hidden += seen < out->n ? room->correct[i] : 0;
            out->clear += seen >= out->images - out->n ? room->correct[i] : 0;
            seen++;
        }
    }
}

static spur_status stratify_class(class_room *room, uint64_t ends, confound_gap *out,
                                  spur_error *error)
{
    spur_status status = statistics_ranks(room->numbers, room->count, room->ranks, error);
    if (status != SPUR_OK) {
        return status;
    }
    for (size_t i = 0; i < room->count; i++) {
        /* Twice the average rank is a whole number: no rounding decides a stratum. */
        uint64_t doubled = (uint64_t)(2 * room->ranks[i]) - 1;
        room->stratum[i] = (size_t)(doubled * CONFOUND_STRATA / (2 * (uint64_t)room->count));
    }
    for (size_t s = 0; s < CONFOUND_STRATA; s++) {
        count_stratum(room, s, ends, &out[s]);
    }
    return SPUR_OK;
}

spur_status confound_strata(const confound_rows *rows, const double *numbers,
                            confound_gap *classes, spur_error *error)
{
    spur_status status;
    class_room room = {.count = 0};
    TRY(room_make(largest_class(rows), &room, error));
    for (size_t c = 0; c < rows->class_count; c++) {
        fill_room(rows, c, numbers, &room);
        TRY(stratify_class(&room, rows->ends[c], classes + c * CONFOUND_STRATA, error));
    }
done:
    room_free(&room);
    return status;
}

/* ---- correlation ------------------------------------------------------------------------- */

/* Sums of products of the centred places of all variables. */
typedef struct products {
    size_t count; /* variables */
    double sum[VARIABLES][VARIABLES];
} products;

typedef struct place_room {
    double *values[VARIABLES + 1]; /* [largest class]; the last is scratch */
    size_t count;
} place_room;

static bool has_all(const double *const *numbers, size_t count, size_t image)
{
    for (size_t j = 0; j < count; j++) {
        if (isnan(numbers[j][image])) {
            return false;
        }
    }
    return true;
}

/* Values of the images of a class that have all numbers: order, right, numbers. */
static void gather(const confound_rows *rows, size_t class_index, const double *const *numbers,
                   size_t count, place_room *into)
{
    into->count = 0;
    for (size_t i = rows->first[class_index]; i < rows->first[class_index + 1]; i++) {
        if (!has_all(numbers, count, i)) {
            continue;
        }
        into->values[0][into->count] = (double)into->count;
        into->values[1][into->count] = rows->correct[i];
        for (size_t j = 0; j < count; j++) {
            into->values[j + 2][into->count] = numbers[j][i];
        }
        into->count++;
    }
}

/* Values become places minus their mean, which is 1/2. */
static spur_status centre(place_room *room, size_t variables, spur_error *error)
{
    spur_status status = SPUR_OK;
    double size = (double)room->count;
    for (size_t v = 0; v < variables; v++) {
        double *ranks = room->values[variables];
        TRY(statistics_ranks(room->values[v], room->count, ranks, error));
        for (size_t i = 0; i < room->count; i++) {
            room->values[v][i] = (ranks[i] - 0.5) / size - 0.5;
        }
    }
done:
    return status;
}

static void add_products(const place_room *room, products *into)
{
    for (size_t a = 0; a < into->count; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t i = 0; i < room->count; i++) {
                sum += room->values[a][i] * room->values[b][i];
            }
            into->sum[a][b] += sum;
            into->sum[b][a] = into->sum[a][b];
        }
    }
}

/* Takes off of all others what is linear in variable v; false when nothing is left of v. */
static bool take_off(products *from, size_t v, double own_variance)
{
    double pivot = from->sum[v][v];
    if (!(pivot > PIVOT_LEAST * own_variance)) {
        return false;
    }
    for (size_t a = 0; a < from->count; a++) {
        double share = from->sum[a][v] / pivot;
        for (size_t b = 0; a != v && b < from->count; b++) {
            from->sum[a][b] -= b == v ? 0 : share * from->sum[v][b];
        }
    }
    for (size_t a = 0; a < from->count; a++) {
        from->sum[a][v] = from->sum[v][a] = 0;
    }
    return true;
}

static void add_interval(confound_correlation *into)
{
    double r = into->value;
    into->low = into->high = (double)NAN;
    if (fabs(r) < 1 && into->freedom > 1) {
        double reach = NORMAL_975 * sqrt((1 + r * r / 2) / (into->freedom - 1));
        into->low = tanh(atanh(r) - reach);
        into->high = tanh(atanh(r) + reach);
    }
}

static void correlate(products *from, confound_correlation *into)
{
    double own[VARIABLES] = {0};
    for (size_t v = 0; v < from->count; v++) {
        own[v] = from->sum[v][v];
    }
    for (size_t v = 2; v < from->count; v++) {
        into->given += take_off(from, v, own[v]) ? 1 : 0;
    }
    double x = from->sum[0][0], y = from->sum[1][1];
    bool is_there = x > PIVOT_LEAST * own[0] && y > PIVOT_LEAST * own[1];
    double value = is_there ? from->sum[0][1] / sqrt(x * y) : (double)NAN;
    into->value = value > 1 ? 1 : value < -1 ? -1 : value;
}

spur_status confound_correlate(const confound_rows *rows, const double *const *numbers,
                               size_t count, confound_correlation *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    place_room room = {.count = 0};
    products sums = {.count = count + 2};
    confound_correlation made = {.value = (double)NAN};
    size_t largest = largest_class(rows), classes = 0;
    for (size_t v = 0; v <= sums.count; v++) {
        TRY(memory_new(largest, sizeof(double), &room.values[v], error));
    }
    for (size_t c = 0; c < rows->class_count; c++) {
        gather(rows, c, numbers, count, &room);
        TRY(centre(&room, sums.count, error));
        add_products(&room, &sums);
        made.images += room.count;
        classes += room.count > 0 ? 1 : 0;
    }
    correlate(&sums, &made);
    made.freedom = (double)made.images - (double)classes - (double)made.given - 1;
    add_interval(&made);
    *out = made;
done:
    for (size_t v = 0; v <= sums.count; v++) {
        memory_free(room.values[v]);
    }
    return status;
}
