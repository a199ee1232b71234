/*
 * export_heads.c - the heads of a run under the names other programs give a last layer.
 *
 * load_state_dict(strict=False) passes over names it does not know without a word, so a head
 * under a wrong name would change nothing and look like success: the names follow the
 * backbone's architecture, and a model that a library does not have is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "io/folder.h"
#include "io/json.h"
#include "io/npy.h"
#include "io/store_features.h"
#include "models/head_file.h"
#include "pipeline/run.h"
#include "report/head_text.h"

static const char head_ending[] = ".safetensors";

typedef struct head_exporter {
    spur_run *run;
    const char *folder;
    spur_head_format format;
    const char *backbone;           /* name of the folder being exported */
    const store_backbone *known_as; /* what the run says of it, or NULL */
    uint64_t count;
} head_exporter;

/* ---- names ----------------------------------------------------------------------------- */

typedef enum head_family {
    FAMILY_RESNET,
    FAMILY_VIT,
    FAMILY_DISTILLED,
    FAMILY_COUNT
} head_family;

static const char *const prefixes[FAMILY_COUNT][3] = {
    [FAMILY_RESNET] = {"fc", "fc", "classifier.1"},
    [FAMILY_VIT] = {"heads.head", "head", "classifier"},
    [FAMILY_DISTILLED] = {NULL, "head_dist", "cls_classifier"}};

static head_family family_of(const char *architecture)
{
    if (strncmp(architecture, "resnet", 6) == 0) {
        return FAMILY_RESNET;
    }
    if (strstr(architecture, "distilled") != NULL) {
        return FAMILY_DISTILLED;
    }
    return strncmp(architecture, "vit", 3) == 0 || strncmp(architecture, "deit", 4) == 0
               ? FAMILY_VIT
               : FAMILY_COUNT;
}

/* Features of an unknown model: the name the library uses most. */
static const char *usual_prefix(spur_head_format format)
{
    return format == SPUR_HEAD_TORCHVISION ? "fc"
           : format == SPUR_HEAD_TIMM      ? "head"
                                           : "classifier";
}

static spur_status find_prefix(const head_exporter *in, const char **out, spur_error *error)
{
    const char *architecture = in->known_as == NULL ? "" : in->known_as->architecture;
    head_family family = family_of(architecture);
    *out = family == FAMILY_COUNT ? usual_prefix(in->format) : prefixes[family][in->format];
    if (*out == NULL) {
        return error_set(error, SPUR_USAGE,
                         "torchvision has no model with the two heads of %s; use --format timm "
                         "or hf",
                         architecture);
    }
    return SPUR_OK;
}

/* ---- one head -------------------------------------------------------------------------- */

static spur_status write_state(const head_exporter *in, const char *path, const head_file *from,
                               spur_error *error)
{
    spur_status status;
    const char *prefix = NULL;
    const char **notes = NULL;
    size_t count = head_file_note_count(from);
    TRY(find_prefix(in, &prefix, error));
    TRY(memory_new(2 * count, sizeof *notes, &notes, error));
    for (size_t i = 0; i < count; i++) {
        head_file_note_at(from, i, &notes[2 * i], &notes[2 * i + 1]);
    }
    TRY(head_file_write(path, head_file_head(from), prefix, notes, count, error));
done:
    memory_free((void *)notes);
    return status;
}

static spur_status notes_to_json(const head_file *from, text_buffer *into, spur_error *error)
{
    spur_status status;
    json_writer json = {into, false};
    TRY(json_open_object(&json, NULL, error));
    for (size_t i = 0; i < head_file_note_count(from); i++) {
        const char *key;
        const char *value;
        head_file_note_at(from, i, &key, &value);
        TRY(json_add_text(&json, key, value, error));
    }
    TRY(json_close_object(&json, error));
done:
    return status;
}

static spur_status write_arrays(const char *path, const head_file *from, spur_error *error)
{
    spur_status status;
    text_buffer notes = {NULL, 0, 0};
    const head *own = head_file_head(from);
    TRY(notes_to_json(from, &notes, error));
    const size_t shape[] = {own->classes, own->features};
    const tensor_out arrays[] = {{"W", TENSOR_F32, 2, shape, own->weight},
                                 {"b", TENSOR_F32, 1, shape, own->bias},
                                 {"metadata", TENSOR_U8, 1, &notes.length, notes.data}};
    TRY(npz_write(path, arrays, sizeof arrays / sizeof arrays[0], error));
done:
    text_buffer_free(&notes);
    return status;
}

