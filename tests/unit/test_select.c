/*
 * test_select.c - subsets are what their definitions say, do not depend on the order of files,
 * are kept and noticed when stale, and are exported as rows, manifests and links.
 */
#include "support.h"
#include "tamper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/file.h"
#include "io/store.h"
#include "pipeline/select.h"

enum {
    LARGE = 40, /* images of class 0 */
    SMALL = 7,  /* of class 1; class 2 has none */
    IMAGES = LARGE + SMALL,
    NAME_SIZE = 32
};

/* How the same images are put into a run. */
typedef struct variant {
    bool is_negated, is_reversed, has_ties;
    size_t missing; /* images at the end that are not scored */
} variant;

/* Image i of the dataset, wherever its row is. */
static float logit_of(size_t i, const variant *as)
{
    random_key key = random_key_make(7, "test");
    float value = (float)(random_uniform(key, 0, i) * 8.0 - 4.0);
    value = as->has_ties ? (float)(i % 3) : value;
    return as->is_negated ? -value : value;
}

static void make_id(const char *name, unsigned char out[STORE_ID_SIZE])
{
    spur_error error;
    char text[64];
    unsigned char sum[DIGEST_SIZE];
    int length = snprintf(text, sizeof text, "train%c%s", 0, name);
    assert_ok(digest_of(text, (size_t)length, sum, &error), error);
    memcpy(out, sum, STORE_ID_SIZE);
}

static void make_row(size_t row, const variant *as, char name[NAME_SIZE], store_row *out)
{
    size_t i = as->is_reversed ? IMAGES - 1 - row : row;
    memset(out, 0, sizeof *out);
    /* Two folders of one class hold files of the same name. */
    (void)snprintf(name, NAME_SIZE, "%s/%c/%02zu.png", i < LARGE ? "cat" : "dog",
                   i % 2 == 0 ? 'a' : 'b', i / 2);
    out->row = row;
    make_id(name, out->image_id);
    out->file_name = name;
    out->class_index = i < LARGE ? 0 : 1;
    out->weight = 1.0;
    out->format = "PNG";
    out->width = out->height = 10;
    out->orientation = 1;
    out->logit = logit_of(i, as);
}

static void put_images(store *into, const variant *as)
{
    spur_error error;
    size_t count = IMAGES - as->missing;
    assert_ok(store_begin(into, &error), error);
    for (size_t i = 0; i < count; i += STORE_BATCH_ROWS) {
        store_row rows[STORE_BATCH_ROWS];
        char names[STORE_BATCH_ROWS][NAME_SIZE];
        size_t size = count - i < STORE_BATCH_ROWS ? count - i : STORE_BATCH_ROWS;
        for (size_t j = 0; j < size; j++) {
            make_row(i + j, as, names[j], &rows[j]);
        }
        assert_ok(store_put_batch(into, "train", i / STORE_BATCH_ROWS, rows, size, &error),
                  error);
    }
    assert_ok(store_commit(into, &error), error);
}

static void make_run(const char *folder, const char *root, const variant *as)
{
    static const float query[1] = {1.0F};
    spur_error error;
    store *into = NULL;
    const store_class classes[] = {{"cat", "a cat", "a photo of a cat.", 7, false, query},
                                   {"../dog", "dog", "a photo of a dog.", 7, false, query},
                                   {"none", "none", "a photo of a none.", 7, false, query}};
    const store_split split = {"train", root, "d", IMAGES};
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &into, &error), error);
    assert_ok(store_put_run(into, NULL, 0, classes, 3, 1, &error), error);
    assert_ok(store_put_split(into, &split, &error), error);
    put_images(into, as);
    store_close(into);
}

static void drop_and_score(const char *folder, const variant *as)
{
    spur_error error;
    store *into = NULL;
    const store_split split = {"train", "/nowhere", "d", IMAGES};
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &into, &error), error);
    assert_ok(store_drop_split(into, "train", &error), error);
    store_close(into);
    make_run(folder, split.root, as);
}

static spur_select_summary *select_subsets(const char *folder,
                                           const spur_select_options *options)
{
    spur_error error;
    spur_select_summary *summary = NULL;
    assert_ok(spur_select(folder, options, NULL, &summary, &error), error);
    return summary;
}

