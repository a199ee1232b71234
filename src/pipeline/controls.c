/*
 * controls.c - gathering the images that all heads of a backbone judged, and what is known of
 * them besides.
 */
#include "pipeline/controls.h"

#include <math.h>
#include <string.h>

#include "pipeline/judged_head.h"
#include "pipeline/name_index.h"
#include "pipeline/sharpness.h"

/* ---- a split ----------------------------------------------------------------------------- */

void control_split_free(control_split *block)
{
    if (block != NULL) {
        evaluation_rows_free(&block->rows);
        memory_free(block->is_visible);
        memory_free(block->is_suspect);
        memory_free(block->sharpness);
        memset(block, 0, sizeof *block);
    }
}

/* Classes stand in the order of the run, those without images left out. */
static spur_status find_invisible(const spur_run *run, const spur_rank_summary *ranks,
                                  control_split *into, spur_error *error)
{
    spur_status status;
    name_index labels = {NULL, 0, 0};
    TRY(memory_new(into->rows.class_count, 1, &into->is_visible, error));
    memset(into->is_visible, 1, into->rows.class_count);
    for (size_t c = 0; c < run->class_count; c++) {
        TRY(name_index_add(&labels, run->classes[c].label, c, error));
    }
    name_index_sort(&labels);
    for (size_t i = 0; i < ranks->class_count; i++) {
        const spur_class_rank *class = &ranks->classes[i];
        if (class->is_invisible && strcmp(class->split, into->rows.split) == 0) {
            into->is_visible[name_index_find(&labels, class->label)] = 0;
            into->invisible++;
        }
    }
done:
    name_index_free(&labels);
    return status;
}

static spur_status mark_suspects(const spur_suspect_summary *from, control_split *into,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    name_index files = {NULL, 0, 0};
    for (size_t i = 0; i < into->rows.count; i++) {
        if (into->rows.file_name[i] != NULL) {
            TRY(name_index_add(&files, into->rows.file_name[i], i, error));
        }
    }
    name_index_sort(&files);
    for (size_t i = 0; i < from->count; i++) {
        size_t row = name_index_find(&files, from->suspects[i].file_name);
        if (row != SIZE_MAX && into->is_suspect[row] == 0) {
            into->is_suspect[row] = 1;
            into->suspects++;
        }
    }
done:
    name_index_free(&files);
    return status;
}

static spur_status find_suspects(spur_run *run, control_split *into, spur_error *error)
{
    spur_status status;
    spur_suspect_summary *found = NULL;
    const spur_suspect_options options = {into->rows.split, NULL};
    TRY(memory_new_zeroed(into->rows.count, 1, &into->is_suspect, error));
    into->knows_suspects = run->class_count <= STORE_TALLY_CLASSES;
    if (into->knows_suspects) {
        TRY(spur_suspects(run, &options, &found, error));
        TRY(mark_suspects(found, into, error));
    }
done:
    spur_suspect_summary_free(found);
    return status;
}

spur_status control_split_make(spur_run *run, const char *split, const spur_rank_summary *ranks,
                               const spur_eval_options *options, const spur_monitor *monitor,
                               control_split *out, spur_error *error)
{
    spur_status status;
    const store_split *part = NULL;
    control_split made;
    memset(&made, 0, sizeof made);
    TRY(run_find_split(run, split, &part, error));
    made.index = (size_t)(part - run->splits);
    TRY(evaluation_rows_make(run, split, &made.rows, error));
    TRY(find_invisible(run, ranks, &made, error));
    TRY(find_suspects(run, &made, error));
    if (options->controls_sharpness) {
        TRY(memory_new(made.rows.count, sizeof *made.sharpness, &made.sharpness, error));
        TRY(sharpness_of_split(run, part, options->threads, monitor, made.sharpness, error));
    }
    *out = made;
    memset(&made, 0, sizeof made);
done:
    control_split_free(&made);
    return status;
}

/* ---- images and answers ------------------------------------------------------------------ */

