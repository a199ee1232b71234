/*
 * model_verify.c - spur_models_verify: are a model's files the ones they should be?
 *
 * In the Hugging Face cache a file is a link whose target is named after its content: 64
 * hexadecimal digits are the SHA-256 of the bytes, 40 are Git's name of the blob, the SHA-1 of
 * "blob SIZE\0" and the bytes. Elsewhere the digests come from a list as sha256sum prints it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/folder.h"
#include "models/model_folder.h"

enum {
    SHA256_DIGITS = 2 * DIGEST_SIZE,
    SHA1_DIGITS = 2 * DIGEST_SHA1_SIZE,
    BLOCK = 1024 * 1024,
    DEPTH_LIMIT = 16,             /* folders within the model's folder */
    LINK_LIMIT = 4096,            /* bytes of a link's target */
    LIST_LIMIT = 64 * 1024 * 1024 /* bytes of a list */
};

typedef struct verifier {
    const char *folder;
    int (*visit)(void *context, const spur_verify_row *row);
    void *context;
    size_t compared;
    bool is_stopped;
} verifier;

static size_t count_hex(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF");
}

/* ---- digest of a file ------------------------------------------------------------------- */

static spur_status add_file(digest *into, const file *from, spur_error *error)
{
    spur_status status;
    unsigned char *block = NULL;
    uint64_t size = file_size(from);
    TRY(memory_new(BLOCK, 1, &block, error));
    for (uint64_t at = 0; at < size;) {
        size_t length = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
        TRY(file_read_at(from, at, block, length, error));
        TRY(digest_add(into, block, length, error));
        at += length;
    }
    TRY(file_check_unchanged(from, error));
done:
    memory_free(block);
    return status;
}

/* The digest that `digits` hexadecimal digits name: SHA-256, or Git's name of a blob. */
static spur_status digest_file(const char *path, size_t digits, char hex[DIGEST_HEX_SIZE],
                               spur_error *error)
{
    spur_status status;
    file *from = NULL;
    digest *sum = NULL;
    unsigned char bytes[DIGEST_SIZE];
    bool is_git = digits == SHA1_DIGITS;
    TRY(file_open(path, SPUR_MODEL, &from, error));
    TRY(is_git ? digest_new_sha1(&sum, error) : digest_new(&sum, error));
    if (is_git) {
        char header[40];
        int length =
            snprintf(header, sizeof header, "blob %llu", (unsigned long long)file_size(from));
        TRY(digest_add(sum, header, (size_t)length + 1, error)); /* with its NUL */
    }
    TRY(add_file(sum, from, error));
    TRY(digest_finish(sum, bytes, error));
    digest_hex(bytes, digits / 2, hex);
done:
    digest_free(sum);
    file_close(from);
    return status;
}

static bool equals_hex(const char *a, const char *b, size_t digits)
{
    for (size_t i = 0; i < digits; i++) {
        char left = a[i] >= 'A' && a[i] <= 'F' ? (char)(a[i] + 'a' - 'A') : a[i];
        if (left != b[i]) {
            return false;
        }
    }
    return true;
}

/* One row; a file that is not there has no found digest. */
static spur_status compare_file(verifier *to, const char *name, const char *path,
                                const char *expected, spur_error *error)
{
    spur_status status;
    char found[DIGEST_HEX_SIZE] = "";
    size_t digits = strlen(expected);
    if (file_kind_of(path) != FILE_MISSING) {
        status = digest_file(path, digits, found, error);
        if (status != SPUR_OK) {
            error_prefix(error, "%s", path);
            return status;
        }
    }
    bool is_found = found[0] != '\0';
    spur_verify_row row = {name, expected, is_found ? found : NULL,
                           is_found && equals_hex(expected, found, digits)};
    to->compared++;
    to->is_stopped = to->visit(to->context, &row) != 0;
    return SPUR_OK;
}

/* ---- the cache's blob names ------------------------------------------------------------- */

/* The blob name a link points to, or an empty text. */
static void read_blob_name(const char *path, char expected[DIGEST_HEX_SIZE])
{
    char target[LINK_LIMIT];
    ssize_t length = readlink(path, target, sizeof target - 1);
    expected[0] = '\0';
    if (length <= 0) {
        return;
    }
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    const char *name = slash == NULL ? target : slash + 1;
    size_t digits = count_hex(name);
    if (name[digits] == '\0' && (digits == SHA256_DIGITS || digits == SHA1_DIGITS)) {
        memcpy(expected, name, digits + 1);
    }
}

