/*
 * fuzz_label_map.c - maps between class names from any bytes: a refusal names the file, and a
 * map that was accepted is the same, digest and all, after it was written as CSV.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/csv.h"
#include "pipeline/label_map.h"

static char path[64];

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void write_file(const void *bytes, size_t size)
{
    if (path[0] == '\0') {
        (void)snprintf(path, sizeof path, "/tmp/spur-fuzz-%ld.csv", (long)getpid());
    }
    FILE *into = fopen(path, "wb");
    require(into != NULL && fwrite(bytes, 1, size, into) == size && fclose(into) == 0);
}

static spur_status add_pairs(const label_map *from, text_buffer *into, spur_error *error)
{
    spur_status status;
    TRY(text_add(into, "theirs,ours\n", 12, error));
    for (size_t i = 0; i < from->count; i++) {
        TRY(csv_add(into, true, from->pairs[i].theirs, false, error));
        TRY(csv_add(into, false, from->pairs[i].ours, false, error));
        TRY(text_add(into, "\n", 1, error));
    }
done:
    return status;
}

static void check(const label_map *from, arena *texts)
{
    text_buffer text = {NULL, 0, 0};
    label_map again;
    spur_error error;
    require(from->count > 0);
    for (size_t i = 0; i < from->count; i++) {
        require(label_map_find(from, from->pairs[i].theirs) == &from->pairs[i]);
    }
    require(add_pairs(from, &text, &error) == SPUR_OK);
    write_file(text.data, text.length);
    require(label_map_read(path, texts, &again, &error) == SPUR_OK);
    require(again.count == from->count && strcmp(again.digest, from->digest) == 0);
    label_map_free(&again);
    text_buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    spur_error error = {SPUR_OK, ""};
    arena *texts = NULL;
    label_map map;
    require(arena_new(&texts, &error) == SPUR_OK);
    write_file(bytes, size);
    if (label_map_read(path, texts, &map, &error) == SPUR_OK) {
        check(&map, texts);
        label_map_free(&map);
    } else {
        require(strncmp(error.message, "class map ", 10) == 0);
    }
    arena_free(texts);
    (void)unlink(path);
    return 0;
}
