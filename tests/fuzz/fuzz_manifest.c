/*
 * fuzz_manifest.c - manifests, labels files and class lists from any bytes.
 *
 * The first byte chooses what the rest is; a byte FF splits it in two files. What is accepted
 * must have a class index in range for every row.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/manifest.h"

static char folder[64];

static void write_file(const char *name, const uint8_t *data, size_t size, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", folder, name);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size) {
        abort();
    }
    (void)close(descriptor);
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/spur-fuzz-XXXXXX");
    char path[128];
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    (void)snprintf(path, sizeof path, "%s/flat", folder);
    (void)mkdir(path, 0700);
    write_file("flat/a.png", NULL, 0, path);
    write_file("flat/b.png", NULL, 0, path);
}

static void read_and_check(const char *path, const spur_data_options *options)
{
    spur_error error;
    manifest *rows = NULL;
    if (manifest_read(path, options, NULL, 0, &rows, &error) == SPUR_OK) {
        for (size_t i = 0; i < rows->count; i++) {
            if (rows->rows[i].class_index >= rows->class_count ||
                rows->rows[i].file_name[0] == '\0') {
                abort();
            }
        }
    }
    manifest_free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[128];
    char second[128];
    spur_data_options options;
    if (size == 0) {
        return 0;
    }
    if (folder[0] == '\0') {
        make_folder();
    }
    const uint8_t *rest = memchr(data, 0xFF, size);
    size_t length = rest == NULL ? size - 1 : (size_t)(rest - data) - (rest == data ? 0 : 1);
    uint8_t kind = data[0];
    spur_data_options_defaults(&options);
    write_file("list.csv", data + 1, rest == data ? 0 : length, first);
    if (rest != NULL) {
        write_file("other", rest + 1, size - (size_t)(rest - data) - 1, second);
        options.class_list = (kind & 1) != 0 ? second : NULL;
        options.class_names = (kind & 2) != 0 ? second : NULL;
        options.labels_are_devkit = (kind & 4) != 0 && options.class_list != NULL;
    }
    options.class_order = (spur_class_order)(kind >> 4 & 3);
    if ((kind & 8) != 0) {
        options.labels = first;
        char flat[128];
        (void)snprintf(flat, sizeof flat, "%s/flat", folder);
        read_and_check(flat, &options);
    } else {
        read_and_check(first, &options);
    }
    return 0;
}
