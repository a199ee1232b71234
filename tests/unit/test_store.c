/*
 * test_store.c - the store keeps what it was given, and notices what it was not.
 *
 * Faults are made in the file itself: the log cut at every byte of the last commit, every byte
 * of run.db flipped. Each fault must be noticed (SPUR_DATASET or SPUR_RESOURCE) or harmless:
 * the rows read are exactly those that were committed.
 */
#include "support.h"
#include "tamper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/store.h"
#include "io/store_digest.h"

enum {
    CLASSES = 3,
    EMBEDDING = 4
};

static const float queries[CLASSES][EMBEDDING] = {
    {1.0F, -2.5F, 0.0F, 3e-30F}, {0.1F, 0.2F, 0.3F, 0.4F}, {-1.0F, 0.0F, 1.0F, 2.0F}};

static void put_run(store *into)
{
    spur_error error;
    const store_setting settings[] = {{"aggregate", "max"}, {"detector", "0123"}};
    store_class classes[CLASSES];
    for (size_t i = 0; i < CLASSES; i++) {
        static const char *const labels[CLASSES] = {"cat", "dog", "\xFF not UTF-8"};
        classes[i] =
            (store_class){labels[i], "name", "a photo of a name.", 7, i == 1, queries[i]};
    }
    const store_split split = {"train", "/data/x", "ab12", 100};
    assert_ok(store_put_run(into, settings, 2, classes, CLASSES, EMBEDDING, &error), error);
    assert_ok(store_put_split(into, &split, &error), error);
}

/* A row that is a pure function of its index; every fifth failed. */
static store_row make_row(uint64_t index, char name[64], uint16_t bins[CLASSES])
{
    store_row row;
    memset(&row, 0, sizeof row);
    (void)snprintf(name, 64, index % 7 == 3 ? "c/\xE9%u.jpg" : "c/%u.jpg", (unsigned)index);
    row.row = index;
    memset(row.image_id, (int)(index + 1), STORE_ID_SIZE);
    row.file_name = name;
    row.class_index = index % CLASSES;
    row.weight = index % 2 == 0 ? 1.0 : 0.25;
    row.group = index % 2 == 0 ? NULL : "g";
    row.extra = index % 3 == 0 ? "{\"a\":\"1\"}" : NULL;
    if (index % 5 == 4) {
        row.reason = "truncated JPEG";
        return row;
    }
    row.format = "PNG";
    row.width = 100 + index;
    row.height = 7;
    row.orientation = 1 + (unsigned)(index % 3);
    row.has_alpha = index % 2 == 1;
    row.has_digest = true;
    memset(row.file_digest, (int)(index / 2), STORE_DIGEST_SIZE);
    row.logit = index == 0 ? -0.0F : 0.1F * (float)index - 3.0F;
    row.patch = index * 3;
    row.box[2] = 10.5F;
    row.box[3] = -1e-20F;
    row.has_other = true;
    row.other_class = (row.class_index + 1) % CLASSES;
    row.other_logit = -7.25F;
    row.best_count = 2;
    row.best[0] = (store_best){(row.class_index + 1) % CLASSES, 1.5F};
    row.best[1] = (store_best){(row.class_index + 2) % CLASSES, 0.5F};
    row.bin_count = CLASSES;
    for (size_t i = 0; i < CLASSES; i++) {
        bins[i] = (uint16_t)((index * 31 + i * 400) % STORE_BINS);
    }
    row.bins = bins;
    return row;
}

static spur_status try_put(store *into, uint64_t batch, size_t count, spur_error *error)
{
    char names[STORE_BATCH_ROWS][64];
    uint16_t bins[STORE_BATCH_ROWS][CLASSES];
    store_row rows[STORE_BATCH_ROWS];
    for (size_t i = 0; i < count; i++) {
        rows[i] = make_row(batch * STORE_BATCH_ROWS + i, names[i], bins[i]);
    }
    spur_status status = store_begin(into, error);
    if (status == SPUR_OK) {
        status = store_put_batch(into, "train", batch, rows, count, error);
    }
    return status != SPUR_OK ? status : store_commit(into, error);
}

static void put_batch(store *into, uint64_t batch, size_t count)
{
    spur_error error;
    assert_ok(try_put(into, batch, count, &error), error);
}

