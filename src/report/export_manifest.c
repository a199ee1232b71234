/*
 * export_manifest.c - scored images, or those of a subset, as a manifest that Spur and other
 * programs read, and as folders of links.
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/subset_key.h"
#include "pipeline/subset_links.h"
#include "report/exporter.h"
#include "report/relative.h"

typedef struct manifest_writer {
    exporter shared;    /* first: a row writer is given its address */
    char *folder;       /* of the manifest: absolute */
    const char *root;   /* whose prefix is known */
    text_buffer prefix; /* from the folder to the root: "../images/" */
    text_buffer name;
    bool has_group, has_weight;
} manifest_writer;

/* ---- names relative to the manifest ---------------------------------------------------- */

/* Absolute path of the folder that `path` is in ("-" and plain names: the working folder). */
static spur_status find_folder(const char *path, char **out, spur_error *error)
{
    spur_status status;
    char *folder = NULL;
    char *whole = NULL;
    const char *slash = strcmp(path, "-") == 0 ? NULL : strrchr(path, '/');
    TRY(slash == NULL ? memory_copy_text(".", 1, &folder, error)
                      : memory_copy_text(path, (size_t)(slash - path) + 1, &folder, error));
    whole = realpath(folder, NULL);
    if (whole == NULL) {
        FAIL(SPUR_RESOURCE, "%s: no such folder", folder);
    }
    TRY(memory_copy_text(whole, strlen(whole), out, error));
done:
    memory_free(folder);
    free(whole);
    return status;
}

static spur_status find_prefix(manifest_writer *to, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *whole = NULL;
    if (to->root == to->shared.root) {
        return SPUR_OK;
    }
    to->root = to->shared.root;
    whole = realpath(to->root, NULL);
    TRY(relative_path(to->folder, whole == NULL ? to->root : whole, &to->prefix, error));
done:
    free(whole);
    return status;
}

static spur_status make_name(manifest_writer *to, const char *file_name, spur_error *error)
{
    spur_status status;
    TRY(find_prefix(to, error));
    to->name.length = 0;
    if (file_name[0] != '/' && to->prefix.length > 0) {
        TRY(text_add(&to->name, to->prefix.data, to->prefix.length, error));
    }
    TRY(text_add(&to->name, file_name, strlen(file_name), error));
done:
    return status;
}

/* ---- rows ------------------------------------------------------------------------------ */

static spur_status write_row(exporter *shared, const export_row *row, spur_error *error)
{
    spur_status status;
    manifest_writer *to = (manifest_writer *)(void *)shared;
    if (!row->is_scored) {
        return SPUR_OK;
    }
    TRY(make_name(to, row->from->file_name, error));
    TRY(exporter_add_text(shared, true, to->name.data, error));
    TRY(exporter_add_text(shared, false, row->label, error));
    TRY(exporter_add_text(shared, false, row->split, error));
    TRY(to->has_group ? exporter_add_text(shared, false, row->from->group, error) : SPUR_OK);
    TRY(to->has_weight ? exporter_add_number(shared, true, row->from->weight, error) : SPUR_OK);
    TRY(exporter_add_count(shared, true, row->rank, error));
    TRY(exporter_add_number(shared, true, (double)row->from->logit, error));
    TRY(shared->has_bytes ? exporter_add_bytes(shared, to->name.data, error) : SPUR_OK);
    TRY(text_add(&shared->line, "\n", 1, error));
    TRY(exporter_flush(shared, error));
done:
    return status;
}

/* Columns that would say nothing are left out. */
static spur_status look_at_row(exporter *shared, const export_row *row, spur_error *error)
{
    manifest_writer *to = (manifest_writer *)(void *)shared;
    (void)error;
    if (row->is_scored) {
        to->has_group = to->has_group || row->from->group != NULL;
        to->has_weight = to->has_weight || row->from->weight != 1.0;
    }
    return SPUR_OK;
}

/* The folders above the images may have names that are no text, too. */
static spur_status look_at_names(manifest_writer *to, spur_error *error)
{
    spur_status status;
    TRY(exporter_look_for_bytes(&to->shared, error));
    TRY(exporter_rows(&to->shared, look_at_row, error));
    for (size_t i = 0; i < to->shared.run->split_count; i++) {
        const char *root = to->shared.run->splits[i].root;
        to->shared.has_bytes = to->shared.has_bytes || !text_is_utf8(root, strlen(root));
    }
done:
    return status;
}

spur_status spur_export_manifest(spur_run *run, const char *path,
                                 const spur_export_options *options, spur_error *error)
{
    spur_status status;
    manifest_writer to;
    memset(&to, 0, sizeof to);
    TRY(exporter_open(&to.shared, run, path, options, error));
    TRY(find_folder(path, &to.folder, error));
    TRY(look_at_names(&to, error));
    TRY(text_format(&to.shared.line, error, "file_name,label,split%s%s,rank,logit%s\n",
                    to.has_group ? ",group" : "", to.has_weight ? ",weight" : "",
                    to.shared.has_bytes ? ",file_name_b64" : ""));
    TRY(exporter_flush(&to.shared, error));
    TRY(exporter_rows(&to.shared, write_row, error));
    TRY(file_commit(to.shared.file, error));
done:
    exporter_close(&to.shared);
    memory_free(to.folder);
    text_buffer_free(&to.prefix);
    text_buffer_free(&to.name);
    return status;
}

/* ---- links ----------------------------------------------------------------------------- */

spur_status spur_export_links(spur_run *run, const char *folder,
                              const spur_export_options *options, uint64_t *links,
                              spur_error *error)
{
    spur_status status;
    subset_key key;
    char name[SUBSET_KEY_SIZE];
    uint64_t made = 0;
    if (run == NULL || folder == NULL || options == NULL || options->subset == NULL) {
        FAIL(SPUR_USAGE, "links need a run, a folder and a subset");
    }
    TRY(subset_key_parse(options->subset, options->naming, &key, error));
    subset_key_text(&key, SPUR_NAMING_CONTENT, name);
    TRY(subset_links_make(run, name, folder, NULL, &made, error));
    if (links != NULL) {
        *links = made;
    }
done:
    return status;
}
