/*
 * solver.c - from rows and labels to a folded head and its certificate.
 *
 * Labels are mapped to the classes that have a row; weights live in standardised space as
 * [classes, features + 1] doubles with the bias last. Folding: W' = W / deviation,
 * b' = b - W' mean, rounded to single precision; the certificate is computed at what these
 * rounded numbers mean in standardised space.
 */
#include "pipeline/solver.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/lasso.h"
#include "pipeline/lbfgs.h"
#include "pipeline/newton.h"

#define DEFAULT_TOLERANCE 1e-13
/* A tolerance from here on can be met by single precision with a head rounded to it. */
#define TOLERANCE_ROUNDED 1e-8
#define GOAL_SHARE 0.8 /* of the tolerance, in single precision */

enum {
    ROUNDED_MOST = 3 /* descents, each certified */
};

struct solver {
    engine *on;
    matrix_team *team;
    training_set set;
    curvature *base;
    uint32_t *labels;  /* [rows] among the classes present */
    uint32_t *present; /* [class_count] their numbers */
    size_t *counts;    /* [classes] */
    size_t class_count, classes;
};

void softmax_options_defaults(softmax_options *options)
{
    *options =
        (softmax_options){.C = 0.01, .descent = {.tolerance = DEFAULT_TOLERANCE, .steps = 200}};
}

/* ---- opening ---------------------------------------------------------------------------- */

static spur_status map_labels(solver *made, const solver_rows *rows, spur_error *error)
{
    spur_status status;
    uint32_t *numbers = NULL;
    size_t count = rows->rows.count;
    TRY(memory_new_zeroed(rows->classes, sizeof *made->counts, &made->counts, error));
    TRY(memory_new(rows->classes, sizeof *numbers, &numbers, error));
    TRY(memory_new(rows->classes, sizeof *made->present, &made->present, error));
    TRY(memory_new(count, sizeof *made->labels, &made->labels, error));
    for (size_t i = 0; i < count; i++) {
        if (rows->labels[i] >= rows->classes) {
            FAIL(SPUR_DATASET, "row %zu has label %u, expected below %zu", i,
                 (unsigned)rows->labels[i], rows->classes);
        }
        made->counts[rows->labels[i]]++;
    }
    for (size_t k = 0; k < rows->classes; k++) {
        if (made->counts[k] > 0) {
            numbers[k] = (uint32_t)made->class_count;
            made->present[made->class_count++] = (uint32_t)k;
        }
    }
    for (size_t i = 0; i < count; i++) {
        made->labels[i] = numbers[rows->labels[i]];
    }
    if (made->class_count < 2) {
        FAIL(SPUR_DATASET,
             "all %zu training rows have one label; at least two classes are "
             "needed",
             count);
    }
done:
    memory_free(numbers);
    return status;
}

spur_status solver_open(const solver_rows *rows, size_t threads, solver **out,
                        spur_error *error)
{
    spur_status status;
    solver *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->classes = rows->classes;
    TRY(map_labels(made, rows, error));
    TRY(engine_open(&made->on, error));
    TRY(matrix_team_open(made->on, threads, &made->team, error));
    TRY(training_set_make(&rows->rows, !rows->keep_raw, made->team, &made->set, error));
    TRY(curvature_open(&made->set, made->team, &made->base, error));
    *out = made;
    made = NULL;
done:
    solver_close(made);
    return status;
}

void solver_close(solver *block)
{
    if (block != NULL) {
        curvature_close(block->base);
        training_set_free(&block->set);
        matrix_team_close(block->team);
        engine_close(block->on);
        memory_free(block->labels);
        memory_free(block->present);
        memory_free(block->counts);
        memory_free(block);
    }
}

const training_set *solver_set(const solver *of)
{
    return &of->set;
}

const size_t *solver_counts(const solver *of)
{
    return of->counts;
}

size_t solver_classes_present(const solver *of)
{
    return of->class_count;
}

