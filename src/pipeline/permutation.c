/*
 * permutation.c - shuffled ranks: a partial Fisher-Yates shuffle per class and draw.
 *
 * Right answers of eight heads are added at once, one byte each of a 64-bit word, and moved to
 * wider sums before a byte can overflow.
 */
#include "pipeline/permutation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/statistics_tests.h"

enum {
    LANES = 8,        /* heads in a word */
    LANE_MOST = 255,  /* images added before a lane is full */
    BAND_PERCENT = 95 /* of the shuffles lie inside the band */
};

/* Right answers of one head at both ends, over some classes. */
typedef struct end_sums {
    uint64_t clear, hidden;
} end_sums;

typedef struct end_sizes {
    uint64_t clear, hidden;
} end_sizes;

typedef struct worker_room {
    uint32_t *order;  /* [largest class] */
    end_sums *sums;   /* [head_count] of the class at hand */
    uint32_t *exceed; /* [class_count, head_count] shuffles at least as far apart */
    uint64_t *lanes;  /* [words] */
} worker_room;

typedef struct permutation_job {
    const permutation_rows *rows;
    random_key key;
    size_t words;         /* of packed heads per image */
    uint64_t *packed;     /* [images, words] */
    uint32_t *identity;   /* [largest class] 0, 1, ... */
    end_sums *seen;       /* [class_count, head_count] with the real ranks */
    uint64_t *seen_apart; /* the same, apart() of them */
    worker_room *rooms;
    size_t draws;
    uint64_t *all, *counted; /* [draws, head_count] apart() of the totals */
    end_sizes all_size, counted_size;
} permutation_job;

/* |gap| times the product of both ends' sizes: whole, so that equal gaps compare equal. */
static uint64_t apart(end_sums sums, end_sizes sizes)
{
    uint64_t clear = sums.clear * sizes.hidden, hidden = sums.hidden * sizes.clear;
    return clear > hidden ? clear - hidden : hidden - clear;
}

static end_sizes sizes_of(const permutation_rows *rows, size_t class_index)
{
    return (end_sizes){rows->clear[class_index], rows->hidden[class_index]};
}

static bool is_counted(const permutation_rows *rows, size_t class_index)
{
    return rows->is_counted == NULL || rows->is_counted[class_index] != 0;
}

/* ---- drawing ----------------------------------------------------------------------------- */

typedef struct word_stream {
    random_key key;
    uint64_t high, low;
    uint32_t words[4];
    size_t used;
} word_stream;

static uint32_t next_word(word_stream *from)
{
    if (from->used == 4) {
        random_words(from->key, from->high, from->low++, from->words);
        from->used = 0;
    }
    return from->words[from->used++];
}

/* Uniform in [0, bound), without bias: Lemire, ACM Transactions on Modeling and Computer
 * Simulation 29 (2019), article 3. */
static uint32_t below(word_stream *from, uint32_t bound)
{
    uint64_t product = (uint64_t)next_word(from) * bound;
    if ((uint32_t)product < bound) {
        uint32_t least = (UINT32_MAX - bound + 1) % bound;
        while ((uint32_t)product < least) {
            product = (uint64_t)next_word(from) * bound;
        }
    }
    return (uint32_t)(product >> 32);
}

/* The first `count` of order[0 .. size-1] become a random choice in random order. */
static void shuffle(word_stream *from, uint32_t *order, uint32_t size, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = i + below(from, size - i);
        uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* ---- counting ---------------------------------------------------------------------------- */

static void empty_lanes(const permutation_job *job, uint64_t *lanes, end_sums *sums,
                        bool is_clear)
{
    for (size_t h = 0; h < job->rows->head_count; h++) {
        uint64_t lane = lanes[h / LANES] >> (h % LANES * 8) & 0xFF;
        *(is_clear ? &sums[h].clear : &sums[h].hidden) += lane;
    }
    memset(lanes, 0, job->words * sizeof *lanes);
}

/* Adds the right answers of images order[0 .. count-1] of a class that begins at `first`. */
static void add_images(const permutation_job *job, size_t first, const uint32_t *order,
                       size_t count, worker_room *room, bool is_clear)
{
    size_t words = job->words, filled = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t *image = job->packed + (first + order[i]) * words;
        for (size_t w = 0; w < words; w++) {
            room->lanes[w] += image[w];
        }
        if (++filled == LANE_MOST) {
            empty_lanes(job, room->lanes, room->sums, is_clear);
            filled = 0;
        }
    }
    empty_lanes(job, room->lanes, room->sums, is_clear);
}

