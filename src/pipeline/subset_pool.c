/*
 * subset_pool.c - which images of a class are clear, mid, hidden, or drawn.
 *
 * A drawn image's number is Philox at the counter image id, a bijection: images of different
 * ids never tie, and the k smallest are the first of the k + 1 smallest, so a smaller random
 * subset of a seed lies inside a larger one.
 */
#include "pipeline/subset_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

spur_status subset_pool_make(const ranking *from, size_t class_count,
                             const unsigned char *is_out, subset_pool *out, spur_error *error)
{
    spur_status status;
    subset_pool made = {NULL, class_count, NULL};
    size_t used = 0;
    TRY(memory_new(from->count, sizeof *made.images, &made.images, error));
    TRY(memory_new_zeroed(class_count + 1, sizeof *made.first, &made.first, error));
    for (size_t c = 0; c < class_count; c++) {
        for (size_t i = from->first[c]; i < from->first[c + 1]; i++) {
            const rank_entry *entry = &from->entries[i];
            if (!is_out[entry->row]) {
                made.images[used++] =
                    (pool_image){entry->row, i - from->first[c] + 1, entry->image_id};
            }
        }
        made.first[c + 1] = used;
    }
    *out = made;
    memset(&made, 0, sizeof made);
done:
    subset_pool_free(&made);
    return status;
}

void subset_pool_free(subset_pool *block)
{
    memory_free(block->images);
    memory_free(block->first);
    block->images = NULL;
    block->first = NULL;
}

/* ---- drawing ------------------------------------------------------------------------- */

typedef struct lot {
    uint32_t number[4];
    const pool_image *image;
} lot;

static uint64_t read_big(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static random_key class_key(uint64_t seed, size_t class_index)
{
    uint32_t words[4];
    random_words(random_key_make(seed, "subset"), 0, class_index, words);
    return (random_key){{words[0], words[1]}};
}

/* The same path twice in a split has one id: then the row decides. */
static int compare_lots(const void *a, const void *b)
{
    const lot *left = a;
    const lot *right = b;
    for (size_t i = 0; i < 4; i++) {
        if (left->number[i] != right->number[i]) {
            return left->number[i] < right->number[i] ? -1 : 1;
        }
    }
    return (left->image->row > right->image->row) - (left->image->row < right->image->row);
}

static spur_status draw_lots(const pool_image *images, size_t count, random_key key, lot **out,
                             spur_error *error)
{
    spur_status status = memory_new(count, sizeof **out, out, error);
    for (size_t i = 0; status == SPUR_OK && i < count; i++) {
        const unsigned char *id = images[i].image_id;
        lot *one = &(*out)[i];
        random_words(key, read_big(id), read_big(id + 8), one->number);
        one->image = &images[i];
    }
    if (status == SPUR_OK && count > 1) {
        qsort(*out, count, sizeof **out, compare_lots);
    }
    return status;
}

/* ---- choosing ------------------------------------------------------------------------ */

static store_member member_of(const pool_image *image, size_t class_index)
{
    return (store_member){image->row, class_index, image->rank};
}

static spur_status pick_random(const pool_image *images, size_t count, size_t wanted,
                               random_key key, size_t class_index, store_member *members,
                               spur_error *error)
{
    lot *lots = NULL;
    spur_status status = draw_lots(images, count, key, &lots, error);
    for (size_t i = 0; status == SPUR_OK && i < wanted; i++) {
        members[i] = member_of(lots[i].image, class_index);
    }
    memory_free(lots);
    return status;
}

static size_t window_start(subset_kind kind, size_t count, size_t wanted)
{
    return kind == SUBSET_CLEAR ? count - wanted
           : kind == SUBSET_MID ? (count - wanted) / 2
                                : 0;
}

static spur_status pick_class(const subset_pool *from, const subset_key *key,
                              size_t class_index, size_t wanted, store_member *members,
                              spur_error *error)
{
    const pool_image *images = from->images + from->first[class_index];
    size_t count = from->first[class_index + 1] - from->first[class_index];
    if (key->kind == SUBSET_RANDOM) {
        return pick_random(images, count, wanted, class_key(key->seed, class_index),
                           class_index, members, error);
    }
    size_t start = window_start(key->kind, count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        members[i] = member_of(&images[start + i], class_index);
    }
    return SPUR_OK;
}

static int compare_members(const void *a, const void *b)
{
    const store_member *left = a;
    const store_member *right = b;
    return (left->row > right->row) - (left->row < right->row);
}

spur_status subset_pool_pick(const subset_pool *from, const subset_key *key,
                             store_member **members, size_t *count, uint64_t *class_images,
                             spur_error *error)
{
    spur_status status;
    store_member *made = NULL;
    size_t used = 0;
    TRY(memory_new(from->first[from->class_count], sizeof *made, &made, error));
    for (size_t c = 0; c < from->class_count; c++) {
        size_t wanted = (size_t)subset_size(key, from->first[c + 1] - from->first[c]);
        TRY(pick_class(from, key, c, wanted, made + used, error));
        class_images[c] = wanted;
        used += wanted;
    }
    if (used > 1) {
        qsort(made, used, sizeof *made, compare_members);
    }
    *members = made;
    *count = used;
    made = NULL;
done:
    memory_free(made);
    return status;
}
