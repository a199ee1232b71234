/*
 * curvature.c - leading eigenvectors of the features' covariance, and solving with them.
 *
 * Products with the rows are in single precision, everything of the rank's size in double.
 * Single precision is enough: the approximation only steers other methods.
 */
#include "pipeline/curvature.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "pipeline/parameters.h"

enum {
    RANK = 96,
    SWEEPS_MOST = 30
};

/* ln of the probability with which the bound may fail: 1e-13. */
#define LN_FAILURE (-29.93)
/* A direction shorter than this part of the longest is rounding. */
#define SHORTEST 1e-5
/* Smallest curvature of a direction against the largest: beyond, single precision breaks down.
 */
#define CURVATURE_LEAST 1e-6
/* Where every row is certain there is no curvature left to go by. */
#define C_LEAST 1e-12

struct curvature {
    const training_set *set;
    matrix_team *team;
    size_t features, rank;
    float *vectors;      /* [rank, features] Q^T */
    double values[RANK]; /* e */
    double rest;         /* mean of the other eigenvalues */
    double *mean;        /* [features] of the rows the iterations multiply */
    double bound;
    float *inner; /* [room, rank] */
    size_t room;  /* rows of v */
};

/* ---- range of the covariance ------------------------------------------------------------- */

/* What the search for the range works with. */
typedef struct range {
    curvature *of;
    float *directions; /* [rank, features] */
    float *images;     /* [rows, rank] X times them, without its mean */
} range;

static matrix rows_matrix(const curvature *of)
{
    return matrix_of(of->set->x, of->set->rows.count, of->features, of->set->stride);
}

static void subtract_mean(float *images, size_t rows, size_t rank)
{
    double sums[RANK] = {0.0};
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < rank; k++) {
            sums[k] += (double)images[i * rank + k];
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < rank; k++) {
            images[i * rank + k] -= (float)(sums[k] / (double)rows);
        }
    }
}

/* images = X directions^T, less the mean over rows: the covariance's, not the Gram matrix's. */
static spur_status look_at_rows(range *on, spur_error *error)
{
    spur_status status;
    const curvature *of = on->of;
    size_t rows = of->set->rows.count, rank = of->rank;
    const matrix_result into = {.single = on->images, .stride = rank, .scale = 1.0};
    TRY(matrix_multiply(
        of->team, rows_matrix(of),
        matrix_turned(matrix_of(on->directions, rank, of->features, of->features)), &into,
        error));
    subtract_mean(on->images, rows, rank);
done:
    return status;
}

/* directions = images^T X / n: the covariance times the directions before. */
static spur_status look_back(range *on, spur_error *error)
{
    const curvature *of = on->of;
    size_t rows = of->set->rows.count;
    const matrix_result into = {
        .single = on->directions, .stride = of->features, .scale = 1.0 / (double)rows};
    return matrix_multiply(of->team,
                           matrix_turned(matrix_of(on->images, rows, of->rank, of->rank)),
                           rows_matrix(of), &into, error);
}

static void draw_directions(range *on)
{
    random_key key = random_key_make(0, "curvature");
    for (size_t i = 0; i < on->of->rank; i++) {
        for (size_t j = 0; j < on->of->features; j++) {
            on->directions[i * on->of->features + j] = (float)random_normal(key, i, j);
        }
    }
}

static double mean_square(const curvature *of)
{
    double sum = 0.0;
    for (size_t j = 0; j < of->features; j++) {
        sum += of->mean[j] * of->mean[j];
    }
    return sum;
}

/* With r Gaussian directions w_i: |A| <= a sqrt(2 / pi) max |A w_i| but for a^-r of them. */
static double bound_largest(const range *on)
{
    const curvature *of = on->of;
    double longest = 0.0;
    for (size_t i = 0; i < of->rank; i++) {
        const float *image = on->directions + i * of->features;
        double square = parameters_dot(image, image, of->features);
        longest = square > longest ? square : longest;
    }
    double a = exp(-LN_FAILURE / (double)of->rank);
    /* 1e-4: far above what single precision may have lost in the sums */
    double covariance = a * sqrt(2.0 / 3.14159265358979323846 * longest) * (1.0 + 1e-4);
    double bound = covariance + mean_square(of), trace = of->set->square_mean;
    return bound < trace ? bound : trace;
}

/* Gram and Schmidt's, twice for each: orthonormal directions, fewer where they depend on each
 * other. */
