/*
 * store_tally.c - histograms of the image-level logits of all class queries.
 *
 * Counting has two steps: a batch leaves its bins in pending_tallies (a few kilobytes), and
 * many batches are folded into histograms at once, because a histogram update touches
 * megabytes.
 */
#include <string.h>

#include "base/memory.h"
#include "io/store_digest.h"
#include "io/store_sql.h"

/* Pending bins of a batch: for every scored row its class (4 bytes) and the number of bins (4
 * bytes), then a bin per class query (2 bytes each); all little-endian. */
spur_status store_encode_bins(text_buffer *into, const store_row *row, spur_error *error)
{
    spur_status status;
    unsigned char head[8];
    for (size_t i = 0; i < 4; i++) {
        head[i] = (unsigned char)(row->class_index >> (8 * i) & 0xFF);
        head[4 + i] = (unsigned char)(row->bin_count >> (8 * i) & 0xFF);
    }
    TRY(text_add(into, (const char *)head, sizeof head, error));
    for (size_t i = 0; i < row->bin_count;) {
        char block[512];
        size_t size = 0;
        for (; i < row->bin_count && size < sizeof block; i++) {
            block[size++] = (char)(unsigned char)(row->bins[i] & 0xFF);
            block[size++] = (char)(unsigned char)(row->bins[i] >> 8);
        }
        TRY(text_add(into, block, size, error));
    }
done:
    return status;
}

typedef void (*cell_visit)(void *context, size_t class_index, bool is_own, size_t bin);

static size_t read_little(const unsigned char *bytes, size_t count)
{
    size_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value |= (size_t)bytes[i] << (8 * i);
    }
    return value;
}

/* Calls visit for every (query, image) of a pending block; false when it is malformed. */
static bool decode_bins(const unsigned char *bytes, size_t length, size_t class_count,
                        cell_visit visit, void *context)
{
    for (size_t at = 0; at < length;) {
        if (length - at < 8) {
            return false;
        }
        size_t own = read_little(bytes + at, 4);
        size_t count = read_little(bytes + at + 4, 4);
        at += 8;
        if (own >= class_count || count != class_count || count > (length - at) / 2) {
            return false;
        }
        for (size_t i = 0; i < count; i++, at += 2) {
            size_t bin = read_little(bytes + at, 2);
            if (bin >= STORE_BINS) {
                return false;
            }
            visit(context, i, i == own, bin);
        }
    }
    return true;
}

static void add_weight(void *context, size_t class_index, bool is_own, size_t bin)
{
    *(uint64_t *)context += digest_cell(class_index, is_own, bin);
}

uint64_t store_weigh_bins(const text_buffer *bins, size_t class_count)
{
    uint64_t sum = 0;
    /* Our own bytes: never malformed. */
    (void)decode_bins((const unsigned char *)bins->data, bins->length, class_count, add_weight,
                      &sum);
    return sum;
}

static size_t cell_at(size_t class_index, bool is_own, size_t bin)
{
    return (class_index * 2 + (is_own ? 1 : 0)) * STORE_BINS + bin;
}

static void count_cell(void *context, size_t class_index, bool is_own, size_t bin)
{
    ((uint32_t *)context)[cell_at(class_index, is_own, bin)]++;
}

/* Calls visit for everything pending of a split. */
static spur_status each_pending(store *from, const char *split, cell_visit visit, void *context,
                                spur_error *error)
{
    spur_status status;
    sql_query query = {NULL, 0, 0};
    TRY(sql_prepare(from, READ_PENDING, &query, error));
    sql_text(&query, split);
    while (sql_next(from, &query, &status, error)) {
        const unsigned char *bytes = sqlite3_column_blob(query.statement, 1);
        size_t length = (size_t)sqlite3_column_bytes(query.statement, 1);
        if (!decode_bins(bytes, length, from->class_count, visit, context)) {
            TRY(store_fail_check(from, error, "values of table pending_tallies"));
        }
    }
done:
    sql_stop(&query);
    return status;
}

static spur_status write_cells(store *into, const char *split, const uint32_t *cells,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < into->class_count * 2 * STORE_BINS; i++) {
        sql_query query;
        if (cells[i] == 0) {
            continue;
        }
        TRY(sql_prepare(into, ADD_CELL, &query, error));
        sql_text(&query, split);
        sql_int(&query, i / STORE_BINS / 2);
        sql_int(&query, i / STORE_BINS % 2);
        sql_int(&query, i % STORE_BINS);
        sql_int(&query, cells[i]);
        TRY(sql_run(into, &query, error));
    }
done:
    return status;
}