/* Everything a reader sees, as bytes. */
typedef struct view {
    text_buffer bytes;
    size_t rows;
} view;

static spur_status add_row(void *context, const store_row *row, spur_error *error)
{
    view *into = context;
    into->rows++;
    return digest_row(&into->bytes, row, error);
}

static spur_status read_view(store *from, view *out, spur_error *error)
{
    spur_status status;
    static uint64_t own[STORE_BINS];
    static uint64_t other[STORE_BINS];
    TRY(store_each_row(from, "train", add_row, out, error));
    for (size_t i = 0; i < CLASSES; i++) {
        TRY(store_get_histogram(from, "train", i, own, other, error));
        TRY(text_add(&out->bytes, (const char *)own, sizeof own, error));
        TRY(text_add(&out->bytes, (const char *)other, sizeof other, error));
    }
done:
    return status;
}

static spur_status view_folder(const char *folder, view *out, spur_error *error)
{
    store *from = NULL;
    memset(out, 0, sizeof *out);
    spur_status status = store_open(folder, &from, error);
    if (status == SPUR_OK) {
        status = read_view(from, out, error);
    }
    store_close(from);
    return status;
}

static void make_run(const char *folder, store_journal journal, uint64_t batches)
{
    spur_error error;
    store *into = NULL;
    assert_ok(store_open_writer(folder, journal, &into, &error), error);
    put_run(into);
    for (uint64_t i = 0; i < batches; i++) {
        put_batch(into, i, STORE_BATCH_ROWS);
    }
    assert_ok(store_settle(into, &error), error);
    store_close(into);
}

static spur_status compare_row(void *context, const store_row *row, spur_error *error)
{
    uint64_t *next = context;
    char name[64];
    uint16_t bins[CLASSES];
    store_row expected = make_row((*next)++, name, bins);
    if (expected.logit == 0.0F) {
        expected.logit = 0.0F;
    }
    text_buffer a = {NULL, 0, 0};
    text_buffer b = {NULL, 0, 0};
    assert_ok(digest_row(&a, row, error), *error);
    assert_ok(digest_row(&b, &expected, error), *error);
    assert_int_equal(a.length, b.length);
    assert_string_equal(row->file_name, expected.file_name);
    assert_memory_equal(a.data, b.data, a.length);
    text_buffer_free(&a);
    text_buffer_free(&b);
    return SPUR_OK;
}

static void keeps_what_it_was_given(void **state)
{
    spur_error error;
    const char *folder = temp_in(*state, "deep/run");
    store *from = NULL;
    uint64_t next = 0;
    make_run(folder, STORE_JOURNAL_AUTO, 5);
    assert_true(store_exists(folder));
    assert_ok(store_open(folder, &from, &error), error);

    const store_class *classes;
    size_t count;
    size_t embedding;
    assert_ok(store_get_classes(from, &classes, &count, &embedding, &error), error);
    assert_int_equal(count, CLASSES);
    assert_int_equal(embedding, EMBEDDING);
    assert_string_equal(classes[2].label, "\xFF not UTF-8");
    assert_true(classes[1].is_truncated);
    assert_memory_equal(classes[0].query, queries[0], sizeof queries[0]);
    char *value = NULL;
    assert_ok(store_get_setting(from, "aggregate", &value, &error), error);
    assert_string_equal(value, "max");
    memory_free(value);
    assert_ok(store_get_setting(from, "nothing", &value, &error), error);
    assert_null(value);

    assert_ok(store_each_row(from, "train", compare_row, &next, &error), error);
    assert_int_equal(next, 20);
    store_counts counts;
    assert_ok(store_count(from, "train", &counts, &error), error);
    assert_int_equal(counts.scored, 16);
    assert_int_equal(counts.failed, 4);
    assert_int_equal(counts.oriented, 10); /* no multiple of 3, not failed */
    assert_int_equal(counts.duplicates, 6);
    store_close(from);
}