void control_group_free(control_group *block)
{
    if (block != NULL) {
        memory_free(block->row);
        memory_free(block->first);
        memory_free(block->correct);
        memory_free(block->is_in);
        bootstrap_weights_free(&block->weights);
        for (size_t i = 0; i < block->number_count; i++) {
            memory_free(block->numbers[i].values);
        }
        memset(block, 0, sizeof *block);
    }
}

static bool is_judged(const prediction_set *sets, size_t count, size_t row)
{
    for (size_t h = 0; h < count; h++) {
        if ((sets[h].flags[row] & PREDICTION_VALID) == 0) {
            return false;
        }
    }
    return true;
}

/* The row of every (class, rank), then those that count, in this order. */
static spur_status order_images(const prediction_set *sets, control_group *into,
                                spur_error *error)
{
    spur_status status;
    const evaluation_rows *rows = &into->of->rows;
    size_t *place = NULL; /* where a class begins when all scored images count */
    TRY(memory_new_zeroed(rows->class_count + 1, sizeof *place, &place, error));
    TRY(memory_new_zeroed(rows->class_count + 1, sizeof *into->first, &into->first, error));
    for (size_t c = 0; c < rows->class_count; c++) {
        place[c + 1] = place[c] + rows->class_size[c];
    }
    TRY(memory_new(place[rows->class_count], sizeof *into->row, &into->row, error));
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rank[i] > 0) {
            into->row[place[rows->class_index[i]] + rows->rank[i] - 1] = i;
        }
    }
    for (size_t i = 0; i < place[rows->class_count]; i++) {
        size_t row = into->row[i];
        if (is_judged(sets, into->head_count, row)) {
            into->row[into->images++] = row;
            into->first[rows->class_index[row] + 1]++;
        }
    }
    for (size_t c = 0; c < rows->class_count; c++) {
        into->first[c + 1] += into->first[c];
    }
done:
    memory_free(place);
    return status;
}

static spur_status take_answers(const prediction_set *sets, control_group *into,
                                spur_error *error)
{
    spur_status status;
    size_t heads = into->head_count;
    TRY(memory_new(into->images, heads, &into->correct, error));
    TRY(memory_new(into->images, sizeof *into->is_in, &into->is_in, error));
    for (size_t i = 0; i < into->images; i++) {
        size_t class_index = into->of->rows.class_index[into->row[i]];
        into->is_in[i] = into->of->is_visible[class_index] != 0 ? 0.0 : (double)NAN;
        for (size_t h = 0; h < heads; h++) {
            unsigned flags = sets[h].flags[into->row[i]];
            into->correct[i * heads + h] = (flags & PREDICTION_CORRECT) != 0 ? 1 : 0;
        }
    }
done:
    return status;
}

/* ---- further numbers --------------------------------------------------------------------- */

static spur_status add_number(control_group *into, const char *key, const char *shown,
                              control_number **out, spur_error *error)
{
    control_number *made = &into->numbers[into->number_count];
    *made = (control_number){key, shown, NULL};
    spur_status status = memory_new(into->images, sizeof *made->values, &made->values, error);
    if (status == SPUR_OK) {
        into->number_count++;
        *out = made;
    }
    return status;
}

/* A number that is the same for all images of every class can explain nothing: the last one
 * added goes again. */
static void drop_constant(control_group *from)
{
    control_number *last = &from->numbers[from->number_count - 1];
    for (size_t c = 0; c < from->of->rows.class_count; c++) {
        double value = (double)NAN;
        for (size_t i = from->first[c]; i < from->first[c + 1]; i++) {
            if (!isnan(last->values[i]) && !isnan(value) && last->values[i] != value) {
                return;
            }
            value = isnan(last->values[i]) ? value : last->values[i];
        }
    }
    memory_free(last->values);
    from->number_count--;
}

static double clip(float value, uint32_t limit)
{
    return fmax(0, fmin((double)value, (double)limit));
}

