/*
 * manifest.c - reads a dataset, groups its rows by split, gives them classes, and hashes them.
 */
#include "pipeline/manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "io/file.h"
#include "io/store_digest.h"
#include "pipeline/manifest_classes.h"
#include "pipeline/manifest_draft.h"
#include "pipeline/manifest_map.h"
#include "pipeline/name_index.h"
#include "pipeline/walk.h"

enum {
    SPLIT_LIMIT = 1000,
    SPLIT_NAME_LIMIT = 200,
    DIGEST_BLOCK = 1 << 16
};

void spur_data_options_defaults(spur_data_options *options)
{
    memset(options, 0, sizeof *options);
    options->class_order = SPUR_CLASS_ORDER_AUTO;
    options->split = "train";
    options->ood_rule = SPUR_OOD_AUTO;
    options->border = SPUR_BORDER_OF_RULE;
}

/* ---- drafts -------------------------------------------------------------------------- */

void draft_free(draft *block)
{
    memory_free(block->rows);
    memory_free(block->details);
    memory_free(block->labels);
    memory_free(block->warnings);
    label_map_free(&block->map);
}

spur_status draft_warn(draft *into, spur_error *error, const char *format, ...)
{
    spur_status status;
    char raw[1000];
    char safe[1000];
    char *copy = NULL;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_escape(raw, strlen(raw), safe, sizeof safe);
    TRY(arena_text(into->texts, safe, strlen(safe), &copy, error));
    TRY(memory_grow(&into->warnings, &into->warning_capacity, into->warning_count + 1,
                    sizeof *into->warnings, error));
    into->warnings[into->warning_count++] = copy;
done:
    return status;
}

/* Without "./" and empty segments, which name the same file: a name has one spelling. */
static spur_status normalise_name(draft *into, const char *name, char **out, spur_error *error)
{
    char *copy = NULL;
    spur_status status = arena_take(into->texts, strlen(name) + 1, 1, &copy, error);
    if (status != SPUR_OK) {
        return status;
    }
    char *to = copy;
    const char *at = name;
    if (*at == '/') {
        *to++ = *at++;
    }
    while (*at != '\0') {
        size_t length = strcspn(at, "/");
        bool is_kept = length > 0 && !(length == 1 && at[0] == '.');
        if (is_kept) {
            memcpy(to, at, length);
            to += length;
        }
        at += length;
        if (*at == '/') {
            at++;
            if (is_kept && *at != '\0') {
                *to++ = '/';
            }
        }
    }
    *to = '\0';
    *out = copy;
    return SPUR_OK;
}

/* The same text again is the same pointer: rows of a class usually stand together. */
static spur_status intern(draft *into, const char *text, const char **last, const char **out,
                          spur_error *error)
{
    spur_status status = SPUR_OK;
    if (text != NULL && (*last == NULL || strcmp(*last, text) != 0)) {
        char *copy = NULL;
        TRY(arena_text(into->texts, text, strlen(text), &copy, error));
        *last = copy;
    }
    *out = text == NULL ? NULL : *last;
done:
    return status;
}

static spur_status copy_or_null(draft *into, const char *text, const char **out,
                                spur_error *error)
{
    char *copy = NULL;
    spur_status status =
        text == NULL ? SPUR_OK : arena_text(into->texts, text, strlen(text), &copy, error);
    *out = copy;
    return status;
}

static spur_status add_detail(draft *into, const manifest_detail *detail, spur_error *error)
{
    spur_status status;
    manifest_detail copy = {NULL, NULL, detail->weight};
    TRY(copy_or_null(into, detail->group, &copy.group, error));
    TRY(copy_or_null(into, detail->extra, &copy.extra, error));
    TRY(memory_grow(&into->details, &into->detail_capacity, into->count + 1,
                    sizeof *into->details, error));
    into->details[into->count] = copy;
done:
    return status;
}

static spur_status check_split(const char *split, spur_error *error)
{
    size_t length = strlen(split);
    bool is_good = length > 0 && length <= SPLIT_NAME_LIMIT && text_is_utf8(split, length);
    for (size_t at = 0; is_good && at < length;) {
        is_good = !text_is_unsafe(text_next(split, length, &at));
    }
    return is_good
               ? SPUR_OK
               : error_set(error, SPUR_DATASET,
                           "split \"%s\": a name of 1 to %d bytes of plain text is expected",
                           split, SPLIT_NAME_LIMIT);
}

