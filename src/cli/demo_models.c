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
    size_t length = strlen(folder);
    bool has_slash = length > 0 && folder[length - 1] == '/';
    size_t size = length + strlen(name) + 2;
    char *joined = malloc(size);
    if (joined == NULL) {
        return failure_no_memory(error);
    }
    (void)snprintf(joined, size, "%s%s%s", folder, has_slash ? "" : "/", name);
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

/* The folder that belongs to this program; *out stays NULL when there is none. */
static spur_status find_folder(char **out, spur_error *error)
{
    static const char *const places[] = {"demo", SPUR_DEMO_FOLDER};
    spur_status status = SPUR_OK;
    char program[PATH_SIZE];
    char *path = NULL, *detector = NULL;
    bool is_known = find_program(program);
    for (size_t i = 0; i < sizeof places / sizeof places[0] && is_known && *out == NULL; i++) {
        free(path);
        free(detector);
        path = detector = NULL;
        TRY(demo_join(program, places[i], &path, error));
        TRY(demo_join(path, "detector", &detector, error));
        if (is_folder(detector)) {
            *out = path;
            path = NULL;
        }
    }
done:
    free(path);
    free(detector);
    return status;
}

static spur_status find_backbones(const char *folder, demo_models *into, spur_error *error)
{
    static const char *const names[DEMO_BACKBONES] = {"resnet", "vit"};
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < DEMO_BACKBONES; i++) {
        char *path = NULL;
        TRY(demo_join(folder, names[i], &path, error));
        if (is_folder(path)) {
            into->backbones[into->backbone_count++] = path;
        } else {
            free(path);
        }
    }
done:
    return status;
}

spur_status demo_find_models(const char *folder, demo_models *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *found = NULL;
    if (folder == NULL) {
        TRY(find_folder(&found, error));
        if (found == NULL) {
            FAIL(SPUR_MODEL, "the demo's models are not installed with this program; give "
                             "--models a folder that holds detector/");
        }
        folder = found;
    }
    TRY(demo_join(folder, "detector", &out->detector, error));
    TRY(find_backbones(folder, out, error));
done:
    free(found);
    return status;
}

void demo_models_free(demo_models *block)
{
    free(block->detector);
    for (size_t i = 0; i < block->backbone_count; i++) {
        free(block->backbones[i]);
    }
}