/* ---- raw and standardised space --------------------------------------------------------- */

/* What a head on raw features is in standardised space: W deviation, b + W mean. */
static void unfold(const solver *of, const head *from, double *w)
{
    size_t features = of->set.rows.width, width = features + 1;
    for (size_t c = 0; c < of->class_count; c++) {
        const float *row = from->weight + of->present[c] * features;
        double bias = (double)from->bias[of->present[c]];
        for (size_t j = 0; j < features; j++) {
            w[c * width + j] = (double)row[j] * of->set.deviation[j];
            bias += (double)row[j] * of->set.mean[j];
        }
        w[c * width + features] = bias;
    }
}

/* Biases matter up to a common number: their mean becomes 0. */
static void centre_biases(const solver *of, double *w)
{
    size_t width = of->set.rows.width + 1;
    double sum = 0.0;
    for (size_t c = 0; c < of->class_count; c++) {
        sum += w[c * width + width - 1];
    }
    for (size_t c = 0; c < of->class_count; c++) {
        w[c * width + width - 1] -= sum / (double)of->class_count;
    }
}

static spur_status fold(const solver *of, const double *w, head *out, spur_error *error)
{
    spur_status status;
    size_t features = of->set.rows.width, width = features + 1;
    head made = {0};
    TRY(head_make(of->classes, features, &made, error));
    memset(made.weight, 0, of->classes * features * sizeof *made.weight);
    for (size_t k = 0; k < of->classes; k++) {
        made.bias[k] = TALLY_ABSENT_BIAS;
    }
    for (size_t c = 0; c < of->class_count; c++) {
        float *row = made.weight + of->present[c] * features;
        double bias = w[c * width + features];
        for (size_t j = 0; j < features; j++) {
            row[j] = (float)(w[c * width + j] * of->set.inverse[j]);
            bias -= (double)row[j] * of->set.mean[j];
        }
        made.bias[of->present[c]] = (float)bias;
    }
    *out = made;
done:
    return status;
}

/* ---- fitting ---------------------------------------------------------------------------- */

/* a_i = s_i / S; returns S. */
static double fill_coefficients(const solver *of, const softmax_options *options,
                                double *coefficient)
{
    size_t rows = of->set.rows.count;
    double sum = 0.0;
    for (size_t i = 0; i < rows; i++) {
        double weight = options->weights != NULL ? options->weights[i] : 1.0;
        if (options->is_balanced) {
            double own = (double)of->counts[of->present[of->labels[i]]];
            weight *= (double)rows / ((double)of->class_count * own);
        }
        coefficient[i] = weight;
        sum += weight;
    }
    for (size_t i = 0; i < rows; i++) {
        coefficient[i] /= sum;
    }
    return sum;
}

static spur_status check_options(const solver *of, const softmax_options *options,
                                 spur_error *error)
{
    for (size_t i = 0; options->weights != NULL && i < of->set.rows.count; i++) {
        if (!isfinite(options->weights[i]) || options->weights[i] < 0.0) {
            return error_set(error, SPUR_DATASET,
                             "row %zu has sample weight %g, expected a finite number of at "
                             "least 0",
                             i, options->weights[i]);
        }
    }
    double strength = options->centre != NULL ? options->pull : options->C;
    if (!isfinite(strength) || strength <= 0.0) {
        return error_set(error, SPUR_USAGE, "%s: must be above 0",
                         options->centre != NULL ? "lambda" : "C");
    }
    return SPUR_OK;
}

typedef struct fit {
    solver *of;
    double *coefficient, *w, *gradient, *centre;
    objective problem;
} fit;

static void fit_close(fit *on)
{
    objective_free(&on->problem);
    memory_free(on->coefficient);
    memory_free(on->w);
    memory_free(on->gradient);
    memory_free(on->centre);
}