spur_status draft_add(draft *into, const char *file_name, const char *label, const char *split,
                      size_t line, const manifest_detail *detail, spur_error *error)
{
    spur_status status;
    draft_row row = {NULL, NULL, NULL, line};
    char *name = NULL;
    TRY(normalise_name(into, file_name, &name, error));
    if (name[0] == '\0') {
        FAIL(SPUR_DATASET, "file_name \"%s\" names no file", file_name);
    }
    row.file_name = name;
    TRY(intern(into, label, &into->last_label, &row.label, error));
    TRY(intern(into, split, &into->last_split, &row.split, error));
    TRY(detail == NULL ? SPUR_OK : add_detail(into, detail, error));
    TRY(memory_grow(&into->rows, &into->capacity, into->count + 1, sizeof *into->rows, error));
    into->rows[into->count++] = row;
done:
    return status;
}

/* ---- splits -------------------------------------------------------------------------- */

/* Distinct splits in the order of their first row; owner[i] is row i's split. */
static spur_status find_splits(const draft *from, manifest *out, uint32_t *owner,
                               spur_error *error)
{
    spur_status status = SPUR_OK;
    const char *names[SPLIT_LIMIT];
    size_t current = 0;
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const char *name = from->rows[i].split;
        if (i == 0 || name != from->rows[i - 1].split) {
            for (current = 0; current < count && strcmp(names[current], name) != 0;) {
                current++;
            }
            if (current == count) {
                TRY(check_split(name, error));
                if (count == SPLIT_LIMIT) {
                    FAIL(
                        SPUR_DATASET,
                        "line %zu: more than %d splits: is the column split what it should be?",
                        from->rows[i].line, SPLIT_LIMIT);
                }
                names[count++] = name;
            }
        }
        owner[i] = (uint32_t)current;
    }
    TRY(arena_take(out->texts, count, sizeof *out->splits, &out->splits, error));
    memset(out->splits, 0, count * sizeof *out->splits);
    out->split_count = count;
    for (size_t i = 0; i < count; i++) {
        out->splits[i].name = names[i];
    }
done:
    return status;
}

/* Counts rows per split and turns counts into first rows. */
static void place_splits(manifest *out, const uint32_t *owner, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out->splits[owner[i]].count++;
    }
    size_t first = 0;
    for (size_t i = 0; i < out->split_count; i++) {
        out->splits[i].first = first;
        first += out->splits[i].count;
    }
}

/* Brings the rows of a split together, keeping their order. */
static spur_status group_rows(draft *from, manifest *out, spur_error *error)
{
    spur_status status;
    uint32_t *owner = NULL;
    draft_row *rows = NULL;
    manifest_detail *details = NULL;
    TRY(memory_new(from->count, sizeof *owner, &owner, error));
    TRY(find_splits(from, out, owner, error));
    place_splits(out, owner, from->count);
    if (out->split_count > 1) {
        size_t next[SPLIT_LIMIT];
        TRY(memory_new(from->count, sizeof *rows, &rows, error));
        TRY(from->details == NULL ? SPUR_OK
                                  : memory_new(from->count, sizeof *details, &details, error));
        for (size_t i = 0; i < out->split_count; i++) {
            next[i] = out->splits[i].first;
        }
        for (size_t i = 0; i < from->count; i++) {
            size_t to = next[owner[i]]++;
            rows[to] = from->rows[i];
            if (details != NULL) {
                details[to] = from->details[i];
            }
        }
        memory_free(from->rows);
        memory_free(from->details);
        from->rows = rows;
        from->details = details;
        rows = NULL;
        details = NULL;
    }
done:
    memory_free(owner);
    memory_free(rows);
    memory_free(details);
    return status;
}

/* The first entry from `first` on that repeats an earlier row: same name, same split. Entries
 * of one name stand together; as splits are few, a repeat is found after few comparisons. */
