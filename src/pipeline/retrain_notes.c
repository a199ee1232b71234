/*
 * retrain_notes.c - a head's numbers as the notes of its file, and back.
 *
 * Numbers are "%.17g", so that a summary read back is the one that was written. Splits and
 * folds are notes of their own: "split val" = "images known correct original unsafe".
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/retrain.h"

enum {
    FORMAT_VERSION = 1
};

/* Pairs under construction; texts in the arena. */
typedef struct notes {
    arena *memory;
    const char **pairs;
    size_t count, capacity;
} notes;

static spur_status add_note(notes *into, const char *key, const char *value, spur_error *error)
{
    spur_status status;
    char *kept_key, *kept;
    TRY(memory_grow(&into->pairs, &into->capacity, 2 * into->count + 2, sizeof *into->pairs,
                    error));
    TRY(arena_text(into->memory, key, strlen(key), &kept_key, error));
    TRY(arena_text(into->memory, value, strlen(value), &kept, error));
    into->pairs[2 * into->count] = kept_key;
    into->pairs[2 * into->count + 1] = kept;
    into->count++;
done:
    return status;
}

static spur_status add_number(notes *into, const char *key, double value, spur_error *error)
{
    char text[TEXT_NUMBER_SIZE];
    text_from_double(value, text);
    return add_note(into, key, text, error);
}

static spur_status add_count(notes *into, const char *key, uint64_t value, spur_error *error)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return add_note(into, key, text, error);
}

static spur_status add_flag(notes *into, const char *key, bool value, spur_error *error)
{
    return add_note(into, key, value ? "yes" : "no", error);
}

/* Numbered lists: "fold 0" = "C top1", "blend 3" = "share top1". */
static spur_status add_pair(notes *into, const char *what, size_t number, double a, double b,
                            spur_error *error)
{
    char key[40], first[TEXT_NUMBER_SIZE], second[TEXT_NUMBER_SIZE];
    char value[2 * TEXT_NUMBER_SIZE];
    (void)snprintf(key, sizeof key, "%s %06zu", what, number);
    text_from_double(a, first);
    text_from_double(b, second);
    (void)snprintf(value, sizeof value, "%s %s", first, second);
    return add_note(into, key, value, error);
}

/* "trial 000003" = "10% 0.25 0.01 worst mean", "chosen" = its number. */
static spur_status add_trials(notes *into, const spur_head_summary *row, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer value = {0};
    for (size_t i = 0; i < row->trial_count; i++) {
        const spur_auto_trial *trial = &row->trials[i];
        const double numbers[] = {trial->clear, trial->C, trial->worst, trial->mean};
        char key[40], number[TEXT_NUMBER_SIZE];
        (void)snprintf(key, sizeof key, "trial %06zu", i);
        value.length = 0;
        TRY(text_format(&value, error, "%s", trial->amount));
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
            text_from_double(numbers[j], number);
            TRY(text_format(&value, error, " %s", number));
        }
        TRY(add_note(into, key, value.data, error));
    }
    TRY(row->trial_count > 0 ? add_count(into, "chosen", row->chosen, error) : SPUR_OK);
done:
    text_buffer_free(&value);
    return status;
}

static spur_status add_lists(notes *into, const spur_head_summary *row, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer key = {0}, value = {0};
    for (size_t i = 0; i < row->split_count; i++) {
        const spur_head_split *split = &row->splits[i];
        key.length = value.length = 0;
        TRY(text_format(&key, error, "split %s", split->split));
        TRY(text_format(
            &value, error, "%llu %llu %llu %llu %llu", (unsigned long long)split->images,
            (unsigned long long)split->known, (unsigned long long)split->correct,
            (unsigned long long)split->original_correct, (unsigned long long)split->unsafe));
        TRY(add_note(into, key.data, value.data, error));
    }
    for (size_t i = 0; i < row->fold_count; i++) {
        TRY(add_pair(into, "fold", i, row->folds[i].C, row->folds[i].top1, error));
    }
    for (size_t i = 0; i < row->blend_count; i++) {
        TRY(add_pair(into, "blend", i, row->blends[i].share, row->blends[i].top1, error));
    }
done:
    text_buffer_free(&key);
    text_buffer_free(&value);
    return status;
}