static spur_status fit_open(fit *on, const softmax_options *options, double *weight_sum,
                            spur_error *error)
{
    spur_status status;
    solver *of = on->of;
    size_t size;
    if (!size_mul(of->class_count, of->set.rows.width + 1, &size)) {
        TRY(error_no_memory(error, SIZE_MAX));
    }
    TRY(check_options(of, options, error));
    TRY(memory_new(of->set.rows.count, sizeof(double), &on->coefficient, error));
    TRY(memory_new_zeroed(size, sizeof(double), &on->w, error));
    TRY(memory_new(size, sizeof(double), &on->gradient, error));
    *weight_sum = fill_coefficients(of, options, on->coefficient);
    if (!(*weight_sum > 0.0)) {
        FAIL(SPUR_DATASET, "the sample weights sum to 0");
    }
    objective_options problem = {.kind = &loss_softmax,
                                 .classes = of->class_count,
                                 .labels = of->labels,
                                 .coefficient = on->coefficient,
                                 .ridge = 1.0 / (options->C * *weight_sum)};
    if (options->centre != NULL) {
        TRY(memory_new_zeroed(size, sizeof(double), &on->centre, error));
        unfold(of, options->centre, on->centre);
        problem.centre = on->centre;
        problem.ridge = 2.0 * options->pull;
    }
    if (options->start != NULL) {
        unfold(of, options->start, on->w);
    }
    TRY(objective_make(&of->set, of->team, &problem, &on->problem, error));
done:
    return status;
}

/* What the folded head is in standardised space. */
static spur_status fold_back(fit *on, softmax_result *made, double *folded, spur_error *error)
{
    spur_status status;
    head_free(&made->own);
    centre_biases(on->of, on->w);
    TRY(fold(on->of, on->w, &made->own, error));
    unfold(on->of, &made->own, folded);
    centre_biases(on->of, folded);
done:
    return status;
}

/* The folded head, certified where its rounded numbers are. */
static spur_status certify_rounded(fit *on, descent *task, softmax_result *made,
                                   spur_error *error)
{
    spur_status status;
    double *folded = NULL, value;
    TRY(memory_new(on->problem.size, sizeof *folded, &folded, error));
    TRY(fold_back(on, made, folded, error));
    TRY(objective_evaluate_exact(&on->problem, folded, &value, on->gradient, error));
    task->report.products++;
    task->report.objective = value;
    TRY(certificate_make(&on->problem, on->of->base, value, on->gradient, &made->proof, error));
done:
    memory_free(folded);
    return status;
}

/* The folded head, certified by its distance from the refined solution. */
static spur_status certify_refined(fit *on, const descent *task, softmax_result *made,
                                   spur_error *error)
{
    spur_status status;
    certificate exact;
    double *folded = NULL;
    TRY(memory_new(on->problem.size, sizeof *folded, &folded, error));
    TRY(fold_back(on, made, folded, error));
    TRY(certificate_make(&on->problem, on->of->base, task->report.objective, on->gradient,
                         &exact, error));
    TRY(certificate_move(&on->problem, &exact, on->w, folded, &made->proof, error));
done:
    memory_free(folded);
    return status;
}

/* The best so far, of which nothing is certain. */
static spur_status deny(fit *on, const descent *task, softmax_result *made, spur_error *error)
{
    spur_status status;
    head_free(&made->own);
    centre_biases(on->of, on->w);
    TRY(fold(on->of, on->w, &made->own, error));
    certificate_deny(task->report.objective, &made->proof);
done:
    return status;
}

static bool is_proven(const softmax_result *made, double gap, double tolerance)
{
    return gap <= tolerance * made->proof.objective;
}

/* The gap if the biases were at their best. */
static double weight_gap(const fit *on, const softmax_result *made)
{
    double slope = made->proof.weight_gradient;
    return slope * slope / (2.0 * on->problem.is.ridge);
}

/* Single precision, as often as its certificates get better; *is_enough: the tolerance is
 * met. */
