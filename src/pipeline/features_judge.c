/*
 * features_judge.c - top-1 and top-5 of a model's own last layer, from its stored features.
 *
 * All outputs of the model compete, also those that no class of the run stands for. Of equal
 * logits the lower output wins.
 */
#include <math.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "pipeline/features_job.h"

enum {
    CHUNK_ROWS = 128 * FEATURE_BLOCK_ROWS,
    TOP = 5
};

typedef struct chunk {
    float *values, *logits;
    unsigned char *ids, *valid;
} chunk;

static spur_status chunk_new(const features_judging *what, chunk *out, spur_error *error)
{
    spur_status status;
    TRY(memory_new(CHUNK_ROWS, what->layout->width * sizeof(float), &out->values, error));
    TRY(memory_new(CHUNK_ROWS, STORE_ID_SIZE, &out->ids, error));
    TRY(memory_new(CHUNK_ROWS, 1, &out->valid, error));
    if (what->outputs != NULL) {
        TRY(memory_new(CHUNK_ROWS, what->own->classes * sizeof(float), &out->logits, error));
    }
done:
    return status;
}

static void chunk_free(chunk *block)
{
    memory_free(block->values);
    memory_free(block->logits);
    memory_free(block->ids);
    memory_free(block->valid);
}

/* How many outputs stand before the wanted one; SIZE_MAX when that is no number. */
static size_t place_of(const float *logits, size_t count, size_t wanted)
{
    size_t before = 0;
    if (!isfinite(logits[wanted])) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j < count; j++) {
        before += logits[j] > logits[wanted] || (j < wanted && logits[j] == logits[wanted]);
    }
    return before;
}

typedef struct hits {
    uint64_t judged, top1, top5;
} hits;

static spur_status judge_chunk(const features_judging *what, const chunk *from, size_t first,
                               size_t count, hits *sums, spur_error *error)
{
    spur_status status;
    size_t classes = what->own->classes;
    TRY(head_run(what->own, from->values, count, what->threads, from->logits, error));
    for (size_t i = 0; i < count; i++) {
        size_t wanted = what->outputs[what->rows->rows[first + i].class_index];
        size_t place = place_of(from->logits + i * classes, classes, wanted);
        if (from->valid[i] != 0) {
            sums->judged++;
            sums->top1 += place == 0;
            sums->top5 += place < TOP;
        }
    }
done:
    return status;
}

static spur_status judge_all(const features_judging *what, feature_reader *from, chunk *part,
                             hits *sums, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t rows = what->layout->rows;
    for (size_t first = 0; first < rows; first += CHUNK_ROWS) {
        size_t count = rows - first < CHUNK_ROWS ? rows - first : CHUNK_ROWS;
        TRY(feature_reader_take(from, first, count, part->values, part->ids, part->valid,
                                error));
        if (what->outputs != NULL) {
            TRY(judge_chunk(what, part, first, count, sums, error));
        }
        TRY(monitor_show(what->monitor, what->progress, error));
    }
done:
    return status;
}

spur_status features_judge(const features_judging *what, spur_feature_set *out,
                           spur_error *error)
{
    spur_status status;
    feature_reader *from = NULL;
    chunk part = {NULL, NULL, NULL, NULL};
    hits sums = {0, 0, 0};
    TRY(feature_reader_open(what->db, what->layout, what->backbone, what->split, &from, error));
    TRY(chunk_new(what, &part, error));
    TRY(judge_all(what, from, &part, &sums, error));
    out->judged = sums.judged;
    out->top1 = sums.judged == 0 ? 0.0 : (double)sums.top1 / (double)sums.judged;
    out->top5 = sums.judged == 0 ? 0.0 : (double)sums.top5 / (double)sums.judged;
done:
    chunk_free(&part);
    feature_reader_close(from);
    return status;
}
