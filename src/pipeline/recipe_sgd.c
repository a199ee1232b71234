/*
 * recipe_sgd.c - stochastic descent with momentum on raw features, as PyTorch does it: from
 * random weights for a fixed number of epochs (moayeri), or from the model's own head until
 * the gap between clear and hidden images is small (finetune-gap).
 *
 * v = 0.9 v + g, W = W - rate v: no dampening, no Nesterov; g is the mean over a batch of 128,
 * the last batch of an epoch being what is left. Rows are shuffled each epoch by a generator
 * keyed by (seed, epoch, row).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/recipes.h"

enum {
    BATCH = 128,
    EPOCHS = 20
};

#define MOMENTUM 0.9F
#define RATE_FRESH 0.01F
#define RATE_FINE 0.001F
#define GAP_ENOUGH 0.05 /* 5 points */

typedef struct sgd {
    const recipe_job *job;
    engine *on;
    matrix_team *team;
    head own;
    uint64_t *order, *keys;       /* [rows] positions, shuffled */
    float *x, *logits, *residual; /* of a batch */
    float *turned;                /* [features, classes] */
    float *slope, *bias_slope;    /* of the batch */
    float *speed, *bias_speed;
    float rate;
    size_t epoch;
} sgd;

typedef struct ticket {
    uint64_t key, position;
} ticket;

static int compare_tickets(const void *left, const void *right)
{
    const ticket *a = left, *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

static spur_status shuffle(sgd *on, spur_error *error)
{
    spur_status status;
    const training_rows *rows = &on->job->rows.rows;
    ticket *tickets = NULL;
    random_key key = random_key_make(on->job->seed, "sgd-order");
    TRY(memory_new(rows->count, sizeof *tickets, &tickets, error));
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t words[4];
        random_words(key, on->epoch, rows->picked != NULL ? rows->picked[i] : i, words);
        tickets[i] = (ticket){(uint64_t)words[1] << 32 | words[0], i};
    }
    qsort(tickets, rows->count, sizeof *tickets, compare_tickets);
    for (size_t i = 0; i < rows->count; i++) {
        on->order[i] = tickets[i].position;
    }
done:
    memory_free(tickets);
    return status;
}

/* ---- one batch -------------------------------------------------------------------------- */

static void gather(sgd *on, size_t first, size_t count)
{
    const training_rows *rows = &on->job->rows.rows;
    for (size_t i = 0; i < count; i++) {
        uint64_t position = on->order[first + i];
        uint64_t row = rows->picked != NULL ? rows->picked[position] : position;
        memcpy(on->x + i * rows->width, rows->features + row * rows->width,
               rows->width * sizeof(float));
    }
    for (size_t k = 0; k < on->own.classes; k++) {
        for (size_t j = 0; j < rows->width; j++) {
            on->turned[j * on->own.classes + k] = on->own.weight[k * rows->width + j];
        }
    }
}

/* residual = (p - e_y) / count */
static void lose(sgd *on, size_t first, size_t count)
{
    size_t classes = on->own.classes;
    memset(on->bias_slope, 0, classes * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        float *z = on->logits + i * classes, *r = on->residual + i * classes;
        for (size_t k = 0; k < classes; k++) {
            z[k] += on->own.bias[k];
        }
        (void)loss_softmax.row(z, classes, on->job->rows.labels[on->order[first + i]], r);
        for (size_t k = 0; k < classes; k++) {
            r[k] /= (float)count;
            on->bias_slope[k] += r[k];
        }
    }
}

static void step(const sgd *on, float *value, float *speed, const float *slope, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        speed[i] = MOMENTUM * speed[i] + slope[i];
        value[i] -= on->rate * speed[i];
    }
}

static spur_status run_batch(sgd *on, size_t first, size_t count, spur_error *error)
{
    spur_status status;
    size_t classes = on->own.classes, width = on->own.features;
    const matrix_result logits = {.single = on->logits, .stride = classes, .scale = 1.0};
    const matrix_result slope = {.single = on->slope, .stride = width, .scale = 1.0};
    matrix x = matrix_of(on->x, count, width, width);
    gather(on, first, count);
    TRY(matrix_multiply(on->team, x, matrix_of(on->turned, width, classes, classes), &logits,
                        error));
    lose(on, first, count);
    TRY(matrix_multiply(on->team,
                        matrix_turned(matrix_of(on->residual, count, classes, classes)), x,
                        &slope, error));
    step(on, on->own.weight, on->speed, on->slope, classes * width);
    step(on, on->own.bias, on->bias_speed, on->bias_slope, classes);
done:
    return status;
}

static spur_status run_epoch(sgd *on, spur_error *error)
{
    spur_status status;
    size_t rows = on->job->rows.rows.count;
    TRY(shuffle(on, error));
    for (size_t first = 0; first < rows; first += BATCH) {
        TRY(run_batch(on, first, rows - first < BATCH ? rows - first : BATCH, error));
    }
    on->epoch++;
done:
    return status;
}

/* ---- the whole -------------------------------------------------------------------------- */

static void sgd_close(sgd *on)
{
    matrix_team_close(on->team);
    engine_close(on->on);
    head_free(&on->own);
    memory_free(on->order);
    memory_free(on->x);
    memory_free(on->logits);
    memory_free(on->residual);
    memory_free(on->turned);
    memory_free(on->slope);
    memory_free(on->bias_slope);
    memory_free(on->speed);
    memory_free(on->bias_speed);
}