static spur_status solve_rounded(fit *on, descent *task, softmax_result *made, bool *is_enough,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    double tolerance = task->options->tolerance;
    *is_enough = false;
    task->goal = GOAL_SHARE * tolerance;
    for (size_t i = 0; i < ROUNDED_MOST && !*is_enough && !task->report.is_cancelled; i++) {
        TRY(lbfgs_minimise(task, on->w, error));
        if (tolerance < TOLERANCE_ROUNDED || task->report.is_cancelled) {
            break;
        }
        TRY(certify_rounded(on, task, made, error));
        *is_enough = is_proven(made, made->proof.gap, tolerance);
        if (!*is_enough && is_proven(made, weight_gap(on, made), tolerance)) {
            TRY(objective_mend_biases(&on->problem, on->gradient, on->w, error));
            TRY(certify_rounded(on, task, made, error));
            *is_enough = is_proven(made, made->proof.gap, tolerance);
        }
        task->gauge.bias_curvature = made->proof.bias_curvature / on->problem.curvature;
        if (made->proof.gap < HUGE_VAL) {
            task->goal *= 0.5 * tolerance * made->proof.objective / made->proof.gap;
        }
    }
done:
    return status;
}

/* The folded head and what is certain about it. */
static spur_status solve(fit *on, const descent_options *options, softmax_result *made,
                         spur_error *error)
{
    spur_status status;
    bool is_enough = false;
    preconditioner approximation = {0};
    TRY(preconditioner_open(on->of->base, &on->problem, &approximation, error));
    descent task = {.of = &on->problem,
                    .approximation = &approximation,
                    .options = options,
                    .gauge = descent_gauge_make(&on->problem, on->of->base)};
    TRY(solve_rounded(on, &task, made, &is_enough, error));
    if (!is_enough && !task.report.is_cancelled) {
        TRY(newton_refine(&task, on->w, on->gradient, error));
    }
    if (task.report.is_cancelled) {
        TRY(deny(on, &task, made, error));
    } else if (!is_enough) {
        TRY(certify_refined(on, &task, made, error));
    }
    made->steps = task.report;
    made->steps.is_converged = !made->steps.is_cancelled;
done:
    preconditioner_close(&approximation);
    return status;
}

spur_status softmax_fit(solver *of, const softmax_options *options, softmax_result *out,
                        spur_error *error)
{
    spur_status status;
    fit on = {.of = of};
    softmax_result made = {0};
    TRY(fit_open(&on, options, &made.weight_sum, error));
    TRY(solve(&on, &options->descent, &made, error));
    *out = made;
    made = (softmax_result){0};
done:
    fit_close(&on);
    softmax_result_free(&made);
    return status;
}

void softmax_result_free(softmax_result *block)
{
    if (block != NULL) {
        head_free(&block->own);
        *block = (softmax_result){0};
    }
}

/* ---- one against the rest --------------------------------------------------------------- */

spur_status one_vs_rest_fit(solver *of, double C, bool spares_bias,
                            const descent_options *options, one_vs_rest_result *out,
                            spur_error *error)
{
    spur_status status;
    fit on = {.of = of};
    one_vs_rest_result made = {0};
    TRY(memory_new(of->set.rows.count, sizeof(double), &on.coefficient, error));
    for (size_t i = 0; i < of->set.rows.count; i++) {
        on.coefficient[i] = C;
    }
    const objective_options problem = {.kind = &loss_one_vs_rest,
                                       .classes = of->class_count,
                                       .labels = of->labels,
                                       .coefficient = on.coefficient,
                                       .lasso = 1.0,
                                       .spares_bias = spares_bias};
    TRY(objective_make(&of->set, of->team, &problem, &on.problem, error));
    TRY(memory_new_zeroed(on.problem.size, sizeof(double), &on.w, error));
    TRY(lasso_minimise(&on.problem, options, on.w, &made.steps, error));
    TRY(fold(of, on.w, &made.own, error));
    *out = made;
done:
    fit_close(&on);
    return status;
}