static bool find_repeat(const draft *from, const name_index *names, size_t *one, size_t *two)
{
    for (size_t start = 0, end; start < names->count; start = end) {
        const char *name = names->entries[start].name;
        for (end = start + 1; end < names->count && strcmp(names->entries[end].name, name) == 0;
             end++) {
            for (size_t i = start; i < end; i++) {
                *one = names->entries[i].value;
                *two = names->entries[end].value;
                if (strcmp(from->rows[*one].split, from->rows[*two].split) == 0) {
                    return true;
                }
            }
        }
    }
    return false;
}

static spur_status check_duplicates(const draft *from, spur_error *error)
{
    spur_status status = SPUR_OK;
    name_index names = {NULL, 0, 0};
    size_t one;
    size_t two;
    for (size_t i = 0; i < from->count; i++) {
        TRY(name_index_add(&names, from->rows[i].file_name, i, error));
    }
    name_index_sort(&names);
    if (find_repeat(from, &names, &one, &two)) {
        FAIL(SPUR_DATASET,
             "lines %zu and %zu name the same file %s; remove one, or allow it with "
             "--allow-duplicates",
             from->rows[one].line, from->rows[two].line, from->rows[one].file_name);
    }
done:
    name_index_free(&names);
    return status;
}

/* ---- limit --------------------------------------------------------------------------- */

/* The largest number of images per class so that all classes together stay within the limit. */
static uint64_t find_level(const manifest *from, uint64_t limit)
{
    uint64_t low = 0;
    uint64_t high = limit;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        uint64_t sum = 0;
        for (size_t i = 0; i < from->class_count && sum <= limit; i++) {
            sum += from->classes[i].images < middle ? from->classes[i].images : middle;
        }
        if (sum <= limit) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/* Keeps the first `level` rows of every class, and one more of the first classes that have one
 * until the limit is reached. */
static spur_status apply_limit(manifest *block, uint64_t limit, spur_error *error)
{
    spur_status status;
    uint64_t *quota = NULL;
    if (limit == 0 || limit >= block->count) {
        return SPUR_OK;
    }
    TRY(memory_new(block->class_count, sizeof *quota, &quota, error));
    uint64_t level = find_level(block, limit);
    uint64_t left = limit;
    for (size_t i = 0; i < block->class_count; i++) {
        uint64_t images = block->classes[i].images;
        quota[i] = images < level ? images : level;
        left -= quota[i];
    }
    for (size_t i = 0; i < block->class_count && left > 0; i++) {
        if (block->classes[i].images > quota[i]) {
            quota[i]++;
            left--;
        }
    }
    size_t kept = 0;
    for (size_t s = 0; s < block->split_count; s++) {
        manifest_split *split = &block->splits[s];
        size_t first = kept;
        for (size_t i = split->first; i < split->first + split->count; i++) {
            if (quota[block->rows[i].class_index] == 0) {
                continue;
            }
            quota[block->rows[i].class_index]--;
            block->rows[kept] = block->rows[i];
            if (block->details != NULL) {
                block->details[kept] = block->details[i];
            }
            kept++;
        }
        split->first = first;
        split->count = kept - first;
    }
    block->count = kept;
done:
    memory_free(quota);
    return status;
}

/* Rows of an image folder stand by class index; folders were read in the order of names. */
static spur_status order_by_class(manifest *block, spur_error *error)
{
    spur_status status;
    size_t *next = NULL;
    manifest_row *rows = NULL;
    TRY(memory_new_zeroed(block->class_count + 1, sizeof *next, &next, error));
    TRY(memory_new(block->count, sizeof *rows, &rows, error));
    for (size_t i = 0; i < block->count; i++) {
        next[block->rows[i].class_index + 1]++;
    }
    for (size_t i = 0; i < block->class_count; i++) {
        next[i + 1] += next[i];
    }
    for (size_t i = 0; i < block->count; i++) {
        rows[next[block->rows[i].class_index]++] = block->rows[i];
    }
    memory_free(block->rows);
    block->rows = rows;
done:
    memory_free(next);
    return status;
}

static void count_classes(manifest *block)
{
    for (size_t i = 0; i < block->class_count; i++) {
        block->classes[i].images = 0;
    }
    for (size_t i = 0; i < block->count; i++) {
        block->classes[block->rows[i].class_index].images++;
    }
}

/* ---- digests ------------------------------------------------------------------------- */

static spur_status encode_row(const manifest *from, size_t index, text_buffer *into,
                              spur_error *error)
{
    spur_status status;
    TRY(digest_text(into, from->rows[index].file_name, error));
    TRY(digest_u64(into, from->rows[index].class_index, error));
    if (from->details != NULL) {
        const manifest_detail *detail = &from->details[index];
        uint64_t weight;
        memcpy(&weight, &detail->weight, sizeof weight);
        TRY(digest_text(into, detail->group, error));
        TRY(digest_text(into, detail->extra, error));
        TRY(digest_u64(into, weight, error));
    }
done:
    return status;
}

static spur_status hash_split(const manifest *from, manifest_split *split, spur_error *error)
{
    spur_status status;
    digest *sum = NULL;
    text_buffer block = {NULL, 0, 0};
    unsigned char bytes[DIGEST_SIZE];
    TRY(digest_new(&sum, error));
    for (size_t i = 0; i < split->count; i++) {
        TRY(encode_row(from, split->first + i, &block, error));
        if (block.length >= DIGEST_BLOCK) {
            TRY(digest_add(sum, block.data, block.length, error));
            block.length = 0;
        }
    }
    TRY(block.length == 0 ? SPUR_OK : digest_add(sum, block.data, block.length, error));
    TRY(digest_finish(sum, bytes, error));
    digest_hex(bytes, sizeof bytes, split->digest);
done:
    digest_free(sum);
    text_buffer_free(&block);
    return status;
}

/* ---- reading ------------------------------------------------------------------------- */

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path);
    size_t size = strlen(ending);
    return length >= size && strcmp(path + length - size, ending) == 0;
}

