/*
 * manifest_folder.c - image folders, and flat folders with a file of labels.
 */
#include <string.h>

#include "base/text.h"
#include "io/file.h"
#include "io/lines.h"
#include "pipeline/manifest_draft.h"
#include "pipeline/walk.h"

/* ---- root/<class>/ ------------------------------------------------------------------- */

static spur_status add_class_folder(draft *into, const char *root, const char *label,
                                    const char *split, spur_error *error)
{
    spur_status status;
    walk_names files = {NULL, 0, 0};
    size_t skipped = 0;
    char *folder = NULL;
    char *name = NULL;
    TRY(file_join(root, label, &folder, error));
    TRY(walk_files(folder, into->texts, &files, &skipped, error));
    for (size_t i = 0; i < files.count; i++) {
        memory_free(name);
        name = NULL;
        TRY(file_join(label, files.names[i], &name, error));
        TRY(draft_add(into, name, label, split, 0, NULL, error));
    }
    if (files.count == 0) {
        TRY(draft_warn(into, error, "class folder %s has no images", label));
    }
    if (skipped > 0) {
        TRY(draft_warn(into, error,
                       "class folder %s: %zu links lead to folders that were read already; "
                       "they were not read again",
                       label, skipped));
    }
    TRY(memory_grow(&into->labels, &into->label_capacity, into->label_count + 1,
                    sizeof *into->labels, error));
    into->labels[into->label_count++] = label;
done:
    walk_names_free(&files);
    memory_free(folder);
    memory_free(name);
    return status;
}

spur_status draft_read_folder(draft *into, const char *root, const char *split,
                              spur_error *error)
{
    spur_status status;
    walk_names folders = {NULL, 0, 0};
    size_t loose = 0;
    TRY(walk_folders(root, into->texts, &folders, &loose, error));
    if (folders.count == 0) {
        FAIL(
            SPUR_DATASET,
            "%s: no images in class folders (%zu files beside); expected %s/<class>/<image>, a "
            ".csv or .jsonl manifest, or a labels file",
            root, loose, root);
    }
    if (loose > 0) {
        TRY(draft_warn(into, error, "%s: %zu files are in no class folder and are left out",
                       root, loose));
    }
    for (size_t i = 0; i < folders.count; i++) {
        TRY(add_class_folder(into, root, folders.names[i], split, error));
    }
done:
    walk_names_free(&folders);
    return status;
}

/* ---- flat folder and labels ---------------------------------------------------------- */

/* Where a line's label starts when the line is "file_name label": behind the last TAB, else
 * behind the last blank; NULL when the line is one word. */
static char *label_start(const text_line *line)
{
    char *tab = strrchr(line->text, '\t');
    char *space = tab != NULL ? tab : strrchr(line->text, ' ');
    return space == NULL || space == line->text || space[1] == '\0' ? NULL : space + 1;
}

/* One label per line, for the files of the folder in byte-wise order. */
static spur_status add_by_order(draft *into, const char *root, const text_lines *lines,
                                const char *split, spur_error *error)
{
    spur_status status;
    walk_names files = {NULL, 0, 0};
    size_t skipped = 0;
    TRY(walk_files(root, into->texts, &files, &skipped, error));
    if (files.count != lines->count) {
        FAIL(SPUR_DATASET, "%zu labels for the %zu files below %s", lines->count, files.count,
             root);
    }
    for (size_t i = 0; i < files.count; i++) {
        TRY(draft_add(into, files.names[i], lines->lines[i].text, split, lines->lines[i].number,
                      NULL, error));
    }
done:
    walk_names_free(&files);
    return status;
}

static spur_status add_by_name(draft *into, const text_lines *lines, const char *split,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    for (size_t i = 0; i < lines->count; i++) {
        text_line *line = &lines->lines[i];
        char *label = label_start(line);
        if (label == NULL) {
            FAIL(SPUR_DATASET, "line %zu: expected \"file_name label\"", line->number);
        }
        size_t end = (size_t)(label - line->text) - 1;
        while (end > 0 && (line->text[end - 1] == ' ' || line->text[end - 1] == '\t')) {
            end--;
        }
        line->text[end] = '\0';
        TRY(draft_add(into, line->text, label, split, line->number, NULL, error));
    }
done:
    return status;
}

spur_status draft_read_flat(draft *into, const char *root, const char *labels,
                            const char *split, spur_error *error)
{
    spur_status status;
    text_lines lines = {NULL, NULL, 0};
    TRY(lines_load(labels, SPUR_DATASET, &lines, error));
    if (lines.count == 0) {
        FAIL(SPUR_DATASET, "no labels in it");
    }
    bool has_names = label_start(&lines.lines[0]) != NULL;
    TRY(has_names ? add_by_name(into, &lines, split, error)
                  : add_by_order(into, root, &lines, split, error));
done:
    lines_free(&lines);
    if (status != SPUR_OK) {
        error_prefix(error, "labels file %s", labels);
    }
    return status;
}
