/*
 * walk.c - reading folders without recursion.
 *
 * Links to folders wait until all real folders are known, so that a link into the tree is
 * recognised and a loop ends; the result does not depend on the order the file system gives.
 */
#include "pipeline/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/file.h"

/* A folder's identity: two paths with the same one are the same folder. */
typedef struct place {
    dev_t device;
    ino_t inode;
} place;

typedef struct walker {
    const char *root;
    arena *texts;
    walk_names files, folders, links; /* folders and links still to be read */
    place *seen;
    size_t seen_count, seen_capacity;
    size_t skipped;
} walker;

void walk_names_free(walk_names *block)
{
    if (block != NULL) {
        memory_free(block->names);
        memset(block, 0, sizeof *block);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(walk_names *names)
{
    if (names->count > 1) {
        qsort(names->names, names->count, sizeof *names->names, compare_names);
    }
}

static spur_status add_name(walk_names *into, arena *texts, const char *name, spur_error *error)
{
    spur_status status;
    char *copy = NULL;
    TRY(arena_text(texts, name, strlen(name), &copy, error));
    TRY(memory_grow(&into->names, &into->capacity, into->count + 1, sizeof *into->names,
                    error));
    into->names[into->count++] = copy;
done:
    return status;
}

static spur_status fail_folder(const char *path, int number, spur_error *error)
{
    return error_set(error, number == ENOMEM || number == EMFILE ? SPUR_RESOURCE : SPUR_DATASET,
                     "%s: the folder cannot be read: %s", path,
                     number == EACCES         ? "no permission"
                     : number == ENOENT       ? "it does not exist"
                     : number == ENOTDIR      ? "it is not a folder"
                     : number == ELOOP        ? "a loop of links"
                     : number == ENAMETOOLONG ? "its path is too long"
                     : number == EMFILE       ? "too many open files"
                                              : "input/output error");
}

/* True the first time a folder is met. */
static spur_status is_new_place(walker *walk, const struct stat *facts, bool *is_new,
                                spur_error *error)
{
    for (size_t i = 0; i < walk->seen_count; i++) {
        if (walk->seen[i].inode == facts->st_ino && walk->seen[i].device == facts->st_dev) {
            *is_new = false;
            return SPUR_OK;
        }
    }
    *is_new = true;
    spur_status status = memory_grow(&walk->seen, &walk->seen_capacity, walk->seen_count + 1,
                                     sizeof *walk->seen, error);
    if (status == SPUR_OK) {
        walk->seen[walk->seen_count++] = (place){facts->st_dev, facts->st_ino};
    }
    return status;
}

/* Remembers a real folder without looking: they cannot repeat before links are followed. */
static spur_status note_place(walker *walk, const struct stat *facts, spur_error *error)
{
    spur_status status = memory_grow(&walk->seen, &walk->seen_capacity, walk->seen_count + 1,
                                     sizeof *walk->seen, error);
    if (status == SPUR_OK) {
        walk->seen[walk->seen_count++] = (place){facts->st_dev, facts->st_ino};
    }
    return status;
}

/* Puts one entry where it belongs: file, folder to read, or link to a folder. */
static spur_status sort_entry(walker *walk, const char *name, const char *path,
                              spur_error *error)
{
    struct stat facts;
    struct stat target;
    if (lstat(path, &facts) != 0) {
        return SPUR_OK; /* vanished between two calls */
    }
    if (S_ISDIR(facts.st_mode)) {
        return add_name(&walk->folders, walk->texts, name, error);
    }
    if (S_ISLNK(facts.st_mode) && stat(path, &target) == 0 && S_ISDIR(target.st_mode)) {
        return add_name(&walk->links, walk->texts, name, error);
    }
    return add_name(&walk->files, walk->texts, name, error);
}

/* Sorts the entries of root/below (below "" is root itself). */
static spur_status read_folder(walker *walk, const char *below, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    char *name = NULL;
    char *whole = NULL;
    DIR *folder = NULL;
    struct dirent *entry;
    if (below[0] == '\0') {
        TRY(memory_copy_text(walk->root, strlen(walk->root), &path, error));
    } else {
        TRY(file_join(walk->root, below, &path, error));
    }
    folder = opendir(path);
    if (folder == NULL) {
        TRY(fail_folder(path, errno, error));
    }
    while (errno = 0, (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        TRY(file_join(below, entry->d_name, &name, error));
        TRY(file_join(walk->root, name, &whole, error));
        TRY(sort_entry(walk, name, whole, error));
        memory_free(name);
        memory_free(whole);
        name = whole = NULL;
    }
    if (errno != 0) {
        TRY(fail_folder(path, errno, error));
    }
done:
    if (folder != NULL) {
        (void)closedir(folder);
    }
    memory_free(path);
    memory_free(name);
    memory_free(whole);
    return status;
}

/* Reads the folders that wait. `check` looks each up: needed once links are followed. */
static spur_status drain_folders(walker *walk, bool check, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *path = NULL;
    while (walk->folders.count > 0) {
        const char *below = walk->folders.names[--walk->folders.count];
        struct stat facts;
        bool is_new = true;
        memory_free(path);
        path = NULL;
        TRY(file_join(walk->root, below, &path, error));
        if (stat(path, &facts) != 0) {
            TRY(fail_folder(path, errno, error));
        }
        TRY(check ? is_new_place(walk, &facts, &is_new, error)
                  : note_place(walk, &facts, error));
        if (is_new) {
            TRY(read_folder(walk, below, error));
        } else {
            walk->skipped++;
        }
    }
done:
    memory_free(path);
    return status;
}

/* Follows the links that wait, the first in byte-wise order first. */
static spur_status drain_links(walker *walk, spur_error *error)
{
    spur_status status = SPUR_OK;
    while (walk->links.count > 0) {
        sort_names(&walk->links);
        const char *first = walk->links.names[0];
        walk->links.count--;
        memmove(walk->links.names, walk->links.names + 1,
                walk->links.count * sizeof *walk->links.names);
        TRY(add_name(&walk->folders, walk->texts, first, error));
        TRY(drain_folders(walk, true, error));
    }
done:
    return status;
}

spur_status walk_files(const char *root, arena *texts, walk_names *out, size_t *skipped,
                       spur_error *error)
{
    spur_status status;
    walker walk = {.root = root, .texts = texts};
    struct stat facts;
    if (stat(root, &facts) != 0) {
        TRY(fail_folder(root, errno, error));
    }
    TRY(note_place(&walk, &facts, error));
    TRY(read_folder(&walk, "", error));
    TRY(drain_folders(&walk, false, error));
    TRY(drain_links(&walk, error));
    sort_names(&walk.files);
    *out = walk.files;
    *skipped = walk.skipped;
    memset(&walk.files, 0, sizeof walk.files);
done:
    walk_names_free(&walk.files);
    walk_names_free(&walk.folders);
    walk_names_free(&walk.links);
    memory_free(walk.seen);
    return status;
}

spur_status walk_folders(const char *root, arena *texts, walk_names *out, size_t *loose,
                         spur_error *error)
{
    spur_status status;
    walker walk = {.root = root, .texts = texts};
    TRY(read_folder(&walk, "", error));
    for (size_t i = 0; i < walk.links.count; i++) {
        TRY(add_name(&walk.folders, texts, walk.links.names[i], error));
    }
    sort_names(&walk.folders);
    *out = walk.folders;
    *loose = walk.files.count;
    memset(&walk.folders, 0, sizeof walk.folders);
done:
    walk_names_free(&walk.files);
    walk_names_free(&walk.folders);
    walk_names_free(&walk.links);
    return status;
}
