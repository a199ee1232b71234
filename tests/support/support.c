/*
 * support.c - paths, temporary folders and the tally of golden cases.
 */
#include "support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_below(const char *root, const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

const char *shared_path(const char *name)
{
    const char *root = getenv("SPUR_SHARED");
    struct stat facts;
    if (root == NULL || root[0] == '\0') {
        root = TEST_SHARED;
    }
    if (stat(root, &facts) != 0) {
        print_message("skipped: no reference data at %s\n", root);
        skip();
    }
    return path_below(root, name);
}

const char *data_path(const char *name)
{
    return path_below(TEST_DATA, name);
}

static char temp_folder[64];

const char *temp_make(void)
{
    (void)snprintf(temp_folder, sizeof temp_folder, "/tmp/spur-test-XXXXXX");
    assert_non_null(mkdtemp(temp_folder));
    return temp_folder;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

void temp_remove(void)
{
    if (temp_folder[0] != '\0') {
        (void)nftw(temp_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        temp_folder[0] = '\0';
    }
}

int temp_setup(void **state)
{
    *state = (void *)(uintptr_t)temp_make();
    return 0;
}

int temp_teardown(void **state)
{
    (void)state;
    temp_remove();
    return 0;
}

const char *temp_in(void *state, const char *name)
{
    static char paths[64][512];
    static unsigned next;
    char *path = paths[next++ % 64];
    (void)snprintf(path, sizeof paths[0], "%s/%s", (const char *)state, name);
    return path;
}

void golden_print(const golden_tally *tally)
{
    print_message("golden %s: %zu cases, %zu passed, %zu by decision, %zu failed\n",
                  tally->name, tally->cases, tally->passed, tally->by_decision, tally->failed);
}