/* Rows and histograms must not depend on when bins are folded. */
static void folding_changes_nothing(void **state)
{
    spur_error error;
    char folded[512];
    view a;
    view b;
    (void)snprintf(folded, sizeof folded, "%s", temp_in(*state, "folded"));
    store *into = NULL;
    assert_ok(store_open_writer(folded, STORE_JOURNAL_AUTO, &into, &error), error);
    put_run(into);
    for (uint64_t i = 0; i < 6; i++) {
        put_batch(into, i, STORE_BATCH_ROWS);
        assert_ok(store_settle(into, &error), error);
    }
    store_close(into);
    const char *pending = temp_in(*state, "pending");
    assert_ok(store_open_writer(pending, STORE_JOURNAL_AUTO, &into, &error), error);
    put_run(into);
    for (uint64_t i = 6; i-- > 0;) { /* in another order, too */
        put_batch(into, i, STORE_BATCH_ROWS);
    }
    store_close(into);
    assert_ok(view_folder(folded, &a, &error), error);
    assert_ok(view_folder(pending, &b, &error), error);
    assert_int_equal(a.rows, 24);
    assert_int_equal(a.bytes.length, b.bytes.length);
    assert_memory_equal(a.bytes.data, b.bytes.data, a.bytes.length);
    text_buffer_free(&a.bytes);
    text_buffer_free(&b.bytes);
}

static void a_batch_is_written_once(void **state)
{
    spur_error error;
    store *into = NULL;
    const char *folder = temp_in(*state, "run");
    make_run(folder, STORE_JOURNAL_AUTO, 2);
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &into, &error), error);
    assert_int_not_equal(try_put(into, 1, STORE_BATCH_ROWS, &error), SPUR_OK);
    put_batch(into, 3, 2);
    unsigned char done[25];
    assert_ok(store_list_batches(into, "train", done, sizeof done, &error), error);
    assert_int_equal(done[0] + done[1] + done[3], 3);
    assert_int_equal(done[2] + done[4], 0);
    assert_ok(store_drop_split(into, "train", &error), error);
    const store_split *splits;
    size_t count;
    assert_ok(store_get_splits(into, &splits, &count, &error), error);
    assert_int_equal(count, 0);
    put_run(into); /* as new */
    store_close(into);
}

static void second_writer_is_refused(void **state)
{
    spur_error error = {SPUR_OK, ""};
    store *first = NULL;
    store *second = NULL;
    char process[32];
    const char *folder = temp_in(*state, "run");
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &first, &error), error);
    assert_int_equal(store_open_writer(folder, STORE_JOURNAL_AUTO, &second, &error),
                     SPUR_RESOURCE);
    (void)snprintf(process, sizeof process, "process %ld", (long)getpid());
    assert_non_null(strstr(error.message, process));
    assert_non_null(strstr(error.message, "host "));
    store_close(first);
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &second, &error), error);
    store_close(second);
}

/* ---- faults -------------------------------------------------------------------------- */

static void load_file(const char *path, unsigned char **bytes, size_t *size)
{
    spur_error error;
    assert_ok(file_load(path, 1 << 26, SPUR_DATASET, bytes, size, &error), error);
}

static void write_file(const char *path, const unsigned char *bytes, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
    (void)close(descriptor);
}

/* Copies a run folder's database and log to another folder, the log cut to log_size. */
static void copy_run(const char *from, const char *to, size_t log_size)
{
    char path[600];
    unsigned char *bytes;
    size_t size;
    (void)mkdir(to, 0700);
    (void)snprintf(path, sizeof path, "%s/run.db", from);
    load_file(path, &bytes, &size);
    (void)snprintf(path, sizeof path, "%s/run.db", to);
    write_file(path, bytes, size);
    memory_free(bytes);
    (void)snprintf(path, sizeof path, "%s/run.db-shm", to);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/run.db-wal", from);
    load_file(path, &bytes, &size);
    assert_true(log_size <= size);
    (void)snprintf(path, sizeof path, "%s/run.db-wal", to);
    write_file(path, bytes, log_size);
    memory_free(bytes);
}

static size_t log_size_of(const char *folder)
{
    char path[600];
    struct stat facts;
    (void)snprintf(path, sizeof path, "%s/run.db-wal", folder);
    return stat(path, &facts) == 0 ? (size_t)facts.st_size : 0;
}

