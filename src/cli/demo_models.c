/*
 * demo_models.c - the folder of the demo's models, found from the program's own path.
 *
 * In the build tree it is "demo" beside the program; installed it is SPUR_DEMO_FOLDER, a path
 * from the folder of programs to the one of data ("../share/spur/demo").
 */
#include "cli/demo_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 4096
};

spur_status demo_join(const char *folder, const char *name, char **out, spur_error *error)
{
    size_t length = strlen(folder), more = strlen(name);
    bool has_slash = length > 0 && folder[length - 1] == '/';
    char *joined = malloc(length + more + 2);
    if (joined == NULL) {
        return failure_no_memory(error);
    }
    memcpy(joined, folder, length);
    joined[length] = '/';
    memcpy(joined + length + (has_slash ? 0 : 1), name, more + 1);
    *out = joined;
    return SPUR_OK;
}

/* Folder of the running program, without a slash at its end; false when it cannot be told. */
static bool find_program(char folder[PATH_SIZE])
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_SIZE - 1);
    if (length <= 0) {
        return false;
    }
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

spur_status demo_find_models(const char *folder, char **detector, spur_error *error)
{
    static const char *const places[] = {"demo/detector", SPUR_DEMO_FOLDER "/detector"};
    spur_status status = SPUR_OK;
    char program[PATH_SIZE];
    if (folder != NULL) {
        return demo_join(folder, "detector", detector, error);
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0] && find_program(program); i++) {
        char *path = NULL;
        TRY(demo_join(program, places[i], &path, error));
        if (is_folder(path)) {
            *detector = path;
            return SPUR_OK;
        }
        free(path);
    }
    FAIL(SPUR_MODEL, "the demo's models are not installed with this program; give --models a "
                     "folder that holds detector/");
done:
    return status;
}
