/*
 * replay.c - runs a fuzz target on files, without libFuzzer.
 *
 * The arguments are files and folders (read one level deep, in name order). Each file goes to
 * LLVMFuzzerTestOneInput from a block of exactly its size, so that sanitizers see every byte
 * read too far. Fails when there was no file at all.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t replayed;

static int replay_file(const char *path, size_t size)
{
    int failed = 1;
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (file == NULL || bytes == NULL || fread(bytes, 1, size, file) != size) {
        perror(path);
        goto done;
    }
    (void)LLVMFuzzerTestOneInput(bytes, size);
    replayed++;
    failed = 0;
done:
    free(bytes);
    if (file != NULL) {
        (void)fclose(file);
    }
    return failed;
}

static int replay_path(const char *path);

static int replay_folder(const char *path)
{
    int failed = 0;
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char below[4096];
        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
            failed |= replay_path(below);
        }
        free(entries[i]);
    }
    free(entries);
    return failed;
}

static int replay_path(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0) {
        perror(path);
        return 1;
    }
    return S_ISDIR(facts.st_mode) ? replay_folder(path)
                                  : replay_file(path, (size_t)facts.st_size);
}

int main(int count, char **paths)
{
    int failed = 0;
    for (int i = 1; i < count; i++) {
        failed |= replay_path(paths[i]);
    }
    (void)printf("%zu files replayed\n", replayed);
    return failed != 0 || replayed == 0;
}