static spur_status add_summary(notes *into, const spur_head_summary *row,
                               const recipe_result *from, spur_error *error)
{
    spur_status status;
    TRY(add_count(into, "format_version", FORMAT_VERSION, error));
    TRY(add_note(into, "recipe", row->recipe, error));
    TRY(add_count(into, "images", row->images, error));
    TRY(add_count(into, "absent_classes", row->absent, error));
    TRY(add_number(into, "C", row->C, error));
    TRY(add_flag(into, "certified", row->is_certified, error));
    TRY(add_flag(into, "cancelled", row->is_cancelled, error));
    TRY(add_count(into, "epochs", row->epochs, error));
    TRY(add_count(into, "steps", row->steps, error));
    TRY(add_count(into, "products", row->products, error));
    if (from->weight_sum > 0.0) {
        TRY(add_number(into, "weight_sum", from->weight_sum, error));
        TRY(add_number(into, "objective", row->objective, error));
    }
    if (row->is_certified) {
        TRY(add_number(into, "gradient_norm_W", row->weight_gradient, error));
        TRY(add_number(into, "gradient_norm_b", row->bias_gradient, error));
        TRY(add_number(into, "objective_gap", row->gap, error));
        TRY(add_number(into, "W_error", row->weight_error, error));
        TRY(add_number(into, "b_error", row->bias_error, error));
    }
    TRY(add_lists(into, row, error));
    TRY(add_trials(into, row, error));
done:
    return status;
}

static spur_status add_absent(notes *into, const head *own, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer list = {0};
    for (size_t k = 0; k < own->classes; k++) {
        if (own->bias[k] <= TALLY_ABSENT_BIAS) {
            TRY(text_format(&list, error, list.length > 0 ? " %zu" : "%zu", k));
        }
    }
    if (list.length > 0) {
        TRY(add_note(into, "absent", list.data, error));
    }
done:
    text_buffer_free(&list);
    return status;
}

spur_status retrain_write(const char *path, const char *prefix, const spur_head_summary *row,
                          const recipe_result *from, const char *const *more, size_t more_count,
                          spur_error *error)
{
    spur_status status;
    notes made = {0};
    TRY(arena_new(&made.memory, error));
    TRY(add_summary(&made, row, from, error));
    TRY(add_absent(&made, &from->own, error));
    for (size_t i = 0; i < more_count; i++) {
        TRY(add_note(&made, more[2 * i], more[2 * i + 1], error));
    }
    TRY(head_file_write(path, &from->own, prefix, made.pairs, made.count, error));
done:
    memory_free(made.pairs);
    arena_free(made.memory);
    return status;
}

/* ---- reading ---------------------------------------------------------------------------- */

static double number_of(const head_file *from, const char *key, double fallback)
{
    double value;
    const char *text = head_file_note(from, key);
    return text != NULL && text_to_double(text, &value) ? value : fallback;
}

static uint64_t count_of(const head_file *from, const char *key)
{
    uint64_t value;
    const char *text = head_file_note(from, key);
    return text != NULL && text_to_u64(text, &value) ? value : 0;
}

static bool flag_of(const head_file *from, const char *key)
{
    const char *text = head_file_note(from, key);
    return text != NULL && strcmp(text, "yes") == 0;
}

/* The note's words as whole numbers; false when it is anything else. */
static bool parse_counts(const char *text, uint64_t *out, size_t count)
{
    char word[32];
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(text, " ");
        if (length == 0 || length >= sizeof word) {
            return false;
        }
        memcpy(word, text, length);
        word[length] = '\0';
        if (!text_to_u64(word, &out[i])) {
            return false;
        }
        text += length + (text[length] == ' ' ? 1 : 0);
    }
    return *text == '\0';
}