static spur_select_options options_of(const char *subsets, const char *amounts)
{
    spur_select_options options;
    spur_select_options_defaults(&options);
    options.subsets = subsets;
    options.amounts = amounts;
    return options;
}

/* in[image of the dataset] = 1 for the members. */
static size_t read_members(const char *folder, const char *name, const variant *as,
                           unsigned char in[IMAGES])
{
    spur_error error;
    spur_run *run = NULL;
    const char *split = NULL;
    uint64_t *rows = NULL;
    size_t count = 0;
    memset(in, 0, IMAGES);
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_ok(subset_members(run, name, &split, &rows, &count, &error), error);
    assert_string_equal(split, "train");
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || rows[i] > rows[i - 1]);
        in[as->is_reversed ? IMAGES - 1 - rows[i] : rows[i]] = 1;
    }
    memory_free(rows);
    spur_run_close(run);
    return count;
}

/* Images of class 0 with a lower logit than image i. */
static size_t position_of(size_t i, const variant *as)
{
    size_t lower = 0;
    for (size_t j = 0; j < LARGE; j++) {
        lower += logit_of(j, as) < logit_of(i, as);
    }
    return lower;
}

static void definitions(void **state)
{
    const variant plain = {0};
    const char *folder = temp_in(*state, "run");
    unsigned char clear[IMAGES], mid[IMAGES], hidden[IMAGES], drawn[IMAGES];
    spur_select_options options = options_of(NULL, "9");
    make_run(folder, "/nowhere", &plain);
    spur_select_summary_free(select_subsets(folder, &options));
    assert_int_equal(read_members(folder, "clear-9", &plain, clear), 9 + SMALL);
    assert_int_equal(read_members(folder, "mid-9", &plain, mid), 9 + SMALL);
    assert_int_equal(read_members(folder, "hidden-9", &plain, hidden), 9 + SMALL);
    assert_int_equal(read_members(folder, "rnd-9-s4", &plain, drawn), 9 + SMALL);
    for (size_t i = 0; i < LARGE; i++) {
        size_t position = position_of(i, &plain);
        assert_int_equal(hidden[i], position < 9);
        assert_int_equal(clear[i], position >= LARGE - 9);
        assert_int_equal(mid[i], position >= 15 && position < 24); /* floor((40 - 9) / 2) */
    }
}

/* clear-k of the scores is hidden-k of the negated scores. */
static void negated_scores_swap_clear_and_hidden(void **state)
{
    const variant plain = {0};
    const variant negated = {.is_negated = true};
    unsigned char one[IMAGES], other[IMAGES];
    spur_select_options options = options_of("clear,hidden", "1,9,20%");
    char names[2][512];
    (void)snprintf(names[0], sizeof names[0], "%s", temp_in(*state, "plain"));
    (void)snprintf(names[1], sizeof names[1], "%s", temp_in(*state, "negated"));
    make_run(names[0], "/nowhere", &plain);
    make_run(names[1], "/nowhere", &negated);
    spur_select_summary_free(select_subsets(names[0], &options));
    spur_select_summary_free(select_subsets(names[1], &options));
    static const char *const amounts[] = {"1", "9", "20pct"};
    for (size_t i = 0; i < 3; i++) {
        char clear[64], hidden[64];
        (void)snprintf(clear, sizeof clear, "clear-%s", amounts[i]);
        (void)snprintf(hidden, sizeof hidden, "hidden-%s", amounts[i]);
        assert_true(read_members(names[0], clear, &plain, one) > 0);
        (void)read_members(names[1], hidden, &negated, other);
        assert_memory_equal(one, other, IMAGES);
        (void)read_members(names[0], hidden, &plain, one);
        (void)read_members(names[1], clear, &negated, other);
        assert_memory_equal(one, other, IMAGES);
    }
}