/* Right answers at both ends of one class, of the images that stand first in the order. */
static void count_ends(const permutation_job *job, size_t class_index, const uint32_t *clear,
                       const uint32_t *hidden, worker_room *room)
{
    const permutation_rows *rows = job->rows;
    size_t first = rows->first[class_index];
    memset(room->sums, 0, rows->head_count * sizeof *room->sums);
    add_images(job, first, clear, rows->clear[class_index], room, true);
    add_images(job, first, hidden, rows->hidden[class_index], room, false);
}

static void compare_class(const permutation_job *job, size_t class_index, worker_room *room)
{
    size_t heads = job->rows->head_count;
    end_sizes sizes = sizes_of(job->rows, class_index);
    for (size_t h = 0; h < heads; h++) {
        size_t at = class_index * heads + h;
        room->exceed[at] += apart(room->sums[h], sizes) >= job->seen_apart[at];
    }
}

static void add_sums(const end_sums *from, size_t heads, end_sums *into)
{
    for (size_t h = 0; h < heads; h++) {
        into[h].clear += from[h].clear;
        into[h].hidden += from[h].hidden;
    }
}

static spur_status run_draw(void *context, size_t worker, size_t draw, spur_error *error)
{
    spur_status status;
    permutation_job *job = context;
    const permutation_rows *rows = job->rows;
    worker_room *room = &job->rooms[worker];
    size_t heads = rows->head_count;
    end_sums *totals = NULL;
    TRY(memory_new_zeroed(2 * heads, sizeof *totals, &totals, error));
    for (size_t c = 0; c < rows->class_count; c++) {
        uint32_t size = (uint32_t)(rows->first[c + 1] - rows->first[c]);
        uint32_t ends = rows->clear[c] + rows->hidden[c];
        word_stream stream = {job->key, draw, (uint64_t)c << 32, {0}, 4};
        if (ends == 0) {
            continue;
        }
        memcpy(room->order, job->identity, size * sizeof *room->order);
        shuffle(&stream, room->order, size, ends);
        count_ends(job, c, room->order, room->order + rows->clear[c], room);
        compare_class(job, c, room);
        add_sums(room->sums, heads, totals);
        if (is_counted(rows, c)) {
            add_sums(room->sums, heads, totals + heads);
        }
    }
    for (size_t h = 0; h < heads; h++) {
        job->all[draw * heads + h] = apart(totals[h], job->all_size);
        job->counted[draw * heads + h] = apart(totals[heads + h], job->counted_size);
    }
done:
    memory_free(totals);
    return status;
}

/* ---- with the real ranks ----------------------------------------------------------------- */

static void count_real(permutation_job *job)
{
    const permutation_rows *rows = job->rows;
    size_t heads = rows->head_count;
    worker_room *room = &job->rooms[0];
    for (size_t c = 0; c < rows->class_count; c++) {
        size_t size = rows->first[c + 1] - rows->first[c];
        end_sizes sizes = sizes_of(rows, c);
        count_ends(job, c, job->identity + size - rows->clear[c], job->identity, room);
        for (size_t h = 0; h < heads; h++) {
            job->seen[c * heads + h] = room->sums[h];
            job->seen_apart[c * heads + h] = apart(room->sums[h], sizes);
        }
        job->all_size.clear += sizes.clear;
        job->all_size.hidden += sizes.hidden;
        job->counted_size.clear += is_counted(rows, c) ? sizes.clear : 0;
        job->counted_size.hidden += is_counted(rows, c) ? sizes.hidden : 0;
    }
}

