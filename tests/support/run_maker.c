/*
 * run_maker.c - rows into run.db through the store itself.
 */
#include "run_maker.h"

#include "support.h"

#include <math.h>
#include <string.h>

static store_row row_of(const run_row *from, size_t i)
{
    store_row row;
    memset(&row, 0, sizeof row);
    row.row = i;
    memset(row.image_id, (int)i, sizeof row.image_id);
    row.file_name = from->file_name;
    row.class_index = from->class_index;
    row.group = from->group;
    row.extra = from->extra;
    row.weight = 1;
    row.format = "PNG";
    row.width = row.height = 100;
    if (isnan(from->logit)) {
        row.reason = "made to fail";
        return row;
    }
    row.logit = from->logit;
    memcpy(row.box, from->box, sizeof row.box);
    row.best_count = from->best_count;
    memcpy(row.best, from->best, sizeof from->best);
    row.has_other = from->best_count > 0;
    row.other_class = from->class_index == 0 ? 1 : 0;
    row.other_logit = row.has_other ? from->other_logit : 0;
    return row;
}

static void put_classes(store *into, const char *score, size_t class_count)
{
    static const float query[2] = {1, 2};
    const store_class classes[] = {{"a", "an a", "a photo of a.", 7, false, query},
                                   {"b", "a b", "a photo of b.", 7, false, query},
                                   {"c", "a c", "a photo of c.", 7, false, query}};
    const store_setting setting = {"score", score};
    spur_error error;
    assert_in_range(class_count, 1, 3);
    assert_ok(store_put_run(into, &setting, 1, classes, class_count, 2, &error), error);
}

void make_split(const char *folder, const char *split, const char *score, size_t class_count,
                const run_row *rows, size_t count)
{
    spur_error error;
    store *into = NULL;
    const store_split part = {split, "", "d", count};
    bool is_new = !store_exists(folder);
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &into, &error), error);
    if (is_new) {
        put_classes(into, score, class_count);
    }
    assert_ok(store_put_split(into, &part, &error), error);
    assert_ok(store_begin(into, &error), error);
    for (size_t first = 0; first < count; first += STORE_BATCH_ROWS) {
        store_row batch[STORE_BATCH_ROWS];
        size_t size = count - first < STORE_BATCH_ROWS ? count - first : STORE_BATCH_ROWS;
        for (size_t i = 0; i < size; i++) {
            batch[i] = row_of(&rows[first + i], first + i);
        }
        assert_ok(store_put_batch(into, split, first / STORE_BATCH_ROWS, batch, size, &error),
                  error);
    }
    assert_ok(store_commit(into, &error), error);
    store_close(into);
}

spur_run *make_run(const char *folder, size_t class_count, const run_row *rows, size_t count)
{
    spur_error error;
    spur_run *run = NULL;
    make_split(folder, "train", "max", class_count, rows, count);
    assert_ok(spur_run_open(folder, &run, &error), error);
    return run;
}