static spur_status verify_links(verifier *to, const char *below, unsigned depth,
                                spur_error *error);

static spur_status verify_entry(verifier *to, const char *name, unsigned depth,
                                spur_error *error)
{
    spur_status status = SPUR_OK;
    char *path = NULL;
    char expected[DIGEST_HEX_SIZE];
    TRY(file_join(to->folder, name, &path, error));
    read_blob_name(path, expected);
    if (expected[0] != '\0') {
        TRY(compare_file(to, name, path, expected, error));
    } else if (file_kind_of(path) == FILE_FOLDER && depth < DEPTH_LIMIT) {
        TRY(verify_links(to, name, depth + 1, error));
    }
done:
    memory_free(path);
    return status;
}

/* Every link in the folder and the folders in it; `below` is relative to the model. */
static spur_status verify_links(verifier *to, const char *below, unsigned depth,
                                spur_error *error)
{
    spur_status status;
    folder_list list = {NULL, 0};
    char *path = NULL;
    TRY(file_join(to->folder, below, &path, error));
    TRY(folder_read(path, SPUR_MODEL, &list, error));
    for (size_t i = 0; i < list.count && !to->is_stopped; i++) {
        char *name = NULL;
        TRY(file_join(below, list.names[i], &name, error));
        status = verify_entry(to, name, depth, error);
        memory_free(name);
        TRY(status);
    }
done:
    folder_free(&list);
    memory_free(path);
    return status;
}

/* ---- a list of digests ------------------------------------------------------------------ */

/* Undoes sha256sum's \\ and \n in names of lines that begin with a backslash. */
static void unescape_name(char *name)
{
    char *to = name;
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
            *to++ = (char)(*at == 'n' ? '\n' : *at == 'r' ? '\r' : *at);
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
}

static spur_status verify_line(verifier *to, char *line, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    bool is_escaped = line[0] == '\\';
    char *hex = is_escaped ? line + 1 : line;
    if (count_hex(hex) != SHA256_DIGITS || hex[SHA256_DIGITS] != ' ' ||
        (hex[SHA256_DIGITS + 1] != ' ' && hex[SHA256_DIGITS + 1] != '*') ||
        hex[SHA256_DIGITS + 2] == '\0') {
        FAIL(SPUR_MODEL, "expected 64 hexadecimal digits, two spaces and a file name");
    }
    char *name = hex + SHA256_DIGITS + 2;
    hex[SHA256_DIGITS] = '\0';
    if (is_escaped) {
        unescape_name(name);
    }
    TRY(file_join(name[0] == '/' ? "" : to->folder, name, &path, error));
    TRY(compare_file(to, name, path, hex, error));
done:
    memory_free(path);
    return status;
}

static spur_status verify_list(verifier *to, const char *list, spur_error *error)
{
    spur_status status;
    unsigned char *text = NULL;
    size_t length = 0;
    size_t number = 0;
    TRY(file_load(list, LIST_LIMIT, SPUR_MODEL, &text, &length, error));
    for (char *line = (char *)text; *line != '\0' && !to->is_stopped;) {
        size_t end = strcspn(line, "\r\n");
        char *next = line + end + (line[end] == '\0' ? 0 : 1);
        number += line[end] == '\r' && line[end + 1] == '\n' ? 0 : 1;
        line[end] = '\0';
        if (end > 0) {
            status = verify_line(to, line, error);
            if (status != SPUR_OK) {
                error_prefix(error, "line %zu", number);
                goto done;
            }
        }
        line = next;
    }
done:
    memory_free(text);
    if (status != SPUR_OK) {
        error_prefix(error, "%s", list);
    }
    return status;
}

spur_status spur_models_verify(const char *path, const char *list,
                               int (*visit)(void *context, const spur_verify_row *row),
                               void *context, spur_error *error)
{
    spur_status status;
    char *folder = NULL;
    TRY(model_folder_resolve(path, &folder, error));
    verifier to = {.folder = folder, .visit = visit, .context = context};
    if (list != NULL) {
        TRY(verify_list(&to, list, error));
    } else {
        TRY(verify_links(&to, "", 0, error));
    }
    if (to.compared == 0) {
        FAIL(SPUR_MODEL, "%s: %s", list == NULL ? folder : list,
             list == NULL ? "no file is a link into a Hugging Face cache, so nothing says what "
                            "it should be; give a list as sha256sum prints it"
                          : "lists no file");
    }
done:
    memory_free(folder);
    return status;
}