static void order_of_files_does_not_matter(void **state)
{
    static const char *const all[] = {"clear-9", "mid-9", "hidden-9", "rnd-9-s0", "rnd-9-s1"};
    spur_select_options options = options_of(NULL, "9");
    char names[2][512];
    for (size_t ties = 0; ties < 2; ties++) {
        const variant plain = {.has_ties = ties == 1};
        const variant reversed = {.is_reversed = true, .has_ties = ties == 1};
        unsigned char one[IMAGES], other[IMAGES];
        (void)snprintf(names[0], sizeof names[0], "%s", temp_in(*state, ties ? "at" : "a"));
        (void)snprintf(names[1], sizeof names[1], "%s", temp_in(*state, ties ? "bt" : "b"));
        make_run(names[0], "/nowhere", &plain);
        make_run(names[1], "/nowhere", &reversed);
        spur_select_summary_free(select_subsets(names[0], &options));
        spur_select_summary_free(select_subsets(names[1], &options));
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            assert_int_equal(read_members(names[0], all[i], &plain, one), 9 + SMALL);
            (void)read_members(names[1], all[i], &reversed, other);
            assert_memory_equal(one, other, IMAGES);
        }
    }
}

/* Of one seed smaller subsets lie inside larger ones; other seeds draw others; the choice is
 * the documented one: the smallest Philox numbers at the ids. */
static void random_subsets(void **state)
{
    const variant plain = {0};
    const char *folder = temp_in(*state, "run");
    unsigned char small[IMAGES], large[IMAGES], other[IMAGES];
    spur_select_options options = options_of("rnd", "5,9,100%");
    options.seeds = 2;
    make_run(folder, "/nowhere", &plain);
    spur_select_summary_free(select_subsets(folder, &options));
    (void)read_members(folder, "rnd-5-s0", &plain, small);
    (void)read_members(folder, "rnd-9-s0", &plain, large);
    (void)read_members(folder, "rnd-9-s1", &plain, other);
    for (size_t i = 0; i < IMAGES; i++) {
        assert_true(small[i] <= large[i]);
    }
    assert_memory_not_equal(large, other, IMAGES);
    assert_int_equal(read_members(folder, "rnd-100pct-s1", &plain, other), IMAGES);
    uint32_t words[4];
    random_words(random_key_make(0, "subset"), 0, 0, words);
    const random_key key = {{words[0], words[1]}};
    uint32_t largest_in = 0, smallest_out = UINT32_MAX;
    for (size_t i = 0; i < LARGE; i++) {
        store_row row;
        char name[NAME_SIZE];
        uint64_t halves[2] = {0, 0};
        make_row(i, &plain, name, &row);
        for (size_t j = 0; j < STORE_ID_SIZE; j++) {
            halves[j / 8] = halves[j / 8] << 8 | row.image_id[j];
        }
        random_words(key, halves[0], halves[1], words);
        if (large[i]) {
            largest_in = words[0] > largest_in ? words[0] : largest_in;
        } else {
            smallest_out = words[0] < smallest_out ? words[0] : smallest_out;
        }
    }
    assert_true(largest_in < smallest_out);
}

static void counts(void **state)
{
    const variant plain = {.missing = 1};
    const char *folder = temp_in(*state, "run");
    spur_select_options options = options_of("hidden,clear,clear", "10,4");
    make_run(folder, "/nowhere", &plain);
    spur_select_summary *summary = select_subsets(folder, &options);
    assert_int_equal(summary->subset_count, 4);
    assert_int_equal(summary->class_count, 3);
    assert_int_equal(summary->available, IMAGES - 1);
    assert_int_equal(summary->pending, 1);
    const spur_subset *four = &summary->subsets[0];
    assert_string_equal(four->name, "clear-4");
    assert_int_equal(four->images, 8);
    assert_int_equal(four->short_classes, 0);
    assert_int_equal(four->overlap_classes, 1); /* 6 images, fewer than 2 * 4 */
    const spur_subset *ten = &summary->subsets[3];
    assert_string_equal(ten->name, "hidden-10");
    assert_string_equal(ten->definition, "of each class the 10 images with the lowest scores");
    assert_int_equal(ten->images, 16);
    assert_int_equal(ten->smallest, 6);
    assert_int_equal(ten->largest, 10);
    assert_int_equal(ten->short_classes, 1);
    assert_int_equal(ten->overlap_classes, 1);
    assert_int_equal(ten->class_images[0], 10);
    assert_int_equal(ten->class_images[1], 6);
    assert_int_equal(ten->class_images[2], 0);
    assert_false(ten->was_there);
    spur_select_summary_free(summary);
}

