/*
 * features_load.c - one split's features in memory, for the stages that train and judge heads.
 */
#include <string.h>

#include "base/memory.h"
#include "pipeline/feature_file.h"
#include "pipeline/run.h"

void feature_matrix_free(feature_matrix *block)
{
    memory_free(block->values);
    memory_free(block->ids);
    memory_free(block->valid);
    *block = (feature_matrix){.rows = 0};
}

static spur_status find_backbone(const spur_run *run, const char *name,
                                 const store_backbone **out, spur_error *error)
{
    spur_status status;
    const store_backbone *all;
    size_t count;
    TRY(store_get_backbones(run->db, &all, &count));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            *out = &all[i];
            return SPUR_OK;
        }
    }
    FAIL(SPUR_DATASET,
         "%s: has no features of backbone %s; `spur features %s --backbone MODEL` makes them",
         run->folder, name, run->folder);
done:
    return status;
}

static spur_status take_all(feature_reader *from, feature_matrix *into, spur_error *error)
{
    spur_status status;
    TRY(memory_new(into->rows, into->width * sizeof(float), &into->values, error));
    TRY(memory_new(into->rows, STORE_ID_SIZE, &into->ids, error));
    TRY(memory_new(into->rows, 1, &into->valid, error));
    TRY(feature_reader_take(from, 0, into->rows, into->values, into->ids, into->valid, error));
    for (size_t i = 0; i < into->rows; i++) {
        into->valid_count += into->valid[i] != 0;
    }
done:
    return status;
}

spur_status features_load(const spur_run *run, const char *backbone, const char *split,
                          feature_matrix *out, spur_error *error)
{
    spur_status status;
    const store_backbone *of = NULL;
    const store_split *part = NULL;
    feature_layout layout = {.path = NULL};
    feature_reader *from = NULL;
    feature_matrix made = {.rows = 0};
    TRY(find_backbone(run, backbone, &of, error));
    TRY(run_find_split(run, split, &part, error));
    TRY(feature_layout_make(run->folder, of, part, &layout, error));
    TRY(feature_reader_open(run->db, &layout, backbone, split, &from, error));
    made.rows = layout.rows;
    made.width = layout.width;
    TRY(take_all(from, &made, error));
    *out = made;
    made = (feature_matrix){.rows = 0};
done:
    feature_reader_close(from);
    feature_layout_free(&layout);
    feature_matrix_free(&made);
    return status;
}
