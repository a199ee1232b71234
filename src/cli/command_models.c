/*
 * command_models.c - spur models list, info, verify: what is in model folders and files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/escape.h"
#include "cli/json_print.h"
#include "cli/option_groups.h"
#include "cli/terminal.h"

/* ---- list ----------------------------------------------------------------------------- */

static const option_group *const list_groups[] = {&json_options, &screen_options, NULL};

typedef struct model_list {
    bool as_json;
    size_t count;
} model_list;

static int show_model(void *context, const spur_model_entry *entry)
{
    model_list *list = context;
    list->count++;
    if (list->as_json) {
        json_printer json = {.to = stdout};
        json_put_open(&json, NULL, '{');
        json_put_file_name(&json, "path", entry->path);
        json_put_text(&json, "id", entry->id);
        json_put_text(&json, "model_type", entry->model_type);
        json_put_bool(&json, "is_supported", entry->is_supported);
        json_put_close(&json, '}');
        json_put_end(&json);
        return ferror(stdout) != 0;
    }
    char name[4 * 44 + ESCAPE_SIZE];
    escape_fit(entry->id != NULL ? entry->id : entry->path, 44, name, sizeof name);
    (void)printf("%s ", name);
    escape_print(entry->model_type == NULL ? "unknown" : entry->model_type, stdout);
    (void)puts(entry->is_supported ? "" : " (not supported)");
    return ferror(stdout) != 0;
}

static spur_status run_list(const arguments *from, terminal *screen, spur_error *error)
{
    model_list list = {.as_json = argument_flag(from, "json")};
    const char *root = argument_count(from) > 0 ? argument_word(from, 0) : NULL;
    spur_status status = spur_models_list(root, show_model, &list, error);
    if (status == SPUR_OK && list.count == 0) {
        terminal_note(screen, "no models found; to get one: " DETECTOR_INSTALL_LINE
                              " && " DETECTOR_DOWNLOAD_LINE);
    }
    return status;
}

const command models_list_command = {
    .name = "models list",
    .usage = "[FOLDER] [--json]",
    .summary = "models in a folder or in the Hugging Face cache",
    .description = "Lists the model folders below FOLDER, or in the local Hugging Face cache "
                   "(HF_HUB_CACHE, HF_HOME). Nothing is downloaded.",
    .examples = "  spur models list\n",
    .groups = list_groups,
    .least = 0,
    .most = 1,
    .run = run_list};

/* ---- info ----------------------------------------------------------------------------- */

static const option info_table[] = {
    {"sha256", 0, OPTION_FLAG, NULL, "SHA-256 of each tensor's bytes", false}, {0}};
static const option_group info_group = {"Info", info_table};
static const option_group *const info_groups[] = {&info_group, &json_options, &screen_options,
                                                  NULL};

typedef struct named_tensor {
    spur_tensor tensor;
    char sha256[65];
} named_tensor;

static int compare_names(const void *a, const void *b)
{
    const named_tensor *left = a, *right = b;
    return strcmp(left->tensor.name, right->tensor.name);
}

static spur_status read_tensor(const spur_weights *weights, size_t index, bool wants_digest,
                               named_tensor *out, spur_error *error)
{
    spur_weights_tensor(weights, index, &out->tensor);
    return wants_digest ? spur_weights_sha256(weights, index, out->sha256, error) : SPUR_OK;
}

/* All tensors in name order, with digests when asked for. */
static spur_status read_tensors(const spur_weights *weights, bool wants_digest,
                                named_tensor **out, spur_error *error)
{
    spur_status status = SPUR_OK;
    size_t count = spur_weights_count(weights);
    named_tensor *tensors = calloc(count == 0 ? 1 : count, sizeof *tensors);
    if (tensors == NULL) {
        return failure_no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(read_tensor(weights, i, wants_digest, &tensors[i], error));
    }
    qsort(tensors, count, sizeof *tensors, compare_names);
    *out = tensors;
    tensors = NULL;
done:
    free(tensors);
    return status;
}