static spur_status try_select(const char *folder, const spur_select_options *options,
                              spur_error *error)
{
    return spur_select(folder, options, NULL, NULL, error);
}

static void again_and_otherwise(void **state)
{
    const variant plain = {0};
    const variant negated = {.is_negated = true};
    spur_error error;
    spur_run *run = NULL;
    const char *split;
    uint64_t *rows = NULL;
    size_t count;
    const char *folder = temp_in(*state, "run");
    spur_select_options options = options_of("clear", "3");
    make_run(folder, "/nowhere", &plain);
    spur_select_summary_free(select_subsets(folder, &options));
    spur_select_summary *summary = select_subsets(folder, &options);
    assert_true(summary->subsets[0].was_there);
    spur_select_summary_free(summary);
    /* Scored again with the same result: still the same subset. */
    drop_and_score(folder, &plain);
    assert_ok(try_select(folder, &options, &error), error);
    /* With another: stale for readers and for the same command. */
    drop_and_score(folder, &negated);
    assert_int_equal(try_select(folder, &options, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "--restart"));
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_int_equal(subset_members(run, "clear-3", &split, &rows, &count, &error),
                     SPUR_DATASET);
    assert_non_null(strstr(error.message, "other scores"));
    assert_int_equal(subset_members(run, "clear-4", &split, &rows, &count, &error),
                     SPUR_DATASET);
    assert_non_null(strstr(error.message, "no subset clear-4"));
    spur_run_close(run);
    options.dry_run = options.restart = true;
    assert_ok(try_select(folder, &options, &error), error); /* changes nothing */
    options.dry_run = options.restart = false;
    assert_int_equal(try_select(folder, &options, &error), SPUR_DATASET);
    options.restart = true;
    assert_ok(try_select(folder, &options, &error), error);
    options.restart = false;
    assert_ok(try_select(folder, &options, &error), error);
}

static void all_subsets_in_order(void **state)
{
    const variant plain = {0};
    spur_error error;
    spur_run *run = NULL;
    subset_key *keys = NULL;
    size_t count = 0;
    char text[SUBSET_KEY_SIZE];
    const char *folder = temp_in(*state, "run");
    spur_select_options options = options_of("rnd,clear", "100,20");
    options.seeds = 2;
    make_run(folder, "/nowhere", &plain);
    spur_select_summary_free(select_subsets(folder, &options));
    assert_ok(spur_run_open(folder, &run, &error), error);
    assert_ok(subset_list(run, &keys, &count, &error), error);
    assert_int_equal(count, 6);
    subset_key_text(&keys[1], SPUR_NAMING_CONTENT, text);
    assert_string_equal(text, "clear-100");
    subset_key_text(&keys[3], SPUR_NAMING_CONTENT, text);
    assert_string_equal(text, "rnd-20-s1");
    memory_free(keys);
    spur_run_close(run);
}

typedef struct log_lines {
    size_t count;
    char last[300];
} log_lines;

static void keep_line(void *context, spur_log_level level, const char *message)
{
    log_lines *into = context;
    assert_int_equal(level, SPUR_LOG_WARNING);
    into->count++;
    (void)snprintf(into->last, sizeof into->last, "%s", message);
}

