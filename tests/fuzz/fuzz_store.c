/*
 * fuzz_store.c - a run.db from any bytes: refused, or read to its end.
 *
 * SQLite checks no page, so random changes reach our checks: what is opened must rank and
 * export without a fault.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spur.h"

static char folder[64];

static void write_database(const uint8_t *data, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size) {
        abort();
    }
    (void)close(descriptor);
}

static void use_run(spur_run *run)
{
    spur_error error;
    spur_rank_summary *summary = NULL;
    if (spur_rank(run, &summary, &error) != SPUR_OK ||
        spur_export_csv(run, "/dev/null", NULL, &error) != SPUR_OK ||
        spur_export_jsonl(run, "/dev/null", NULL, &error) != SPUR_OK ||
        spur_export_coco(run, "/dev/null", NULL, &error) != SPUR_OK) {
        abort(); /* what was opened was verified */
    }
    spur_rank_summary_free(summary);
    /* Verified, but perhaps without that subset, or with one of other scores. */
    const spur_export_options subset = {.subset = "clear-1"};
    spur_status status = spur_export_manifest(run, "/dev/null", &subset, &error);
    if (status != SPUR_OK && status != SPUR_DATASET) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    spur_error error;
    spur_run *run = NULL;
    if (folder[0] == '\0') {
        (void)snprintf(folder, sizeof folder, "/tmp/spur-fuzz-XXXXXX");
        if (mkdtemp(folder) == NULL) {
            abort();
        }
    }
    write_database(data, size);
    if (spur_run_open(folder, &run, &error) == SPUR_OK) {
        use_run(run);
    }
    spur_run_close(run);
    return 0;
}
