/*
 * features_rows.c - a split's rows in memory: workers may not ask the database.
 */
#include <string.h>

#include "base/memory.h"
#include "pipeline/features_job.h"

static spur_status keep_row(void *context, const store_row *row, spur_error *error)
{
    spur_status status;
    feature_rows *into = context;
    feature_row *one = &into->rows[into->count];
    char *text = NULL;
    TRY(arena_text(into->texts, row->file_name, strlen(row->file_name), &text, error));
    one->file_name = text;
    one->reason = NULL;
    if (row->reason != NULL) {
        TRY(arena_text(into->texts, row->reason, strlen(row->reason), &text, error));
        one->reason = text;
    }
    one->class_index = row->class_index;
    memcpy(one->id, row->image_id, sizeof one->id);
    memcpy(one->digest, row->file_digest, sizeof one->digest);
    one->width = row->width;
    one->height = row->height;
    one->logit = row->reason == NULL ? row->logit : 0.0F;
    memcpy(one->box, row->box, sizeof one->box);
    into->count++;
done:
    return status;
}

spur_status feature_rows_read(store *db, const store_split *split, feature_rows *out,
                              spur_error *error)
{
    spur_status status;
    feature_rows made = {.texts = NULL};
    store_counts counts;
    TRY(store_count(db, split->name, &counts, error));
    if (counts.scored + counts.failed != split->images) {
        FAIL(SPUR_DATASET,
             "split %s: %llu of %llu images have no row yet; finish `spur score` first",
             split->name, (unsigned long long)(split->images - counts.scored - counts.failed),
             (unsigned long long)split->images);
    }
    TRY(arena_new(&made.texts, error));
    TRY(memory_new((size_t)split->images, sizeof *made.rows, &made.rows, error));
    TRY(store_each_row(db, split->name, keep_row, &made, error));
    *out = made;
    made = (feature_rows){.texts = NULL};
done:
    feature_rows_free(&made);
    return status;
}

void feature_rows_free(feature_rows *block)
{
    arena_free(block->texts);
    memory_free(block->rows);
    *block = (feature_rows){.texts = NULL};
}