/* By name and by id; an unknown entry is named; the order of the list does not matter. */
static void excluded_images(void **state)
{
    const variant plain = {0};
    spur_error error;
    log_lines lines = {0, ""};
    const spur_monitor monitor = {.context = &lines, .log = keep_line};
    spur_select_summary *summary = NULL;
    char text[200], id[33], name[NAME_SIZE];
    unsigned char in[IMAGES];
    store_row row;
    const char *folder = temp_in(*state, "run");
    const char *list = temp_in(*state, "list");
    spur_select_options options = options_of("rnd", "100%");
    make_run(folder, "/nowhere", &plain);
    make_row(5, &plain, name, &row);
    digest_hex(row.image_id, STORE_ID_SIZE, id);
    (void)snprintf(text, sizeof text, "cat/a/00.png\n%s\nno such.png\r\ncat/a/00.png\n", id);
    assert_ok(file_replace(list, text, strlen(text), &error), error);
    options.exclude = list;
    options.seeds = 1;
    assert_ok(spur_select(folder, &options, &monitor, &summary, &error), error);
    assert_int_equal(summary->excluded, 2);
    assert_int_equal(summary->unknown, 1);
    assert_int_equal(summary->classes[0].excluded, 2);
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.last, "line 3: no image of the run is 'no such.png'"));
    spur_select_summary_free(summary);
    assert_int_equal(read_members(folder, "rnd-100pct-s0", &plain, in), IMAGES - 2);
    assert_false(in[0] || in[5]);
    (void)snprintf(text, sizeof text, "%s\ncat/a/00.png\n", name);
    assert_ok(file_replace(list, text, strlen(text), &error), error);
    assert_ok(try_select(folder, &options, &error), error); /* the same images */
    options.exclude = NULL;
    assert_int_equal(try_select(folder, &options, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "exclude"));
    options.exclude = temp_in(*state, "no-list");
    assert_int_equal(try_select(folder, &options, &error), SPUR_DATASET);
}

static void what_makes_no_sense(void **state)
{
    const variant plain = {0};
    spur_error error;
    const char *folder = temp_in(*state, "run");
    spur_select_options options = options_of("clear,", "3");
    make_run(folder, "/nowhere", &plain);
    assert_int_equal(try_select(folder, &options, &error), SPUR_USAGE);
    options = options_of("clear", "3,");
    assert_int_equal(try_select(folder, &options, &error), SPUR_USAGE);
    options = options_of("top", "3");
    assert_int_equal(try_select(folder, &options, &error), SPUR_USAGE);
    assert_non_null(strstr(error.message, "two opposite meanings"));
    options = options_of("rnd", "3");
    options.seeds = 0;
    assert_int_equal(try_select(folder, &options, &error), SPUR_USAGE);
    options.seeds = 2;
    options.seed = UINT64_MAX;
    assert_int_equal(try_select(folder, &options, &error), SPUR_USAGE);
    options = options_of("clear", "3");
    options.split = "val";
    assert_int_equal(try_select(folder, &options, &error), SPUR_DATASET);
    assert_int_equal(try_select(temp_in(*state, "none"), &options, &error), SPUR_DATASET);
    assert_int_equal(access(temp_in(*state, "none"), F_OK), -1); /* nothing was made */
}

/* Every change of a stored subset is noticed when the run is opened. */
static void changed_subsets_are_refused(void **state)
{
    static const char *const changes[] = {
        "UPDATE subset_members SET rank = rank + 1 WHERE subset = 'clear-3' AND rank = 38",
        ("UPDATE subset_members SET row = 1000 WHERE row = (SELECT max(row) FROM "
         "subset_members)"),
        "DELETE FROM subset_members WHERE row = (SELECT max(row) FROM subset_members)",
        "DELETE FROM subsets",
        "DELETE FROM subset_members; DELETE FROM subsets",
        "UPDATE subsets SET subset = 'hidden-3'",
        "UPDATE subsets SET exclusion = 'x'",
        "UPDATE subsets SET ranking = zeroblob(32)",
        "UPDATE subsets SET ranking = 'x'",
        "UPDATE subsets SET images = 'x'",
        "UPDATE subset_members SET rank = 'x'",
        "INSERT INTO subset_members VALUES ('mid-3', 0, 0, 1)",
    };
    const variant plain = {0};
    spur_select_options options = options_of("clear", "3");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        spur_error error;
        spur_run *run = NULL;
        char name[16];
        (void)snprintf(name, sizeof name, "run%zu", i);
        const char *folder = temp_in(*state, name);
        make_run(folder, "/nowhere", &plain);
        spur_select_summary_free(select_subsets(folder, &options));
        tamper(folder, changes[i]);
        if (spur_run_open(folder, &run, &error) != SPUR_DATASET) {
            fail_msg("not noticed: %s", changes[i]);
        }
        assert_non_null(strstr(error.message, "failed check"));
    }
}