/* Share of the picture that the box covers, cut to the picture. */
static double box_area(const evaluation_rows *rows, size_t row)
{
    const float *box = rows->box[row];
    uint32_t width = rows->width[row], height = rows->height[row];
    double wide = clip(box[2], width) - clip(box[0], width);
    double high = clip(box[3], height) - clip(box[1], height);
    if (width == 0 || height == 0) {
        return (double)NAN;
    }
    return fmax(0, wide) * fmax(0, high) / ((double)width * (double)height);
}

static spur_status take_numbers(const prediction_set *sets, control_group *into,
                                spur_error *error)
{
    spur_status status;
    const evaluation_rows *rows = &into->of->rows;
    control_number *number = NULL;
    TRY(add_number(into, "box_area", "box area", &number, error));
    for (size_t i = 0; i < into->images; i++) {
        number->values[i] = box_area(rows, into->row[i]);
    }
    drop_constant(into);
    TRY(add_number(into, "image_size", "image size", &number, error));
    for (size_t i = 0; i < into->images; i++) {
        size_t row = into->row[i];
        number->values[i] = (double)rows->width[row] * (double)rows->height[row];
    }
    drop_constant(into);
    if (into->of->sharpness != NULL) {
        TRY(add_number(into, "sharpness", "sharpness", &number, error));
        for (size_t i = 0; i < into->images; i++) {
            number->values[i] = into->of->sharpness[into->row[i]];
        }
        drop_constant(into);
    }
    if (into->original < into->head_count) {
        TRY(add_number(into, "confidence", "confidence", &number, error));
        for (size_t i = 0; i < into->images; i++) {
            number->values[i] = (double)sets[into->original].margin[into->row[i]];
        }
        drop_constant(into);
    }
done:
    return status;
}

spur_status control_group_add_columns(control_group *into, truth_column *const *columns,
                                      size_t count, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t j = 0; j < count; j++) {
        const truth_cell *cells = columns[j]->cells[into->of->index];
        control_number *made = NULL;
        if (cells == NULL) {
            continue;
        }
        TRY(add_number(into, columns[j]->name, columns[j]->name, &made, error));
        for (size_t i = 0; i < into->images; i++) {
            made->values[i] = cells[into->row[i]].number;
        }
        drop_constant(into);
    }
done:
    return status;
}

/* ---- the group --------------------------------------------------------------------------- */

spur_status control_group_make(spur_run *run, const control_split *of,
                               const prediction_name *names, size_t count, control_group *out,
                               spur_error *error)
{
    spur_status status;
    prediction_set *sets = NULL;
    control_group made;
    memset(&made, 0, sizeof made);
    made.of = of;
    made.names = names;
    made.head_count = made.original = count;
    TRY(memory_new_zeroed(count, sizeof *sets, &sets, error));
    for (size_t h = 0; h < count; h++) {
        TRY(predictions_load(run, &names[h], &sets[h], error));
        made.original = strcmp(names[h].head, HEAD_ORIGINAL) == 0 ? h : made.original;
    }
    TRY(order_images(sets, &made, error));
    TRY(take_answers(sets, &made, error));
    TRY(take_numbers(sets, &made, error));
    *out = made;
    memset(&made, 0, sizeof made);
done:
    for (size_t h = 0; sets != NULL && h < count; h++) {
        prediction_set_free(&sets[h]);
    }
    memory_free(sets);
    control_group_free(&made);
    return status;
}

/* ---- intervals --------------------------------------------------------------------------- */

spur_status control_group_draw(control_group *into, const spur_eval_options *options,
                               spur_error *error)
{
    spur_status status;
    const evaluation_rows *rows = &into->of->rows;
    size_t classes = 0;
    curve_rows drawn = {.count = into->images, .class_count = rows->class_count};
    TRY(memory_new(into->images, sizeof *drawn.class_index, &drawn.class_index, error));
    for (size_t i = 0; i < into->images; i++) {
        drawn.class_index[i] = rows->class_index[into->row[i]];
        classes += i == 0 || drawn.class_index[i] != drawn.class_index[i - 1] ? 1 : 0;
    }
    if (classes > 1) {
        TRY(bootstrap_weights_make(&drawn, options->seed, options->draws, options->threads,
                                   &into->weights, error));
    }
done:
    curve_rows_free(&drawn);
    return status;
}