static void log_cut_anywhere_keeps_commits(void **state)
{
    spur_error error;
    store *into = NULL;
    char folder[512];
    char copy[512];
    (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, "run"));
    (void)snprintf(copy, sizeof copy, "%s", temp_in(*state, "copy"));
    assert_ok(store_open_writer(folder, STORE_JOURNAL_WAL, &into, &error), error);
    put_run(into);
    put_batch(into, 0, STORE_BATCH_ROWS);
    size_t before = log_size_of(folder);
    put_batch(into, 1, STORE_BATCH_ROWS);
    size_t after = log_size_of(folder);
    assert_true(after > before);
    size_t lost = 0;
    size_t kept = 0;
    for (size_t size = before; size <= after; size += size + 300 < after ? 97 : 1) {
        view seen;
        copy_run(folder, copy, size);
        assert_ok(view_folder(copy, &seen, &error), error);
        assert_true(seen.rows == 4 || (seen.rows == 8 && size == after));
        lost += seen.rows == 4;
        kept += seen.rows == 8;
        text_buffer_free(&seen.bytes);
    }
    assert_true(lost > 300);
    assert_int_equal(kept, 1);
    store_close(into);
}

/* Flips one bit of every byte of run.db in turn. */
static void flipped_bytes_are_noticed(void **state)
{
    spur_error error;
    char folder[512];
    char path[600];
    unsigned char *bytes;
    size_t size;
    view whole;
    size_t noticed = 0;
    size_t harmless = 0;
    (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, "run"));
    make_run(folder, STORE_JOURNAL_DELETE, 3);
    assert_ok(view_folder(folder, &whole, &error), error);
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    load_file(path, &bytes, &size);
    int descriptor = open(path, O_WRONLY);
    assert_true(descriptor >= 0);
    size_t step = getenv("SPUR_LONG_TESTS") != NULL ? 1 : 37;
    for (size_t i = 0; i < size; i += bytes[i] == 0 ? step * 5 : step) {
        view seen;
        unsigned char flipped = (unsigned char)(bytes[i] ^ 1u << (i % 8));
        assert_int_equal(pwrite(descriptor, &flipped, 1, (off_t)i), 1);
        spur_status status = view_folder(folder, &seen, &error);
        if (status == SPUR_OK) {
            harmless++;
            assert_int_equal(seen.bytes.length, whole.bytes.length);
            assert_memory_equal(seen.bytes.data, whole.bytes.data, whole.bytes.length);
        } else {
            noticed++;
            assert_true(status == SPUR_DATASET || status == SPUR_RESOURCE);
        }
        text_buffer_free(&seen.bytes);
        assert_int_equal(pwrite(descriptor, &bytes[i], 1, (off_t)i), 1);
    }
    print_message("flipped bytes: %zu noticed, %zu harmless, of %zu\n", noticed, harmless,
                  size);
    assert_true(noticed > 100);
    (void)close(descriptor);
    memory_free(bytes);
    text_buffer_free(&whole.bytes);
}

static void changed_runs_are_refused(void **state)
{
    static const struct {
        const char *sql, *message;
    } cases[] = {
        {"UPDATE scores SET logit = logit + 1 WHERE row = 2", "digest of batch 0"},
        {"UPDATE images SET class_index = 1 WHERE row = 5", "digest of batch 1"},
        {"UPDATE images SET file_name = 'x' WHERE row = 5", "digest of batch 1"},
        {"UPDATE images SET class_index = 99 WHERE row = 5", "digest of batch 1"},
        {"DELETE FROM images WHERE row = 7", "digest of batch 1"},
        {"DELETE FROM batches WHERE batch = 2", "checksum of the histograms"},
        {"DELETE FROM scores WHERE row = 0", "digest of batch 0"},
        {"UPDATE histograms SET images = images + 1 WHERE rowid IS NULL OR bin = 31",
         "checksum of the histograms"},
        {"UPDATE settings SET value = 'mean' WHERE key = 'aggregate'",
         "digest of table settings"},
        {"UPDATE classes SET name = 'x' WHERE class_index = 1", "digest of table classes"},
        {"UPDATE splits SET images = 99", "digest of table splits"},
        {"INSERT INTO images SELECT 'val', row, image_id, file_name, class_index, group_name, "
         "weight, extra, status, reason, format, width, height, orientation, has_alpha, "
         "is_animated, is_truncated, warnings, file_sha256 FROM images",
         "every row belongs to a batch"},
        {"PRAGMA user_version = 1", "schema version 1"},
        {"PRAGMA application_id = 7", "not a run of Spur"},
        {"CREATE TRIGGER t AFTER INSERT ON images BEGIN DELETE FROM images; END", "schema: t"},
        {"DROP VIEW ranking; CREATE VIEW ranking AS SELECT 1", "schema: ranking"},
        {"DROP TABLE batches", "schema: tables are missing"},
    };
    spur_error error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[512];
        char name[32];
        store *from = NULL;
        (void)snprintf(name, sizeof name, "run%zu", i);
        (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, name));
        make_run(folder, STORE_JOURNAL_DELETE, 3);
        if (strstr(cases[i].sql, "rowid IS NULL") != NULL) {
            tamper(folder, "UPDATE histograms SET images = images + 1 WHERE bin = 31");
        } else {
            tamper(folder, cases[i].sql);
        }
        assert_int_equal(store_open(folder, &from, &error), SPUR_DATASET);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("%s: expected \"%s\" in \"%s\"", cases[i].sql, cases[i].message,
                     error.message);
        }
        assert_int_equal(store_open_writer(folder, STORE_JOURNAL_AUTO, &from, &error),
                         SPUR_DATASET);
    }
}