static bool is_table(const char *path)
{
    return strcmp(path, "-") == 0 || has_ending(path, ".csv") || has_ending(path, ".jsonl") ||
           has_ending(path, ".ndjson") || has_ending(path, ".json");
}

static spur_status read_draft(draft *into, const char *path, const spur_data_options *options,
                              spur_error *error)
{
    const char *split = options->split == NULL ? "train" : options->split;
    enum file_kind kind = file_kind_of(path);
    if (kind == FILE_FOLDER && options->labels == NULL) {
        into->root = path;
        return draft_read_folder(into, path, split, error); /* no path can stand there twice */
    }
    bool is_listed = strcmp(path, "-") == 0 || (kind == FILE_REGULAR && is_table(path));
    if (is_listed || kind == FILE_FOLDER) {
        into->root = path;
        spur_status status = is_listed
                                 ? draft_read_table(into, path, split, error)
                                 : draft_read_flat(into, path, options->labels, split, error);
        return status != SPUR_OK || options->allow_duplicates ? status
                                                              : check_duplicates(into, error);
    }
    if (kind == FILE_MISSING) {
        return error_set(error, SPUR_DATASET, "%s: no such file or folder", path);
    }
    return error_set(error, SPUR_DATASET,
                     "%s: expected a folder of class folders, or a .csv or .jsonl manifest",
                     path);
}

static spur_status check_options(const spur_data_options *options, spur_error *error)
{
    if (options->labels_are_devkit && options->class_list == NULL) {
        return error_set(error, SPUR_USAGE,
                         "devkit labels need a class list in the devkit's order "
                         "(map_clsloc.txt of the ImageNet devkit)");
    }
    return SPUR_OK;
}

static spur_status manifest_new(manifest **out, spur_error *error)
{
    spur_status status;
    manifest *made = NULL;
    TRY(memory_new_zeroed(1, sizeof *made, &made, error));
    TRY(arena_new(&made->texts, error));
    *out = made;
    made = NULL;
done:
    manifest_free(made);
    return status;
}

/* Rows, details and warnings move from the draft into the manifest. */
static spur_status take_rows(draft *from, manifest *into, spur_error *error)
{
    spur_status status;
    char *root = NULL;
    TRY(memory_new(from->count, sizeof *into->rows, &into->rows, error));
    into->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        into->rows[i] = (manifest_row){from->rows[i].file_name, 0};
    }
    TRY(arena_text(into->texts, from->root, strlen(from->root), &root, error));
    into->root = root;
    into->details = from->details;
    from->details = NULL;