/* A head that was trained on other features than the run's under that name is not passed on. */
static spur_status check_head(const head_exporter *in, const char *path, const head_file *from,
                              spur_error *error)
{
    const head *own = head_file_head(from);
    if (in->known_as == NULL) {
        return SPUR_OK;
    }
    spur_status status = head_file_check(from, own->classes, in->known_as->features,
                                         in->known_as->digest, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    return status;
}

static spur_status write_head(const head_exporter *in, const char *folder, const char *name,
                              const head_file *from, spur_error *error)
{
    spur_status status;
    text_buffer path = {NULL, 0, 0};
    const char *ending = in->format == SPUR_HEAD_NPZ ? ".npz"
                         : in->format == SPUR_HEAD_C ? ".h"
                                                     : head_ending;
    TRY(text_format(&path, error, "%s/%s%s", folder, name, ending));
    TRY(in->format == SPUR_HEAD_NPZ ? write_arrays(path.data, from, error)
        : in->format == SPUR_HEAD_C ? head_text_write(path.data, name, from, error)
                                    : write_state(in, path.data, from, error));
done:
    text_buffer_free(&path);
    return status;
}

static spur_status export_head(head_exporter *in, const char *source, const char *folder,
                               const char *name, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    char *bare = NULL;
    head_file *from = NULL;
    TRY(file_join(source, name, &path, error));
    TRY(memory_copy_text(name, strlen(name) - strlen(head_ending), &bare, error));
    TRY(head_file_open(path, &from, error));
    TRY(check_head(in, path, from, error));
    TRY(write_head(in, folder, bare, from, error));
    in->count++;
done:
    head_file_close(from);
    memory_free(path);
    memory_free(bare);
    return status;
}

/* ---- all heads ------------------------------------------------------------------------- */

static bool is_head_name(const char *name)
{
    size_t length = strlen(name);
    size_t ending = strlen(head_ending);
    return name[0] != '.' && length > ending &&
           strcmp(name + length - ending, head_ending) == 0;
}

static spur_status find_backbone(head_exporter *in, spur_error *error)
{
    const store_backbone *backbones;
    size_t count;
    spur_status status = store_get_backbones(in->run->db, &backbones, &count);
    (void)error;
    in->known_as = NULL;
    for (size_t i = 0; status == SPUR_OK && i < count; i++) {
        if (strcmp(backbones[i].name, in->backbone) == 0) {
            in->known_as = &backbones[i];
        }
    }
    return status;
}

static spur_status list_folder(const char *path, folder_list *out, spur_error *error)
{
    spur_status status = folder_read(path, SPUR_DATASET, out, error);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", path);
    }
    return status;
}

static spur_status export_backbone(head_exporter *in, const char *heads, const char *name,
                                   spur_error *error)
{
    spur_status status;
    char *source = NULL;
    char *folder = NULL;
    folder_list list = {NULL, 0};
    in->backbone = name;
    TRY(find_backbone(in, error));
    TRY(file_join(heads, name, &source, error));
    TRY(file_join(in->folder, name, &folder, error));
    TRY(list_folder(source, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        if (is_head_name(list.names[i])) {
            TRY(file_make_folder(folder, error));
            TRY(export_head(in, source, folder, list.names[i], error));
        }
    }
done:
    folder_free(&list);
    memory_free(source);
    memory_free(folder);
    return status;
}

static spur_status export_all(head_exporter *in, const char *heads, spur_error *error)
{
    spur_status status;
    folder_list list = {NULL, 0};
    if (file_kind_of(heads) == FILE_FOLDER) {
        TRY(list_folder(heads, &list, error));
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.names[i][0] != '.') {
            TRY(export_backbone(in, heads, list.names[i], error));
        }
    }
    if (in->count == 0) {
        FAIL(SPUR_DATASET, "%s: no heads in this run; `spur retrain RUN` trains them", heads);
    }
done:
    folder_free(&list);
    return status;
}

/* The run's own files stay as the run wrote them. */
static spur_status check_folder(const char *folder, const char *heads, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *target = realpath(folder, NULL);
    char *own = realpath(heads, NULL);
    if (target != NULL && own != NULL && strcmp(target, own) == 0) {
        status = error_set(error, SPUR_USAGE,
                           "%s: is where the run keeps its heads; name another folder", folder);
    }
    free(target);
    free(own);
    return status;
}

spur_status spur_export_heads(spur_run *run, const char *folder, spur_head_format format,
                              uint64_t *heads, spur_error *error)
{
    spur_status status;
    char *source = NULL;
    head_exporter in = {.run = run, .folder = folder, .format = format};
    if (run == NULL || folder == NULL) {
        FAIL(SPUR_USAGE, "a run and a folder to write to are needed");
    }
    TRY(file_join(run->folder, "heads", &source, error));
    TRY(check_folder(folder, source, error));
    TRY(export_all(&in, source, error));
    if (heads != NULL) {
        *heads = in.count;
    }
done:
    memory_free(source);
    return status;
}