static bool parse_pair(const char *text, double *a, double *b)
{
    char word[TEXT_NUMBER_SIZE];
    size_t length = strcspn(text, " ");
    if (length == 0 || length >= sizeof word || text[length] != ' ') {
        return false;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    return text_to_double(word, a) && text_to_double(text + length + 1, b);
}

/* A trial that does not parse is left out: the count then tells. */
static spur_status read_trial(retrain_summary *in, const char *value, spur_head_summary *row,
                              spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_auto_trial *trial = &row->trials[row->trial_count];
    double *const numbers[] = {&trial->clear, &trial->C, &trial->worst, &trial->mean};
    char word[TEXT_NUMBER_SIZE];
    size_t length = strcspn(value, " ");
    for (size_t j = 0; j <= sizeof numbers / sizeof *numbers; j++) {
        if (length == 0 || length >= sizeof word) {
            goto done;
        }
        memcpy(word, value, length);
        word[length] = '\0';
        if (j == 0) {
            TRY(retrain_text(in, word, &trial->amount, error));
        } else if (!text_to_double(word, numbers[j - 1])) {
            goto done;
        }
        value += length + (value[length] == ' ' ? 1 : 0);
        length = strcspn(value, " ");
    }
    row->trial_count++;
done:
    return status;
}

static spur_status read_list(retrain_summary *in, const char *key, const char *value,
                             spur_head_summary *row, spur_error *error)
{
    spur_status status = SPUR_OK;
    uint64_t counts[5];
    double a, b;
    if (strncmp(key, "split ", 6) == 0 && parse_counts(value, counts, 5)) {
        spur_head_split *split = &row->splits[row->split_count];
        TRY(retrain_text(in, key + 6, &split->split, error));
        split->images = counts[0];
        split->known = counts[1];
        split->correct = counts[2];
        split->original_correct = counts[3];
        split->unsafe = counts[4];
        row->split_count++;
    } else if (strncmp(key, "fold ", 5) == 0 && parse_pair(value, &a, &b)) {
        row->folds[row->fold_count++] = (spur_head_fold){a, b};
    } else if (strncmp(key, "blend ", 6) == 0 && parse_pair(value, &a, &b)) {
        row->blends[row->blend_count++] = (spur_head_blend){a, b};
    } else if (strncmp(key, "trial ", 6) == 0) {
        TRY(read_trial(in, value, row, error));
    }
done:
    return status;
}

spur_status retrain_read(retrain_summary *in, const head_file *from, spur_head_summary *row,
                         spur_error *error)
{
    spur_status status;
    size_t count = head_file_note_count(from);
    const head *own = head_file_head(from);
    const char *trained_by = head_file_note(from, "recipe");
    TRY(retrain_text(in, trained_by != NULL ? trained_by : "unknown", &row->recipe, error));
    TRY(arena_take(in->memory, count + 1, sizeof *row->splits, &row->splits, error));
    TRY(arena_take(in->memory, count + 1, sizeof *row->folds, &row->folds, error));
    TRY(arena_take(in->memory, count + 1, sizeof *row->blends, &row->blends, error));
    TRY(arena_take(in->memory, count + 1, sizeof *row->trials, &row->trials, error));
    for (size_t i = 0; i < count; i++) {
        const char *key, *value;
        head_file_note_at(from, i, &key, &value);
        TRY(read_list(in, key, value, row, error));
    }
    row->features = own->features;
    row->classes = own->classes;
    row->images = count_of(from, "images");
    row->absent = (size_t)count_of(from, "absent_classes");
    row->chosen = (size_t)count_of(from, "chosen");
    row->epochs = (size_t)count_of(from, "epochs");
    row->steps = (size_t)count_of(from, "steps");
    row->products = (size_t)count_of(from, "products");
    row->C = number_of(from, "C", 0.0);
    row->is_certified = flag_of(from, "certified");
    row->is_cancelled = flag_of(from, "cancelled");
    row->objective = number_of(from, "objective", NAN);
    row->weight_gradient = number_of(from, "gradient_norm_W", HUGE_VAL);
    row->bias_gradient = number_of(from, "gradient_norm_b", HUGE_VAL);
    row->gap = number_of(from, "objective_gap", HUGE_VAL);
    row->weight_error = number_of(from, "W_error", HUGE_VAL);
    row->bias_error = number_of(from, "b_error", HUGE_VAL);
done:
    return status;
}