static void tensor_to_json(json_printer *json, const named_tensor *entry, bool has_digest)
{
    json_put_open(json, NULL, '{');
    json_put_text(json, "name", entry->tensor.name);
    json_put_text(json, "dtype", entry->tensor.dtype);
    json_put_open(json, "shape", '[');
    for (size_t i = 0; i < entry->tensor.rank; i++) {
        json_put_count(json, NULL, entry->tensor.shape[i]);
    }
    json_put_close(json, ']');
    if (has_digest) {
        json_put_text(json, "sha256", entry->sha256);
    }
    json_put_close(json, '}');
}

/* What is known of a model beside its tensors. */
typedef struct model_kind {
    spur_model_facts facts;
    bool is_known;
    spur_error reason; /* why not */
} model_kind;

static model_kind find_kind(const char *path)
{
    model_kind made = {.is_known = false};
    made.is_known = spur_models_describe(path, &made.facts, &made.reason) == SPUR_OK;
    return made;
}

static void kind_to_json(json_printer *json, const model_kind *of)
{
    if (!of->is_known) {
        json_put_null(json, "model");
        return;
    }
    json_put_open(json, "model", '{');
    json_put_text(json, "kind", of->facts.kind);
    json_put_text(json, "architecture", of->facts.architecture);
    if (of->facts.side > 0) {
        json_put_count(json, "side", of->facts.side);
    } else {
        json_put_null(json, "side");
    }
    json_put_count(json, "features", of->facts.features);
    if (of->facts.classes > 0) {
        json_put_count(json, "classes", of->facts.classes);
    } else {
        json_put_null(json, "classes");
    }
    json_put_close(json, '}');
}

/* A lone file may hold anything; of a folder one expects a model. */
static void print_kind(const model_kind *of, bool is_folder)
{
    if (!of->is_known) {
        if (is_folder) {
            (void)fputs("no model that Spur runs: ", stdout);
            escape_print(of->reason.message, stdout);
            (void)putchar('\n');
        }
        return;
    }
    (void)printf("%s: %s", of->facts.kind, of->facts.architecture);
    if (of->facts.side > 0) {
        (void)printf(", pictures of %zux%zu", of->facts.side, of->facts.side);
    }
    if (of->facts.classes > 0) {
        (void)printf(", %zu features, %zu classes\n", of->facts.features, of->facts.classes);
    } else {
        (void)printf(", embeddings of %zu\n", of->facts.features);
    }
}

static void info_to_json(const char *path, const spur_weights *weights,
                         const named_tensor *tensors, bool has_digest)
{
    model_kind kind = find_kind(path);
    json_printer json = {.to = stdout};
    json_put_open(&json, NULL, '{');
    json_put_file_name(&json, "path", path);
    json_put_text(&json, "format", spur_weights_format(weights));
    json_put_open(&json, "metadata", '{');
    for (size_t i = 0; i < spur_weights_metadata_count(weights); i++) {
        const char *key = NULL, *value = NULL;
        spur_weights_metadata(weights, i, &key, &value);
        json_put_text(&json, key, value);
    }
    json_put_close(&json, '}');
    json_put_open(&json, "tensors", '[');
    for (size_t i = 0; i < spur_weights_count(weights); i++) {
        tensor_to_json(&json, &tensors[i], has_digest);
    }
    json_put_close(&json, ']');
    kind_to_json(&json, &kind);
    json_put_close(&json, '}');
    json_put_end(&json);
}

static void print_tensor(const named_tensor *entry)
{
    char name[4 * 52 + ESCAPE_SIZE];
    escape_fit(entry->tensor.name, 52, name, sizeof name);
    (void)printf("%s %-5s [", name, entry->tensor.dtype);
    for (size_t i = 0; i < entry->tensor.rank; i++) {
        (void)printf("%s%zu", i == 0 ? "" : ", ", entry->tensor.shape[i]);
    }
    (void)puts("]");
    if (entry->sha256[0] != '\0') {
        (void)printf("  %s\n", entry->sha256);
    }
}

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static void print_info(const char *path, const spur_weights *weights,
                       const named_tensor *tensors)
{
    model_kind kind = find_kind(path);
    size_t count = spur_weights_count(weights);
    double bytes = 0.0;
    for (size_t i = 0; i < spur_weights_metadata_count(weights); i++) {
        const char *key = NULL, *value = NULL;
        spur_weights_metadata(weights, i, &key, &value);
        escape_print(key, stdout);
        (void)fputs(": ", stdout);
        escape_print(value, stdout);
        (void)putchar('\n');
    }
    for (size_t i = 0; i < count; i++) {
        print_tensor(&tensors[i]);
        bytes += (double)tensors[i].tensor.bytes;
    }
    (void)printf("%s, %zu tensors, %.3f MB\n", spur_weights_format(weights), count,
                 bytes / 1e6);
    print_kind(&kind, is_folder(path));
}

