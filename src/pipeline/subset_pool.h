/*
 * subset_pool.h - the images subsets are chosen from, and the choice: a pure function of the
 * ranking, the images left out and the subset's name.
 */
#ifndef PIPELINE_SUBSET_POOL_H
#define PIPELINE_SUBSET_POOL_H

#include "io/store_subsets.h"
#include "pipeline/rank.h"
#include "pipeline/subset_key.h"

typedef struct pool_image {
    uint64_t row, rank;            /* rank: of all scored images of the class, from 1 */
    const unsigned char *image_id; /* of the ranking, which must outlive the pool */
} pool_image;

/* Images in (class, rank) order, and per class where it starts. */
typedef struct subset_pool {
    pool_image *images;
    size_t class_count;
    size_t *first; /* [class_count + 1] */
} subset_pool;

/* is_out [images of the split]: rows to leave out. */
spur_status subset_pool_make(const ranking *from, size_t class_count,
                             const unsigned char *is_out, subset_pool *out,
                             spur_error *error) SPUR_MUST_USE;
void subset_pool_free(subset_pool *block);

/* Members in rising row order, freed with memory_free; class_images [class_count] gets how many
 * of each class.
 *
 * Of n images in rising order of score, with k = min(k, n): hidden the first k, clear the last
 * k, mid the k from position floor((n - k) / 2) on (counted from 0), random the k with the
 * smallest numbers under the key of (seed, class) at the counter image id. */
spur_status subset_pool_pick(const subset_pool *from, const subset_key *key,
                             store_member **members, size_t *count, uint64_t *class_images,
                             spur_error *error) SPUR_MUST_USE;

#endif