static void what_is_no_run_is_refused(void **state)
{
    spur_error error;
    char folder[512];
    char path[600];
    store *from = NULL;
    (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, "none"));
    assert_int_equal(store_open(folder, &from, &error), SPUR_DATASET);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(store_open(folder, &from, &error), SPUR_DATASET);
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    write_file(path, (const unsigned char *)"", 0);
    assert_int_equal(store_open(folder, &from, &error), SPUR_DATASET);
    assert_non_null(strstr(error.message, "is empty"));
    /* A writer killed before its first commit leaves an empty file: that is a new run. */
    assert_ok(store_open_writer(folder, STORE_JOURNAL_AUTO, &from, &error), error);
    store_close(from);
    write_file(path, (const unsigned char *)"not a database, but text of some length", 39);
    assert_int_equal(store_open(folder, &from, &error), SPUR_DATASET);
    (void)snprintf(path, sizeof path, "%s/half/run.db", (const char *)*state);
    make_run(temp_in(*state, "half"), STORE_JOURNAL_DELETE, 3);
    unsigned char *bytes;
    size_t size;
    load_file(path, &bytes, &size);
    write_file(path, bytes, size / 2); /* half copied */
    assert_int_equal(store_open(temp_in(*state, "half"), &from, &error), SPUR_DATASET);
    memory_free(bytes);
}

static spur_status write_some(const char *folder, spur_error *error)
{
    spur_status status;
    store *into = NULL;
    const store_setting setting = {"a", "b"};
    const store_class one = {"l", "n", "p", 3, false, queries[0]};
    const store_split split = {"train", "", "d", 4};
    TRY(store_open_writer(folder, STORE_JOURNAL_DELETE, &into, error));
    TRY(store_put_run(into, &setting, 1, &one, 1, EMBEDDING, error));
    TRY(store_put_split(into, &split, error));
    char name[64];
    uint16_t bins[CLASSES];
    store_row row = make_row(0, name, bins);
    row.bin_count = 1; /* the only class */
    row.best_count = 0;
    row.has_other = false;
    TRY(store_begin(into, error));
    TRY(store_put_batch(into, "train", 0, &row, 1, error));
    TRY(store_commit(into, error));
    TRY(store_settle(into, error));
done:
    store_close(into);
    return status;
}

static void failing_allocations_are_clean(void **state)
{
    spur_error error;
    bool was_reached = true;
    size_t n = 0;
    while (was_reached) {
        char folder[512];
        char name[32];
        (void)snprintf(name, sizeof name, "run%zu", n);
        (void)snprintf(folder, sizeof folder, "%s", temp_in(*state, name));
        (void)memory_fail_at(++n, false);
        spur_status status = write_some(folder, &error);
        was_reached = memory_fail_at(0, false) >= n || status != SPUR_OK;
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        view seen = {{NULL, 0, 0}, 0};
        if (status == SPUR_OK) {
            (void)memory_fail_at(n / 2 + 1, false);
            (void)view_folder(folder, &seen, &error);
            (void)memory_fail_at(0, false);
        }
        text_buffer_free(&seen.bytes);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_it_was_given, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(folding_changes_nothing, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(a_batch_is_written_once, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(second_writer_is_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(log_cut_anywhere_keeps_commits, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(flipped_bytes_are_noticed, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(changed_runs_are_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_run_is_refused, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(failing_allocations_are_clean, temp_setup,
                                        temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