static spur_status sgd_open(sgd *on, spur_error *error)
{
    spur_status status;
    const solver_rows *rows = &on->job->rows;
    size_t width = rows->rows.width, classes = rows->classes, size;
    if (on->job->weights != NULL || on->job->is_balanced || on->job->C_count > 0) {
        FAIL(SPUR_USAGE, "stochastic descent takes neither C nor weights");
    }
    TRY(engine_open(&on->on, error));
    TRY(matrix_team_open(on->on, on->job->threads, &on->team, error));
    TRY(head_make(classes, width, &on->own, error));
    size = classes * width;
    TRY(memory_new(rows->rows.count, sizeof *on->order, &on->order, error));
    TRY(memory_new(BATCH * width, sizeof(float), &on->x, error));
    TRY(memory_new(BATCH * classes, sizeof(float), &on->logits, error));
    TRY(memory_new(BATCH * classes, sizeof(float), &on->residual, error));
    TRY(memory_new(size, sizeof(float), &on->turned, error));
    TRY(memory_new(size, sizeof(float), &on->slope, error));
    TRY(memory_new(classes, sizeof(float), &on->bias_slope, error));
    TRY(memory_new_zeroed(size, sizeof(float), &on->speed, error));
    TRY(memory_new_zeroed(classes, sizeof(float), &on->bias_speed, error));
done:
    return status;
}

static bool wants_stop(const sgd *on, const char *more)
{
    char detail[96];
    (void)snprintf(detail, sizeof detail, "epoch %zu of %d%s", on->epoch, EPOCHS, more);
    return on->job->visit != NULL && on->job->visit(on->job->context, detail) != 0;
}

static void result_take(recipe_result *out, sgd *on, bool is_cancelled)
{
    *out = (recipe_result){.own = on->own, .epochs = on->epoch, .is_cancelled = is_cancelled};
    on->own = (head){0};
}

static spur_status moayeri_fit(const recipe_job *job, recipe_result *out, spur_error *error)
{
    spur_status status;
    sgd on = {.job = job, .rate = RATE_FRESH};
    random_key key = random_key_make(job->seed, "sgd-start");
    bool is_cancelled = false;
    TRY(sgd_open(&on, error));
    double reach = 1.0 / sqrt((double)on.own.features);
    for (size_t i = 0; i < on.own.classes * on.own.features; i++) {
        on.own.weight[i] = (float)(reach * (2.0 * random_uniform(key, 0, i) - 1.0));
    }
    for (size_t k = 0; k < on.own.classes; k++) {
        on.own.bias[k] = (float)(reach * (2.0 * random_uniform(key, 1, k) - 1.0));
    }
    while (on.epoch < EPOCHS && !is_cancelled) {
        TRY(run_epoch(&on, error));
        is_cancelled = wants_stop(&on, "");
    }
    result_take(out, &on, is_cancelled);
done:
    sgd_close(&on);
    return status;
}

static spur_status measure(const sgd *on, const training_rows *rows, const uint32_t *labels,
                           double *accuracy, spur_error *error)
{
    prediction_tally tally = {0};
    const tally_question question = {
        .own = &on->own, .rows = rows, .labels = labels, .threads = on->job->threads};
    spur_status status = tally_predictions(&question, &tally, error);
    *accuracy = tally.count > 0 ? (double)tally.correct / (double)tally.count : 0.0;
    return status;
}

static spur_status gap_fit(const recipe_job *job, recipe_result *out, spur_error *error)
{
    spur_status status;
    sgd on = {.job = job, .rate = RATE_FINE};
    bool is_done = false, is_cancelled = false;
    TRY(sgd_open(&on, error));
    memcpy(on.own.weight, job->original->weight,
           on.own.classes * on.own.features * sizeof(float));
    memcpy(on.own.bias, job->original->bias, on.own.classes * sizeof(float));
    while (on.epoch < EPOCHS && !is_done && !is_cancelled) {
        double clear, hidden;
        char detail[48];
        TRY(run_epoch(&on, error));
        TRY(measure(&on, &job->gap->clear, job->gap->clear_labels, &clear, error));
        TRY(measure(&on, &job->gap->hidden, job->gap->hidden_labels, &hidden, error));
        (void)snprintf(detail, sizeof detail, "  gap %.1f points", 100.0 * (clear - hidden));
        is_done = clear - hidden < GAP_ENOUGH;
        is_cancelled = wants_stop(&on, detail);
    }
    result_take(out, &on, is_cancelled);
done:
    sgd_close(&on);
    return status;
}

const recipe recipe_moayeri = {
    .name = "moayeri",
    .summary = "stochastic descent from random weights, 20 epochs",
    .text = "raw features, cross-entropy, SGD with momentum 0.9 (PyTorch's form), rate 0.01, "
            "batches of 128, 20 epochs, no decay, W and b from U(-1/sqrt d, 1/sqrt d), "
            "reshuffled each epoch by --seed; not certified",
    .fit = moayeri_fit};

const recipe recipe_finetune_gap = {
    .name = "finetune-gap",
    .summary = "from the model's own head on clear images until the gap is under 5 points",
    .text = "from the model's own head, clear subsets only, raw features, SGD with momentum "
            "0.9, rate 0.001, batches of 128, at most 20 epochs; stops after the first epoch "
            "whose gap in accuracy between the clear-k and hidden-k images of split val is "
            "under 5 points; not certified",
    .needs_original = true,
    .needs_gap = true,
    .fit = gap_fit};