/* ---- exports --------------------------------------------------------------------------- */

static void touch(const char *folder, const char *name)
{
    spur_error error;
    char path[700];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    *strrchr(path, '/') = '\0';
    assert_ok(file_make_folder(path, &error), error);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, "x", 1, &error), error);
}

/* A run whose images exist, with clear-4 and hidden-4. */
static spur_run *run_with_files(void *state)
{
    const variant plain = {0};
    spur_error error;
    spur_run *run = NULL;
    const char *root = temp_in(state, "images");
    spur_select_options options = options_of("clear,hidden", "4,100%");
    for (size_t i = 0; i < IMAGES; i++) {
        store_row row;
        char name[NAME_SIZE];
        make_row(i, &plain, name, &row);
        touch(root, name);
    }
    make_run(temp_in(state, "run"), root, &plain);
    spur_select_summary_free(select_subsets(temp_in(state, "run"), &options));
    assert_ok(spur_run_open(temp_in(state, "run"), &run, &error), error);
    return run;
}

static char *load(const char *path)
{
    spur_error error;
    unsigned char *bytes;
    size_t size;
    assert_ok(file_load(path, 1 << 20, SPUR_DATASET, &bytes, &size, &error), error);
    return (char *)bytes;
}

/* A subset's rows are lines of the whole table, in its order. */
static void rows_of_a_subset(void **state)
{
    spur_error error;
    spur_run *run = run_with_files(*state);
    spur_export_options options = {.subset = "clear-4"};
    assert_ok(spur_export_csv(run, temp_in(*state, "all"), NULL, &error), error);
    assert_ok(spur_export_csv(run, temp_in(*state, "some"), &options, &error), error);
    char *all = load(temp_in(*state, "all"));
    char *some = load(temp_in(*state, "some"));
    const char *from = all;
    size_t lines = 0;
    for (char *line = strtok(some, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        from = strstr(from, line);
        assert_non_null(from);
        lines++;
    }
    assert_int_equal(lines, 1 + 8);
    memory_free(all);
    memory_free(some);
    options.subset = "top-4";
    assert_int_equal(spur_export_csv(run, temp_in(*state, "x"), &options, &error), SPUR_USAGE);
    options.naming = SPUR_NAMING_SCORE;
    assert_ok(spur_export_csv(run, temp_in(*state, "x"), &options, &error), error);
    options.split = "val";
    assert_int_equal(spur_export_csv(run, temp_in(*state, "y"), &options, &error),
                     SPUR_DATASET);
    assert_int_equal(access(temp_in(*state, "y"), F_OK), -1);
    spur_run_close(run);
}

/* The manifest's names lead from its own folder to the images. */
static void manifest_of_a_subset(void **state)
{
    spur_error error;
    spur_run *run = run_with_files(*state);
    const spur_export_options options = {.subset = "hidden-4"};
    static const char *const places[] = {"images/metadata.csv", "images/cat/m.csv", "m.csv"};
    for (size_t i = 0; i < 3; i++) {
        const char *path = temp_in(*state, places[i]);
        assert_ok(spur_export_manifest(run, path, &options, &error), error);
        char *text = load(path);
        size_t lines = 0;
        char *line = strtok(text, "\n");
        assert_string_equal(line, "file_name,label,split,rank,logit");
        while ((line = strtok(NULL, "\n")) != NULL) {
            char image[900];
            (void)snprintf(image, sizeof image, "%s", path);
            (void)snprintf(strrchr(image, '/') + 1, 200, "%.*s", (int)strcspn(line, ","), line);
            assert_int_equal(access(image, R_OK), 0);
            lines++;
        }
        assert_int_equal(lines, 8);
        memory_free(text);
    }
    spur_run_close(run);
}

static size_t count_links(const char *folder)
{
    char command[700];
    size_t count = 0;
    (void)snprintf(command, sizeof command, "find '%s' -type l -exec test -f {} \\; -print",
                   folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (int c; (c = fgetc(pipe)) != EOF;) {
        count += c == '\n';
    }
    (void)pclose(pipe);
    return count;
}

/* Names that collide get ids, a label that leads elsewhere is replaced, nothing is
 * overwritten, and a link in the place of a folder is not followed. */
static void links_of_a_subset(void **state)
{
    spur_error error;
    uint64_t links = 0;
    struct stat facts;
    spur_run *run = run_with_files(*state);
    spur_export_options options = {.subset = "clear-100%"};
    char folder[512], path[600];
    (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, "links"));
    assert_ok(spur_export_links(run, folder, &options, &links, &error), error);
    assert_int_equal(links, IMAGES);
    assert_int_equal(count_links(folder), IMAGES);
    (void)snprintf(path, sizeof path, "%s/class-1", folder);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(access(temp_in(*state, "dog"), F_OK), -1);
    assert_ok(spur_export_links(run, folder, &options, &links, &error), error); /* again */
    options.subset = "hidden-4";
    assert_int_equal(spur_export_links(run, folder, &options, &links, &error), SPUR_RESOURCE);
    assert_non_null(strstr(error.message, "does not belong"));
    /* A folder that is a link. */
    (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, "other"));
    assert_ok(file_make_folder(folder, &error), error);
    assert_ok(file_make_folder(temp_in(*state, "outside"), &error), error);
    (void)snprintf(path, sizeof path, "%s/cat", folder);
    assert_int_equal(symlink(temp_in(*state, "outside"), path), 0);
    assert_int_equal(spur_export_links(run, folder, &options, &links, &error), SPUR_RESOURCE);
    assert_non_null(strstr(error.message, "is a link"));
    assert_int_equal(count_links(temp_in(*state, "outside")), 0);
    /* A file with the name of a link. */
    (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, "third"));
    assert_ok(spur_export_links(run, folder, &options, &links, &error), error);
    (void)snprintf(path, sizeof path,
                   "find '%s' -type l | while read -r f; do rm \"$f\"; "
                   "echo mine >\"$f\"; break; done",
                   folder);
    FILE *shell = popen(path, "r");
    assert_non_null(shell);
    (void)pclose(shell);
    assert_int_equal(spur_export_links(run, folder, &options, &links, &error), SPUR_RESOURCE);
    assert_non_null(strstr(error.message, "nothing is overwritten"));
    spur_run_close(run);
}