static spur_status run_info(const arguments *from, terminal *screen, spur_error *error)
{
    spur_status status = SPUR_OK;
    spur_weights *weights = NULL;
    named_tensor *tensors = NULL;
    bool has_digest = argument_flag(from, "sha256");
    (void)screen;
    TRY(spur_weights_open(argument_word(from, 0), &weights, error));
    TRY(read_tensors(weights, has_digest, &tensors, error));
    if (argument_flag(from, "json")) {
        info_to_json(argument_word(from, 0), weights, tensors, has_digest);
    } else {
        print_info(argument_word(from, 0), weights, tensors);
    }
done:
    free(tensors);
    spur_weights_close(weights);
    return status;
}

const command models_info_command = {
    .name = "models info",
    .usage = "PATH [--json] [--sha256]",
    .summary = "the tensors of a weight file or model folder",
    .description = "PATH is a safetensors file, a PyTorch checkpoint or a model folder. The "
                   "file is checked as when it is loaded; nothing in it is ever executed. The "
                   "last line says which network Spur takes it for.",
    .examples = "  spur models info model.safetensors\n"
                "  spur models info pytorch_model.bin --json --sha256\n",
    .groups = info_groups,
    .least = 1,
    .most = 1,
    .run = run_info};

/* ---- verify --------------------------------------------------------------------------- */

static const option verify_table[] = {
    {"list", 0, OPTION_PATH, "FILE", "digests as sha256sum prints them", false}, {0}};
static const option_group verify_group = {"Verify", verify_table};
static const option_group *const verify_groups[] = {&verify_group, &json_options,
                                                    &screen_options, NULL};

typedef struct verify_tally {
    bool as_json;
    size_t count, wrong;
} verify_tally;

static int show_verified(void *context, const spur_verify_row *row)
{
    verify_tally *tally = context;
    tally->count++;
    tally->wrong += row->matches ? 0 : 1;
    if (tally->as_json) {
        json_printer json = {.to = stdout};
        json_put_open(&json, NULL, '{');
        json_put_file_name(&json, "path", row->path);
        json_put_text(&json, "expected", row->expected);
        json_put_text(&json, "found", row->found);
        json_put_bool(&json, "matches", row->matches);
        json_put_close(&json, '}');
        json_put_end(&json);
        return ferror(stdout) != 0;
    }
    (void)fputs(row->matches ? "ok     " : "WRONG  ", stdout);
    escape_print(row->path, stdout);
    if (!row->matches) {
        (void)printf("\n       expected %s\n       found    %s",
                     row->expected == NULL ? "-" : row->expected,
                     row->found == NULL ? "-" : row->found);
    }
    (void)putchar('\n');
    return ferror(stdout) != 0;
}

static spur_status run_verify(const arguments *from, terminal *screen, spur_error *error)
{
    verify_tally tally = {.as_json = argument_flag(from, "json")};
    (void)screen;
    spur_status status = spur_models_verify(argument_word(from, 0), argument_text(from, "list"),
                                            show_verified, &tally, error);
    if (status == SPUR_OK && tally.wrong > 0) {
        return failure_set(error, SPUR_MODEL, "%zu of %zu files are not what they should be",
                           tally.wrong, tally.count);
    }
    return status;
}

const command models_verify_command = {
    .name = "models verify",
    .usage = "PATH [--list FILE] [--json]",
    .summary = "compare a model's files with the digests they should have",
    .description = "Compares the SHA-256 of each file with --list, or with the blob names of "
                   "the Hugging Face cache that the files are links into. Exit code 5 when "
                   "one differs.",
    .examples = "  spur models verify google/owlvit-base-patch32\n"
                "  spur models verify my-model --list SHA256SUMS\n",
    .groups = verify_groups,
    .least = 1,
    .most = 1,
    .run = run_verify};
