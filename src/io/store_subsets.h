/*
 * store_subsets.h - subsets of a run in run.db: what each is made of, and its members.
 *
 * A subset carries the digest of the scores it was made from, so that a reader can tell when
 * they have changed since. Its own digest is over the definition and all members.
 */
#ifndef IO_STORE_SUBSETS_H
#define IO_STORE_SUBSETS_H

#include "io/store.h"

typedef struct store_subset {
    const char *name;      /* "clear-100", "rnd-100-s3": unique in the run */
    const char *split;     /* whose rows the members are */
    const char *exclusion; /* hexadecimal digest of the excluded images; "" without any */
    unsigned char ranking[STORE_DIGEST_SIZE]; /* of the scores it was made from */
    uint64_t images;
} store_subset;

typedef struct store_member {
    uint64_t row;
    size_t class_index;
    uint64_t rank; /* in the class, of all scored images of the split */
} store_member;

/* Writing, between store_begin and store_commit; members in rising row order. */
spur_status store_put_subset(store *into, const store_subset *subset,
                             const store_member *members, spur_error *error) SPUR_MUST_USE;
spur_status store_drop_subset(store *into, const char *name, spur_error *error) SPUR_MUST_USE;
/* Writes the digest of all definitions: the last call before store_commit. */
spur_status store_seal_subsets(store *into, spur_error *error) SPUR_MUST_USE;

/* Definitions in byte-wise order of their names; one lives during its visit. */
typedef spur_status (*store_subset_visit)(void *context, const store_subset *subset,
                                          spur_error *error);
spur_status store_each_subset(store *from, store_subset_visit visit, void *context,
                              spur_error *error) SPUR_MUST_USE;

/* Members in rising row order; free with memory_free. Rows and classes are as written: they
 * may lie outside a split that has been dropped since. */
spur_status store_get_members(store *from, const char *name, store_member **members,
                              size_t *count, spur_error *error) SPUR_MUST_USE;

#endif