static double gap_of(end_sums sums, end_sizes sizes)
{
    if (sizes.clear == 0 || sizes.hidden == 0) {
        return (double)NAN;
    }
    return (double)sums.clear / (double)sizes.clear -
           (double)sums.hidden / (double)sizes.hidden;
}

/* ---- results ----------------------------------------------------------------------------- */

static permutation_gap gap_with(double gap, size_t exceed, size_t draws)
{
    double p = (1 + (double)exceed) / (1 + (double)draws);
    return (permutation_gap){gap, isnan(gap) ? gap : p};
}

static int compare_counts(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void finish_head(const permutation_job *job, size_t head, uint64_t *sorted,
                        permutation_head *out)
{
    const permutation_rows *rows = job->rows;
    size_t heads = rows->head_count, all_exceed = 0, counted_exceed = 0;
    end_sums all = {0, 0}, counted = {0, 0};
    for (size_t c = 0; c < rows->class_count; c++) {
        add_sums(&job->seen[c * heads + head], 1, &all);
        add_sums(&job->seen[c * heads + head], is_counted(rows, c) ? 1 : 0, &counted);
    }
    uint64_t all_seen = apart(all, job->all_size);
    uint64_t counted_seen = apart(counted, job->counted_size);
    for (size_t d = 0; d < job->draws; d++) {
        sorted[d] = job->all[d * heads + head];
        all_exceed += sorted[d] >= all_seen;
        counted_exceed += job->counted[d * heads + head] >= counted_seen;
    }
    out->all = gap_with(gap_of(all, job->all_size), all_exceed, job->draws);
    out->counted = gap_with(gap_of(counted, job->counted_size), counted_exceed, job->draws);
    out->band = (double)NAN;
    if (!isnan(out->all.gap) && job->draws > 0) {
        qsort(sorted, job->draws, sizeof *sorted, compare_counts);
        double product = (double)job->all_size.clear * (double)job->all_size.hidden;
        size_t place = (job->draws * BAND_PERCENT + 99) / 100;
        out->band = (double)sorted[place - 1] / product;
    }
}

static void finish_classes(const permutation_job *job, size_t threads, permutation_gap *out)
{
    size_t heads = job->rows->head_count;
    for (size_t i = 0; i < job->rows->class_count * heads; i++) {
        size_t exceed = 0;
        for (size_t t = 0; t < threads; t++) {
            exceed += job->rooms[t].exceed[i];
        }
        out[i] =
            gap_with(gap_of(job->seen[i], sizes_of(job->rows, i / heads)), exceed, job->draws);
    }
}

/* Holm over the classes of each head that have a gap. */
static spur_status adjust(const permutation_rows *rows, const permutation_result *from,
                          spur_error *error)
{
    spur_status status;
    double *p = NULL;
    size_t heads = rows->head_count;
    TRY(memory_new(rows->class_count, sizeof *p, &p, error));
    for (size_t h = 0; h < heads; h++) {
        size_t count = 0;
        for (size_t c = 0; c < rows->class_count; c++) {
            double own = from->classes[c * heads + h].p;
            from->holm[c * heads + h] = own;
            p[count] = own;
            count += isnan(own) ? 0 : 1;
        }
        TRY(statistics_adjust(STATISTICS_HOLM, p, count, p, error));
        count = 0;
        for (size_t c = 0; c < rows->class_count; c++) {
            double *to = &from->holm[c * heads + h];
            *to = isnan(*to) ? *to : p[count++];
        }
    }
done:
    memory_free(p);
    return status;
}

void permutation_result_free(permutation_result *block)
{
    if (block != NULL) {
        memory_free(block->heads);
        memory_free(block->classes);
        memory_free(block->holm);
        memset(block, 0, sizeof *block);
    }
}

static spur_status finish(permutation_job *job, size_t threads, permutation_result *out,
                          spur_error *error)
{
    spur_status status;
    permutation_result made = {NULL, NULL, NULL};
    uint64_t *sorted = NULL;
    size_t heads = job->rows->head_count, cells = job->rows->class_count * heads;
    TRY(memory_new(heads, sizeof *made.heads, &made.heads, error));
    TRY(memory_new(cells, sizeof *made.classes, &made.classes, error));
    TRY(memory_new(cells, sizeof *made.holm, &made.holm, error));
    TRY(memory_new(job->draws, sizeof *sorted, &sorted, error));
    for (size_t h = 0; h < heads; h++) {
        finish_head(job, h, sorted, &made.heads[h]);
    }
    finish_classes(job, threads, made.classes);
    TRY(adjust(job->rows, &made, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    memory_free(sorted);
    permutation_result_free(&made);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------- */

static size_t largest_class(const permutation_rows *rows)
{
    size_t largest = 0;
    for (size_t c = 0; c < rows->class_count; c++) {
        size_t size = rows->first[c + 1] - rows->first[c];
        largest = size > largest ? size : largest;
    }
    return largest;
}

static spur_status pack(permutation_job *job, spur_error *error)
{
    spur_status status;
    size_t heads = job->rows->head_count, images = job->rows->first[job->rows->class_count];
    size_t cells = 0;
    job->words = (heads + LANES - 1) / LANES;
    if (!size_mul(images, job->words, &cells)) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new_zeroed(cells, sizeof *job->packed, &job->packed, error));
    for (size_t i = 0; i < images; i++) {
        for (size_t h = 0; h < heads; h++) {
            job->packed[i * job->words + h / LANES] |=
                (uint64_t)(job->rows->correct[i * heads + h] != 0) << (h % LANES * 8);
        }
    }
done:
    return status;
}

static spur_status make_rooms(permutation_job *job, size_t threads, spur_error *error)
{
    spur_status status;
    size_t heads = job->rows->head_count, cells = job->rows->class_count * heads;
    size_t largest = largest_class(job->rows);
    if (largest > UINT32_MAX) {
        return error_no_memory(error, SIZE_MAX);
    }
    TRY(memory_new_zeroed(threads, sizeof *job->rooms, &job->rooms, error));
    for (size_t t = 0; t < threads; t++) {
        worker_room *room = &job->rooms[t];
        TRY(memory_new(largest, sizeof *room->order, &room->order, error));
        TRY(memory_new(heads, sizeof *room->sums, &room->sums, error));
        TRY(memory_new_zeroed(cells, sizeof *room->exceed, &room->exceed, error));
        TRY(memory_new_zeroed(job->words, sizeof *room->lanes, &room->lanes, error));
    }
    TRY(memory_new(largest, sizeof *job->identity, &job->identity, error));
    for (size_t i = 0; i < largest; i++) {
        job->identity[i] = (uint32_t)i;
    }
    TRY(memory_new(cells, sizeof *job->seen, &job->seen, error));
    TRY(memory_new(cells, sizeof *job->seen_apart, &job->seen_apart, error));
    TRY(memory_new(job->draws, heads * sizeof *job->all, &job->all, error));
    TRY(memory_new(job->draws, heads * sizeof *job->counted, &job->counted, error));
done:
    return status;
}

static void job_free(permutation_job *job, size_t threads)
{
    for (size_t t = 0; job->rooms != NULL && t < threads; t++) {
        memory_free(job->rooms[t].order);
        memory_free(job->rooms[t].sums);
        memory_free(job->rooms[t].exceed);
        memory_free(job->rooms[t].lanes);
    }
    memory_free(job->rooms);
    memory_free(job->packed);
    memory_free(job->identity);
    memory_free(job->seen);
    memory_free(job->seen_apart);
    memory_free(job->all);
    memory_free(job->counted);
}

spur_status permutation_run(const permutation_rows *rows, uint64_t seed, size_t draws,
                            size_t threads, permutation_result *out, spur_error *error)
{
    spur_status status;
    permutation_job job = {
        .rows = rows, .key = random_key_make(seed, "permutation"), .draws = draws};
    threads = threads == 0 ? parallel_processors() : threads;
    TRY(pack(&job, error));
    TRY(make_rooms(&job, threads, error));
    count_real(&job);
    TRY(parallel_for(threads, draws, run_draw, &job, error));
    TRY(finish(&job, threads, out, error));
done:
    job_free(&job, threads);
    return status;
}
