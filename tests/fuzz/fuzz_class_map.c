/*
 * fuzz_class_map.c - classes of a run and names of a model's outputs, one of anybody's lines
 * each: every class gets an output of its own, or the map says why not.
 *
 * A line with a tabulator is a class (label, name), another one an output.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/class_map.h"

enum {
    LINES = 64
};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

typedef struct input {
    store_class classes[LINES];
    const char *names[LINES];
    size_t class_count, outputs;
} input;

static void split_lines(char *text, input *into)
{
    memset(into, 0, sizeof *into);
    while (text != NULL && into->class_count < LINES && into->outputs < LINES) {
        char *next = strchr(text, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        char *name = strchr(text, '\t');
        if (name != NULL) {
            *name++ = '\0';
            into->classes[into->class_count++] = (store_class){.label = text, .name = name};
        } else {
            into->names[into->outputs++] = text;
        }
        text = next;
    }
}

static void check(const class_map *map, const input *from, bool has_names)
{
    bool seen[LINES] = {false};
    require(map->how != NULL && map->how[0] != '\0');
    for (size_t c = 0; c < from->class_count && map->outputs != NULL; c++) {
        require(map->outputs[c] < from->outputs && !seen[map->outputs[c]]);
        seen[map->outputs[c]] = true;
    }
    require(has_names || map->outputs == NULL || strcmp(map->how, "index") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static input from;
    spur_error error;
    arena *texts = NULL;
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    split_lines(text, &from);
    for (int has_names = 0; has_names < 2; has_names++) {
        class_map map = {NULL, NULL};
        require(arena_new(&texts, &error) == SPUR_OK);
        require(class_map_make(from.classes, from.class_count,
                               has_names != 0 ? from.names : NULL, from.outputs, texts, &map,
                               &error) == SPUR_OK);
        check(&map, &from, has_names != 0);
        memory_free(map.outputs);
        arena_free(texts);
    }
    free(text);
    return 0;
}