static void images_that_are_gone_get_no_links(void **state)
{
    const variant plain = {0};
    spur_error error;
    spur_select_options options = options_of("clear", "1");
    options.link = temp_in(*state, "links");
    make_run(temp_in(*state, "run"), "/nowhere", &plain);
    assert_int_equal(try_select(temp_in(*state, "run"), &options, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "no longer there"));
}

static void failing_allocations_are_clean(void **state)
{
    const variant plain = {0};
    const char *folder = temp_in(*state, "run");
    const char *list = temp_in(*state, "list");
    spur_error error;
    spur_select_options options = options_of("mid,rnd", "3,10%");
    make_run(folder, "/nowhere", &plain);
    assert_ok(file_replace(list, "cat/a/00.png\nx\n", 15, &error), error);
    options.exclude = list;
    options.seeds = 1;
    options.restart = true;
    bool was_reached = true;
    for (size_t n = 1; was_reached; n += 1 + n / 40) {
        spur_select_summary *summary = NULL;
        (void)memory_fail_at(n, false);
        spur_status status = spur_select(folder, &options, NULL, &summary, &error);
        was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        spur_select_summary_free(summary);
    }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(definitions),
        WITH_FOLDER(negated_scores_swap_clear_and_hidden),
        WITH_FOLDER(order_of_files_does_not_matter),
        WITH_FOLDER(random_subsets),
        WITH_FOLDER(counts),
        WITH_FOLDER(again_and_otherwise),
        WITH_FOLDER(all_subsets_in_order),
        WITH_FOLDER(excluded_images),
        WITH_FOLDER(what_makes_no_sense),
        WITH_FOLDER(changed_subsets_are_refused),
        WITH_FOLDER(rows_of_a_subset),
        WITH_FOLDER(manifest_of_a_subset),
        WITH_FOLDER(links_of_a_subset),
        WITH_FOLDER(images_that_are_gone_get_no_links),
        WITH_FOLDER(failing_allocations_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