/* Ends of every class over its strata: right ones apart, and images. */
static void sum_classes(const confound_gap *cells, size_t class_count, double *apart, double *n)
{
    for (size_t c = 0; c < class_count; c++) {
        confound_gap sum = confound_gap_sum(cells + c * CONFOUND_STRATA, 1, CONFOUND_STRATA);
        apart[c] = (double)sum.clear - (double)sum.hidden;
        n[c] = (double)sum.n;
    }
}

spur_status control_within_interval(const control_group *of, const confound_gap *cells,
                                    bootstrap_interval *out, spur_error *error)
{
    spur_status status;
    const bootstrap_weights *weights = &of->weights;
    size_t classes = of->of->rows.class_count;
    double *apart = NULL, *n = NULL, *gaps = NULL;
    *out = (bootstrap_interval){(double)NAN, (double)NAN};
    if (weights->times == NULL) {
        return SPUR_OK;
    }
    TRY(memory_new(classes, sizeof *apart, &apart, error));
    TRY(memory_new(classes, sizeof *n, &n, error));
    TRY(memory_new(weights->draws, sizeof *gaps, &gaps, error));
    sum_classes(cells, classes, apart, n);
    for (size_t d = 0; d < weights->draws; d++) {
        double sum = 0, images = 0;
        for (size_t c = 0; c < classes; c++) {
            double times = (double)weights->times[d * classes + c];
            sum += times * apart[c];
            images += times * n[c];
        }
        gaps[d] = images > 0 ? sum / images : (double)NAN;
    }
    TRY(bootstrap_interval_of(gaps, NULL, weights->draws, out, error));
done:
    memory_free(apart);
    memory_free(n);
    memory_free(gaps);
    return status;
}

/* ---- ends -------------------------------------------------------------------------------- */

typedef enum rank_end {
    END_NONE,
    END_HIDDEN,
    END_CLEAR
} rank_end;

static rank_end end_of(const control_group *of, curve_k k, size_t at)
{
    const evaluation_rows *rows = &of->of->rows;
    size_t row = of->row[at];
    uint32_t wanted = curve_k_of(k, rows->size[row]);
    if (rows->rank[row] <= wanted) {
        return END_HIDDEN;
    }
    return rows->rank[row] > rows->size[row] - wanted ? END_CLEAR : END_NONE;
}

void control_ends(const control_group *of, curve_k k, uint32_t *hidden, uint32_t *clear)
{
    const evaluation_rows *rows = &of->of->rows;
    memset(hidden, 0, rows->class_count * sizeof *hidden);
    memset(clear, 0, rows->class_count * sizeof *clear);
    for (size_t i = 0; i < of->images; i++) {
        rank_end end = end_of(of, k, i);
        hidden[rows->class_index[of->row[i]]] += end == END_HIDDEN ? 1 : 0;
        clear[rows->class_index[of->row[i]]] += end == END_CLEAR ? 1 : 0;
    }
}

double control_gap_without_suspects(const control_group *of, curve_k k, size_t of_head)
{
    uint64_t n[3] = {0}, right[3] = {0};
    for (size_t i = 0; i < of->images; i++) {
        if (of->of->is_suspect[of->row[i]] == 0) {
            rank_end end = end_of(of, k, i);
            n[end]++;
            right[end] += of->correct[i * of->head_count + of_head];
        }
    }
    if (n[END_CLEAR] == 0 || n[END_HIDDEN] == 0) {
        return (double)NAN;
    }
    return (double)right[END_CLEAR] / (double)n[END_CLEAR] -
           (double)right[END_HIDDEN] / (double)n[END_HIDDEN];
}