done:
    return status;
}

static void take_warnings(draft *from, manifest *into)
{
    into->warnings = from->warnings;
    into->warning_count = from->warning_count;
    into->warning_capacity = from->warning_capacity;
    from->warnings = NULL;
}

spur_status manifest_read(const char *path, const spur_data_options *options,
                          const manifest_known *known, size_t known_count, manifest **out,
                          spur_error *error)
{
    spur_status status;
    spur_data_options defaults;
    manifest *made = NULL;
    draft rows = {.needs_label = true};
    spur_data_options_defaults(&defaults);
    options = options == NULL ? &defaults : options;
    TRY(check_options(options, error));
    TRY(manifest_new(&made, error));
    rows.texts = made->texts;
    TRY(read_draft(&rows, path, options, error));
    if (rows.count == 0) {
        FAIL(SPUR_DATASET, "%s: no images in it", path);
    }
    TRY(manifest_map_labels(&rows, options, known, known_count, made, error));
    TRY(group_rows(&rows, made, error));
    TRY(take_rows(&rows, made, error));
    TRY(manifest_resolve(&rows, options, known, known_count, made, error));
    TRY(rows.label_count > 0 ? order_by_class(made, error) : SPUR_OK);
    count_classes(made);
    TRY(apply_limit(made, options->limit, error));
    count_classes(made);
    for (size_t i = 0; i < made->split_count; i++) {
        TRY(hash_split(made, &made->splits[i], error));
    }
    take_warnings(&rows, made);
    *out = made;
    made = NULL;
done:
    draft_free(&rows);
    manifest_free(made);
    return status;
}

/* ---- lists of files ------------------------------------------------------------------ */

/* All files below a folder, or the one file. */
static spur_status list_files(draft *into, const char *path, spur_error *error)
{
    spur_status status;
    walk_names files = {NULL, 0, 0};
    size_t skipped = 0;
    if (file_kind_of(path) != FILE_FOLDER) {
        into->root = "";
        return draft_add(into, path, NULL, "train", 0, NULL, error);
    }
    into->root = path;
    TRY(walk_files(path, into->texts, &files, &skipped, error));
    for (size_t i = 0; i < files.count; i++) {
        TRY(draft_add(into, files.names[i], NULL, "train", 0, NULL, error));
    }
done:
    walk_names_free(&files);
    return status;
}

spur_status manifest_list(const char *path, const spur_data_options *options, manifest **out,
                          spur_error *error)
{
    spur_status status;
    manifest *made = NULL;
    draft rows = {.needs_label = false};
    TRY(manifest_new(&made, error));
    rows.texts = made->texts;
    if (file_kind_of(path) == FILE_MISSING && strcmp(path, "-") != 0) {
        FAIL(SPUR_DATASET, "%s: no such file or folder", path);
    }
    bool is_listed = is_table(path) || (options != NULL && options->labels != NULL);
    if (is_listed) {
        spur_data_options defaults;
        spur_data_options_defaults(&defaults);
        TRY(read_draft(&rows, path, options == NULL ? &defaults : options, error));
    } else {
        TRY(list_files(&rows, path, error));
    }
    if (rows.count == 0) {
        FAIL(SPUR_DATASET, "%s: no images in it", path);
    }
    TRY(take_rows(&rows, made, error));
    if (options != NULL && options->limit > 0 && options->limit < made->count) {
        made->count = (size_t)options->limit;
    }
    take_warnings(&rows, made);
    *out = made;
    made = NULL;
done:
    draft_free(&rows);
    manifest_free(made);
    return status;
}

spur_status manifest_path(const manifest *from, const char *file_name, char **out,
                          spur_error *error)
{
    if (file_name[0] == '/') {
        return memory_copy_text(file_name, strlen(file_name), out, error);
    }
    return file_join(from->root, file_name, out, error);
}

void manifest_free(manifest *block)
{
    if (block != NULL) {
        memory_free(block->rows);
        memory_free(block->details);
        memory_free(block->warnings);
        arena_free(block->texts);
        memory_free(block);
    }
}