static void orthonormalise(range *on)
{
    curvature *of = on->of;
    size_t width = of->features, kept = 0;
    double longest = 0.0;
    for (size_t i = 0; i < of->rank; i++) {
        float *v = on->directions + kept * width;
        memmove(v, on->directions + i * width, width * sizeof *v);
        double before = sqrt(parameters_dot(v, v, width));
        longest = before > longest ? before : longest;
        for (size_t pass = 0; pass < 2; pass++) {
            for (size_t k = 0; k < kept; k++) {
                const float *q = on->directions + k * width;
                parameters_add(v, -parameters_dot(q, v, width), q, width);
            }
        }
        double after = sqrt(parameters_dot(v, v, width));
        if (after > SHORTEST * longest) {
            for (size_t j = 0; j < width; j++) {
                v[j] = (float)((double)v[j] / after);
            }
            kept++;
        }
    }
    of->rank = kept;
}

/* ---- eigenvectors within it -------------------------------------------------------------- */

/* One rotation of Jacobi's that makes a[p][q] zero; v's rows turn with it. */
static void rotate(double a[RANK][RANK], double v[RANK][RANK], size_t order, size_t p, size_t q)
{
    double theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    double t = (theta >= 0.0 ? 1.0 : -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
    double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
    for (size_t k = 0; k < order; k++) {
        double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
    }
    for (size_t k = 0; k < order; k++) {
        double pk = a[p][k], qk = a[q][k], vp = v[p][k], vq = v[q][k];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
        v[p][k] = c * vp - s * vq;
        v[q][k] = s * vp + c * vq;
    }
}

/* Jacobi's method: a becomes diagonal, the rows of v its eigenvectors. */
static void diagonalise(double a[RANK][RANK], double v[RANK][RANK], size_t order)
{
    double trace = 0.0;
    for (size_t i = 0; i < order; i++) {
        trace += a[i][i];
        for (size_t j = 0; j < order; j++) {
            v[i][j] = i == j ? 1.0 : 0.0;
        }
    }
    bool is_diagonal = false;
    for (size_t sweep = 0; sweep < SWEEPS_MOST && !is_diagonal; sweep++) {
        is_diagonal = true;
        for (size_t p = 0; p < order; p++) {
            for (size_t q = p + 1; q < order; q++) {
                if (fabs(a[p][q]) > 1e-13 * trace) {
                    is_diagonal = false;
                    rotate(a, v, order, p, q);
                }
            }
        }
    }
}

/* a = images^T images / n. */
static spur_status square_images(const range *on, double a[RANK][RANK], spur_error *error)
{
    size_t rank = on->of->rank, rows = on->of->set->rows.count;
    const matrix_result into = {.wide = a[0], .stride = RANK, .scale = 1.0 / (double)rows};
    matrix images = matrix_of(on->images, rows, rank, rank);
    return matrix_multiply(on->of->team, matrix_turned(images), images, &into, error);
}

static spur_status keep_eigenvectors(range *on, spur_error *error)
{
    spur_status status;
    curvature *of = on->of;
    double a[RANK][RANK], v[RANK][RANK], sum = 0.0;
    TRY(square_images(on, a, error));
    diagonalise(a, v, of->rank);
    memset(of->vectors, 0, of->rank * of->features * sizeof *of->vectors);
    for (size_t i = 0; i < of->rank; i++) {
        of->values[i] = a[i][i] > 0.0 ? a[i][i] : 0.0;
        sum += of->values[i];
        for (size_t k = 0; k < of->rank; k++) {
            parameters_add(of->vectors + i * of->features, v[i][k],
                           on->directions + k * of->features, of->features);
        }
    }
    double left = of->set->square_mean - mean_square(of) - sum;
    size_t others = of->features - of->rank;
    of->rest = left > 0.0 && others > 0 ? left / (double)others : 0.0;
done:
    return status;
}

/* ---- opening ---------------------------------------------------------------------------- */

/* Standardised features have mean 0; raw ones are averaged. */
static void find_mean(curvature *of)
{
    const training_set *set = of->set;
    for (size_t i = 0; i < set->rows.count; i++) {
        for (size_t j = 0; j < of->features; j++) {
            of->mean[j] += (double)set->x[i * set->stride + j];
        }
    }
    for (size_t j = 0; j < of->features; j++) {
        of->mean[j] /= (double)set->rows.count;
    }
}

static spur_status find_range(curvature *made, spur_error *error)
{
    spur_status status;
    range on = {.of = made};
    TRY(memory_new(made->rank * made->features, sizeof(float), &on.directions, error));
    TRY(memory_new(made->set->rows.count * made->rank, sizeof(float), &on.images, error));
    draw_directions(&on);
    TRY(look_at_rows(&on, error));
    TRY(look_back(&on, error));
    made->bound = bound_largest(&on);
    orthonormalise(&on);
    if (made->rank > 0) {
        TRY(look_at_rows(&on, error));
    }
    TRY(keep_eigenvectors(&on, error));
done:
    memory_free(on.directions);
    memory_free(on.images);
    return status;
}

spur_status curvature_open(const training_set *set, matrix_team *team, curvature **out,
                           spur_error *error)
{
    spur_status status;
    curvature *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    made->set = set;
    made->team = team;
    made->features = set->rows.width;
    made->rank = made->features < RANK ? made->features : RANK;
    TRY(memory_new(made->rank * made->features, sizeof(float), &made->vectors, error));
    TRY(memory_new_zeroed(made->features, sizeof(double), &made->mean, error));
    if (set->is_raw) {
        find_mean(made);
    }
    TRY(find_range(made, error));
    *out = made;
    made = NULL;
done:
    curvature_close(made);
    return status;
}

void curvature_close(curvature *block)
{
    if (block != NULL) {
        memory_free(block->vectors);
        memory_free(block->mean);
        memory_free(block->inner);
        memory_free(block);
    }
}

double curvature_bound(const curvature *of)
{
    return of->bound;
}

/* ---- solving ---------------------------------------------------------------------------- */

static spur_status make_room(curvature *of, size_t rows, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (rows > of->room) {
        of->room = 0;
        memory_free(of->inner);
        of->inner = NULL;
        TRY(memory_new(rows * of->rank, sizeof(float), &of->inner, error));
        of->room = rows;
    }
done:
    return status;
}

/* dst = v's weights in coordinates of mean 0: the bias there is b + W mean. */
static void centre(const curvature *of, const float *v, size_t rows, float *dst)
{
    size_t width = of->features + 1;
    for (size_t k = 0; k < rows; k++) {
        const float *from = v + k * width;
        float *to = dst + k * width;
        double bias = (double)from[of->features];
        memcpy(to, from, of->features * sizeof *to);
        for (size_t j = 0; j < of->features && of->set->is_raw; j++) {
            to[j] = (float)((double)from[j] - of->mean[j] * bias);
        }
    }
}

/* The biases of M^-1 v, back in v's coordinates. */
static void place_biases(const curvature *of, double c, const float *v, size_t rows, float *dst)
{
    size_t width = of->features + 1;
    for (size_t k = 0; k < rows; k++) {
        double moved = 0.0;
        float *to = dst + k * width;
        for (size_t j = 0; j < of->features && of->set->is_raw; j++) {
            moved += of->mean[j] * (double)to[j];
        }
        double bias = (double)v[k * width + of->features] / (c * (1.0 + CURVATURE_BIAS_RIDGE));
        to[of->features] = (float)(bias - moved);
    }
}

typedef struct inverse_values {
    double rest, extra[RANK]; /* 1 / (c rest + ridge), and what each eigenvector adds */
} inverse_values;

static inverse_values invert_values(const curvature *of, curvature_scale by)
{
    inverse_values made = {0};
    double most = of->rest;
    for (size_t i = 0; i < of->rank; i++) {
        most = of->values[i] > most ? of->values[i] : most;
    }
    double least = CURVATURE_LEAST * (by.c * most + by.ridge);
    double rest = by.c * of->rest + by.ridge;
    made.rest = 1.0 / (rest > least ? rest : least);
    for (size_t i = 0; i < of->rank; i++) {
        double own = by.c * of->values[i] + by.ridge;
        made.extra[i] = 1.0 / (own > least ? own : least) - made.rest;
    }
    return made;
}

spur_status curvature_solve(curvature *of, curvature_scale by, const float *v, size_t rows,
                            float *dst, spur_error *error)
{
    spur_status status;
    size_t width = of->features + 1, rank = of->rank;
    by.c = by.c > C_LEAST ? by.c : C_LEAST;
    inverse_values values = invert_values(of, by);
    TRY(make_room(of, rows, error));
    const matrix_result first = {.single = of->inner, .stride = rank, .scale = 1.0};
    const matrix_result second = {.single = dst, .stride = width, .scale = 1.0, .add = true};
    matrix vectors = matrix_of(of->vectors, rank, of->features, of->features);
    centre(of, v, rows, dst);
    TRY(matrix_multiply(of->team, matrix_of(dst, rows, of->features, width),
                        matrix_turned(vectors), &first, error));
    for (size_t i = 0; i < rows * rank; i++) {
        of->inner[i] *= (float)values.extra[i % rank];
    }
    for (size_t i = 0; i < rows * width; i++) {
        dst[i] *= (float)values.rest;
    }
    TRY(matrix_multiply(of->team, matrix_of(of->inner, rows, rank, rank), vectors, &second,
                        error));
    place_biases(of, by.c, v, rows, dst);
done:
    return status;
}