/* Zeroed counts [class_count, own or other, STORE_BINS]. */
static spur_status new_cells(const store *from, uint32_t **out, spur_error *error)
{
    size_t count;
    if (!size_mul(from->class_count, 2 * (size_t)STORE_BINS, &count)) {
        return error_no_memory(error, SIZE_MAX);
    }
    return memory_new_zeroed(count, sizeof **out, out, error);
}

/* Moves everything pending into the histograms, inside the running transaction. */
spur_status store_fold(store *into, spur_error *error)
{
    spur_status status;
    uint32_t *cells = NULL;
    for (size_t i = 0; i < into->split_count; i++) {
        memory_free(cells);
        cells = NULL;
        TRY(new_cells(into, &cells, error));
        TRY(each_pending(into, into->splits[i].name, count_cell, cells, error));
        TRY(write_cells(into, into->splits[i].name, cells, error));
    }
    TRY(sql_run_plain(into, DROP_PENDING, error));
    into->pending = 0;
done:
    memory_free(cells);
    return status;
}

spur_status store_settle(store *into, spur_error *error)
{
    spur_status status;
    if (into->pending == 0) {
        return SPUR_OK;
    }
    TRY(store_begin(into, error));
    TRY(store_fold(into, error));
    TRY(store_end(into, error));
done:
    store_roll_back(into);
    return status;
}

static spur_status each_cell(store *from, sql_query *query,
                             void (*visit)(void *context, size_t class_index, bool is_own,
                                           size_t bin, uint64_t images),
                             void *context, spur_error *error)
{
    spur_status status;
    while (sql_next(from, query, &status, error)) {
        sql_columns at = sql_columns_of(query);
        size_t class_index = sql_take_int(&at, (sqlite3_int64)from->class_count);
        bool is_own = sql_take_bool(&at);
        size_t bin = sql_take_int(&at, STORE_BINS);
        uint64_t images = sql_take_int(&at, SIZE_LIMIT);
        if (at.is_bad) {
            TRY(store_fail_check(from, error, "values of table histograms"));
        }
        visit(context, class_index, is_own, bin, images);
    }
done:
    sql_stop(query);
    return status;
}

static void add_cell_weight(void *context, size_t class_index, bool is_own, size_t bin,
                            uint64_t images)
{
    *(uint64_t *)context += images * digest_cell(class_index, is_own, bin);
}

/* The checksum of a split's histograms must equal the sum its batches carry. */
spur_status store_verify_tallies(store *from, const char *split, uint64_t expected,
                                 spur_error *error)
{
    spur_status status;
    sql_query query;
    uint64_t found = 0;
    TRY(each_pending(from, split, add_weight, &found, error));
    TRY(sql_prepare(from, READ_CELLS, &query, error));
    sql_text(&query, split);
    TRY(each_cell(from, &query, add_cell_weight, &found, error));
    if (found != expected) {
        TRY(store_fail_check(from, error, "checksum of the histograms"));
    }
done:
    return status;
}

static void add_cell(void *context, size_t class_index, bool is_own, size_t bin,
                     uint64_t images)
{
    ((uint32_t *)context)[cell_at(class_index, is_own, bin)] += (uint32_t)images;
}

void store_forget_cells(store *from)
{
    memory_free(from->cells);
    memory_free(from->cells_split);
    from->cells = NULL;
    from->cells_split = NULL;
}

/* Reads the histograms of a split at once, by the very query that verification used: a search
 * for single classes would trust the order of keys, which nothing has checked. */
static spur_status load_cells(store *from, const char *split, spur_error *error)
{
    spur_status status;
    sql_query query;
    if (from->cells_split != NULL && strcmp(from->cells_split, split) == 0) {
        return SPUR_OK;
    }
    store_forget_cells(from);
    TRY(memory_copy_text(split, strlen(split), &from->cells_split, error));
    TRY(new_cells(from, &from->cells, error));
    TRY(each_pending(from, split, count_cell, from->cells, error));
    TRY(sql_prepare(from, READ_CELLS, &query, error));
    sql_text(&query, split);
    TRY(each_cell(from, &query, add_cell, from->cells, error));
done:
    if (status != SPUR_OK) {
        store_forget_cells(from);
    }
    return status;
}

spur_status store_get_histogram(store *from, const char *split, size_t class_index,
                                uint64_t *own, uint64_t *other, spur_error *error)
{
    if (from->class_count > STORE_TALLY_CLASSES) {
        memset(own, 0, STORE_BINS * sizeof *own);
        memset(other, 0, STORE_BINS * sizeof *other);
        return SPUR_OK;
    }
    spur_status status = load_cells(from, split, error);
    for (size_t bin = 0; status == SPUR_OK && bin < STORE_BINS; bin++) {
        own[bin] = from->cells[cell_at(class_index, true, bin)];
        other[bin] = from->cells[cell_at(class_index, false, bin)];
    }
    return status;
}
