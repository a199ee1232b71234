/*
 * subset_links.c - names for links that cannot collide, and the folders they stand in.
 */
#include "pipeline/subset_links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/link_folder.h"
#include "pipeline/select.h"

enum {
    NAME_LIMIT = 200, /* bytes of a name that is kept; longer ones keep their end */
    ID_DIGITS = 2 * STORE_ID_SIZE
};

typedef struct link_entry {
    size_t class_index;
    const char *file_name, *name; /* name: of the link */
    unsigned char image_id[STORE_ID_SIZE];
} link_entry;

typedef struct link_plan {
    spur_run *run;
    arena *texts;
    const uint64_t *rows; /* of the subset, rising */
    size_t row_count, next;
    link_entry *entries;
    size_t count;
    const char **names; /* of the class being linked, or of the class folders; sorted */
} link_plan;

/* ---- names --------------------------------------------------------------------------- */

static bool is_safe_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
           strlen(name) <= NAME_LIMIT;
}

static bool is_label(const spur_run *run, const char *name)
{
    for (size_t c = 0; c < run->class_count; c++) {
        if (strcmp(run->classes[c].label, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The label, or a name that is no other class's label. */
static spur_status name_class(link_plan *in, size_t class_index, const char **out,
                              spur_error *error)
{
    char name[64];
    char *copy = NULL;
    if (is_safe_name(in->run->classes[class_index].label)) {
        *out = in->run->classes[class_index].label;
        return SPUR_OK;
    }
    int used = snprintf(name, sizeof name, "class-%zu", class_index);
    while (is_label(in->run, name) && used + 1 < (int)sizeof name) {
        name[used++] = '_';
        name[used] = '\0';
    }
    spur_status status = arena_text(in->texts, name, strlen(name), &copy, error);
    *out = copy;
    return status;
}

static const char *base_of(const char *file_name)
{
    const char *slash = strrchr(file_name, '/');
    return slash == NULL ? file_name : slash + 1;
}

/* <image id>-<end of the name>: the end says what kind of file it is. */
static spur_status name_by_id(link_plan *in, link_entry *entry, spur_error *error)
{
    char name[ID_DIGITS + 1 + NAME_LIMIT + 1];
    char *copy = NULL;
    const char *base = base_of(entry->file_name);
    size_t length = strlen(base);
    base += length > NAME_LIMIT ? length - NAME_LIMIT : 0;
    digest_hex(entry->image_id, STORE_ID_SIZE, name);
    (void)snprintf(name + ID_DIGITS, sizeof name - ID_DIGITS, "-%s", base);
    spur_status status = arena_text(in->texts, name, strlen(name), &copy, error);
    entry->name = copy;
    return status;
}

static int compare_entries(const void *a, const void *b)
{
    const link_entry *left = a;
    const link_entry *right = b;
    if (left->class_index != right->class_index) {
        return left->class_index < right->class_index ? -1 : 1;
    }
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->file_name, right->file_name);
}

static bool has_same_name(const link_entry *a, const link_entry *b)
{
    return a->class_index == b->class_index &&
           strcmp(base_of(a->file_name), base_of(b->file_name)) == 0;
}

static spur_status name_links(link_plan *in, spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < in->count; i++) {
        in->entries[i].name = base_of(in->entries[i].file_name);
    }
    qsort(in->entries, in->count, sizeof *in->entries, compare_entries);
    for (size_t i = 0; i < in->count; i++) {
        link_entry *entry = &in->entries[i];
        bool is_repeat = (i > 0 && has_same_name(entry, entry - 1)) ||
                         (i + 1 < in->count && has_same_name(entry, entry + 1));
        if (is_repeat || !is_safe_name(entry->name)) {
            TRY(name_by_id(in, entry, error));
        }
    }
    qsort(in->entries, in->count, sizeof *in->entries, compare_entries);
done:
    return status;
}

/* ---- images -------------------------------------------------------------------------- */

static spur_status take_row(void *context, const store_row *row, spur_error *error)
{
    spur_status status;
    link_plan *in = context;
    char *name = NULL;
    if (in->next == in->row_count || row->row != in->rows[in->next]) {
        return SPUR_OK;
    }
    TRY(arena_text(in->texts, row->file_name, strlen(row->file_name), &name, error));
    link_entry *entry = &in->entries[in->count++];
    entry->class_index = row->class_index;
    entry->file_name = name;
    memcpy(entry->image_id, row->image_id, sizeof entry->image_id);
    in->next++;
done:
    return status;
}

/* The image's absolute path, which must be a file. */
static spur_status find_image(const char *root, const char *file_name, char **out,
                              spur_error *error)
{
    spur_status status;
    char *path = NULL;
    char *whole = NULL;
    struct stat facts;
    TRY(file_name[0] == '/' ? memory_copy_text(file_name, strlen(file_name), &path, error)
                            : file_join(root, file_name, &path, error));
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        FAIL(SPUR_DATASET, "%s: the image is no longer there; links to it would lead nowhere",
             path);
    }
    if (path[0] != '/') {
        whole = realpath(path, NULL);
        if (whole == NULL) {
            FAIL(SPUR_DATASET, "%s: has no absolute path", path);
        }
        memory_free(path);
        path = NULL;
        TRY(memory_copy_text(whole, strlen(whole), &path, error));
    }
    *out = path;
    path = NULL;
done:
    free(whole);
    memory_free(path);
    return status;
}

/* ---- folders ------------------------------------------------------------------------- */

static spur_status link_class(link_plan *in, const link_folder *folder, const char *root,
                              size_t first, size_t last, spur_error *error)
{
    spur_status status;
    char *target = NULL;
    for (size_t i = first; i < last; i++) {
        in->names[i - first] = in->entries[i].name;
    }
    TRY(link_folder_check(folder, in->names, last - first, error));
    for (size_t i = first; i < last; i++) {
        memory_free(target);
        target = NULL;
        TRY(find_image(root, in->entries[i].file_name, &target, error));
        TRY(link_folder_add(folder, in->entries[i].name, target, error));
    }
done:
    memory_free(target);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t end_of_class(const link_plan *in, size_t first)
{
    size_t last = first;
    while (last < in->count &&
           in->entries[last].class_index == in->entries[first].class_index) {
        last++;
    }
    return last;
}

/* Nothing may stand in the folder but the folders of the subset's classes. */
static spur_status check_folder(link_plan *in, const link_folder *folder, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t count = 0;
    for (size_t i = 0; i < in->count; i = end_of_class(in, i)) {
        TRY(name_class(in, in->entries[i].class_index, &in->names[count++], error));
    }
    qsort(in->names, count, sizeof *in->names, compare_names);
    TRY(link_folder_check(folder, in->names, count, error));
done:
    return status;
}

static spur_status link_classes(link_plan *in, const link_folder *folder, const char *root,
                                spur_error *error)
{
    spur_status status;
    link_folder *below = NULL;
    TRY(check_folder(in, folder, error));
    for (size_t first = 0; first < in->count;) {
        size_t last = end_of_class(in, first);
        const char *name;
        link_folder_close(below);
        below = NULL;
        TRY(name_class(in, in->entries[first].class_index, &name, error));
        TRY(link_folder_below(folder, name, &below, error));
        TRY(link_class(in, below, root, first, last, error));
        first = last;
    }
done:
    link_folder_close(below);
    return status;
}

static spur_status make_tree(link_plan *in, const char *root, const char *path,
                             const char *below, spur_error *error)
{
    spur_status status;
    link_folder *folder = NULL;
    link_folder *inner = NULL;
    TRY(link_folder_open(path, &folder, error));
    if (below != NULL) {
        TRY(link_folder_below(folder, below, &inner, error));
    }
    TRY(link_classes(in, inner == NULL ? folder : inner, root, error));
done:
    link_folder_close(inner);
    link_folder_close(folder);
    return status;
}

spur_status subset_links_make(spur_run *run, const char *subset, const char *folder,
                              const char *below, uint64_t *links, spur_error *error)
{
    spur_status status;
    const store_split *split = NULL;
    const char *split_name = NULL;
    uint64_t *rows = NULL;
    link_plan plan = {.run = run};
    TRY(subset_members(run, subset, &split_name, &rows, &plan.row_count, error));
    TRY(run_find_split(run, split_name, &split, error));
    plan.rows = rows;
    TRY(arena_new(&plan.texts, error));
    TRY(memory_new(plan.row_count, sizeof *plan.entries, &plan.entries, error));
    TRY(memory_new(plan.row_count, sizeof *plan.names, &plan.names, error));
    TRY(store_each_row(run->db, split_name, take_row, &plan, error));
    TRY(name_links(&plan, error));
    TRY(make_tree(&plan, split->root, folder, below, error));
    *links = plan.count;
done:
    memory_free(rows);
    memory_free(plan.entries);
    memory_free((void *)plan.names);
    arena_free(plan.texts);
    return status;
}
