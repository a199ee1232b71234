/*
 * masked_head.c - features of a split, chunk by chunk, through heads with a mask. The features
 * are read once for all heads.
 */
#include "pipeline/masked_head.h"

#include <math.h>

#include "base/monitor.h"
#include "pipeline/feature_file.h"

enum {
    CHUNK_ROWS = 64 * FEATURE_BLOCK_ROWS
};

bool masked_is_right(const judged_head *with, const float *logits, uint32_t wanted,
                     const unsigned char *mask)
{
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < with->own->classes; k++) {
        bool competes = with->class_of[k] != UINT32_MAX && mask[with->class_of[k]] != 0 &&
                        with->absent[k] == 0;
        if (competes && isfinite(logits[k]) && (best == SIZE_MAX || logits[k] > logits[best])) {
            best = k;
        }
    }
    return best != SIZE_MAX && best == with->output_of[wanted];
}

typedef struct chunk {
    float *features, *logits;
    unsigned char *ids, *valid;
    size_t first, count;
} chunk;

static void chunk_free(chunk *block)
{
    memory_free(block->features);
    memory_free(block->logits);
    memory_free(block->ids);
    memory_free(block->valid);
}

static spur_status chunk_make(const masked_request *request, chunk *out, spur_error *error)
{
    spur_status status;
    size_t widest = 0;
    for (size_t h = 0; h < request->head_count; h++) {
        size_t outputs = request->heads[h].own->classes;
        widest = outputs > widest ? outputs : widest;
    }
    size_t values, logits;
    if (!size_mul(CHUNK_ROWS, request->backbone->features, &values) ||
        !size_mul(CHUNK_ROWS, widest, &logits)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(memory_new(values, sizeof *out->features, &out->features, error));
    TRY(memory_new(logits, sizeof *out->logits, &out->logits, error));
    TRY(memory_new(CHUNK_ROWS, STORE_ID_SIZE, &out->ids, error));
    TRY(memory_new(CHUNK_ROWS, 1, &out->valid, error));
    status = SPUR_OK;
done:
    return status;
}

static void judge_chunk(const masked_request *request, const judged_head *with, const chunk *at,
                        unsigned char *flags)
{
    for (size_t i = 0; i < at->count; i++) {
        uint32_t wanted = request->rows->class_index[at->first + i];
        if (at->valid[i] == 0 || wanted == EVALUATION_NO_CLASS || request->mask[wanted] == 0) {
            continue;
        }
        bool is_right =
            masked_is_right(with, at->logits + i * with->own->classes, wanted, request->mask);
        flags[at->first + i] =
            is_right ? PREDICTION_VALID | PREDICTION_CORRECT : PREDICTION_VALID;
    }
}

static spur_status report(const masked_request *request, size_t done, spur_error *error)
{
    const spur_progress progress = {
        .stage = "ood", .done = done, .total = request->rows->count};
    return monitor_show(request->monitor, &progress, error);
}

static spur_status judge_all(const masked_request *request, feature_reader *from, chunk *at,
                             unsigned char *flags, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t rows = request->rows->count;
    for (at->first = 0; at->first < rows; at->first += CHUNK_ROWS) {
        at->count = rows - at->first < CHUNK_ROWS ? rows - at->first : CHUNK_ROWS;
        TRY(report(request, at->first, error));
        TRY(feature_reader_take(from, at->first, at->count, at->features, at->ids, at->valid,
                                error));
        for (size_t h = 0; h < request->head_count; h++) {
            TRY(head_run(request->heads[h].own, at->features, at->count, request->threads,
                         at->logits, error));
            judge_chunk(request, &request->heads[h], at, flags + h * rows);
        }
    }
done:
    return status;
}

spur_status masked_judge(const masked_request *request, unsigned char **flags,
                         spur_error *error)
{
    spur_status status;
    const store_split *split = NULL;
    feature_layout layout = {.path = NULL};
    feature_reader *from = NULL;
    chunk at = {.features = NULL};
    unsigned char *made = NULL;
    TRY(run_find_split(request->run, request->rows->split, &split, error));
    TRY(memory_new_zeroed(request->head_count, request->rows->count, &made, error));
    TRY(chunk_make(request, &at, error));
    TRY(feature_layout_make(request->run->folder, request->backbone, split, &layout, error));
    TRY(feature_reader_open(request->run->db, &layout, request->backbone->name, split->name,
                            &from, error));
    TRY(judge_all(request, from, &at, made, error));
    *flags = made;
    made = NULL;
done:
    feature_reader_close(from);
    feature_layout_free(&layout);
    chunk_free(&at);
    memory_free(made);
    return status;
}
