/*
 * weight_target.h - one input as a weight file: open it, read every tensor, close it.
 */
#ifndef FUZZ_WEIGHT_TARGET_H
#define FUZZ_WEIGHT_TARGET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/tensor_source.h"

typedef spur_status (*weight_open)(file *from, tensor_source **out, spur_error *error);

/* The file all inputs are written to, one after the other. */
static const char *target_path(void)
{
    static char path[64];
    if (path[0] == '\0') {
        (void)snprintf(path, sizeof path, "/tmp/spur-fuzz-%ld", (long)getpid());
    }
    return path;
}

static void read_all(const tensor_source *source)
{
    size_t budget = 1 << 22; /* bytes; views may repeat */
    for (size_t i = 0; i < source->count && source->entries[i]->info.bytes < budget; i++) {
        const tensor_entry *entry = source->entries[i];
        unsigned char *bytes = NULL;
        budget -= entry->info.bytes;
        if (memory_new(entry->info.bytes, 1, &bytes, NULL) == SPUR_OK &&
            tensor_source_read(entry, bytes, NULL) != SPUR_OK) {
            abort(); /* opening proved that the bytes are there */
        }
        memory_free(bytes);
    }
}

static int run_weight_target(const uint8_t *data, size_t size, weight_open open_source)
{
    file *from = NULL;
    tensor_source *source = NULL;
    spur_error error;
    FILE *into = fopen(target_path(), "wb");
    if (into == NULL || fwrite(data, 1, size, into) != size || fclose(into) != 0) {
        abort();
    }
    if (file_open(target_path(), SPUR_MODEL, &from, &error) == SPUR_OK &&
        open_source(from, &source, &error) == SPUR_OK) {
        read_all(source);
        tensor_source_close(source);
    }
    (void)unlink(target_path());
    return 0;
}

#endif
