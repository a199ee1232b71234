/*
 * fuzz_csv.c - CSV of anybody: no crash, a line number in every refusal, and rows that were
 * accepted read back the same after they were written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Reads all rows; appends them, written by csv_add, to `written`. */
static spur_status copy_rows(const char *text, size_t size, bool allow_bytes,
                             text_buffer *written, spur_error *error)
{
    spur_status status;
    csv_reader *from = NULL;
    TRY(csv_open(text, size, &from, error));
    if (allow_bytes) {
        csv_allow_bytes(from);
    }
    size_t last_line = 0;
    for (;;) {
        const csv_row *row = NULL;
        TRY(csv_next(from, &row, error));
        if (row == NULL) {
            break;
        }
        require(row->line > last_line);
        last_line = row->line;
        for (size_t i = 0; i < row->count; i++) {
            TRY(csv_add(written, i == 0, row->fields[i], false, error));
        }
        TRY(text_add(written, "\n", 1, error));
    }
done:
    csv_close(from);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (int allow_bytes = 0; allow_bytes < 2; allow_bytes++) {
        spur_error error = {SPUR_OK, ""};
        text_buffer once = {NULL, 0, 0}, twice = {NULL, 0, 0};
        spur_status status =
            copy_rows((const char *)bytes, size, allow_bytes != 0, &once, &error);
        require(status == SPUR_OK || strncmp(error.message, "line ", 5) == 0);
        /* Written rows that begin with the bytes of a mark would be read as one. */
        bool has_mark = once.length >= 2 && (unsigned char)once.data[0] >= 0xEF;
        if (status == SPUR_OK && !has_mark) {
            require(copy_rows(once.data, once.length, allow_bytes != 0, &twice, &error) ==
                    SPUR_OK);
            require(once.length == twice.length);
            require(once.length == 0 || memcmp(once.data, twice.data, once.length) == 0);
        }
        text_buffer_free(&once);
        text_buffer_free(&twice);
    }
    return 0;
}
