/*
 * npy_header.c - a strict scanner for {'descr': '<f4', 'fortran_order': False, 'shape': (2,
 * 3)}.
 *
 * Layout (NumPy's format description): 6 bytes magic, 2 bytes version, the text's length in 2
 * bytes (version 1) or 4 (versions 2 and 3), the text, padded with blanks and a newline so that
 * the numbers begin at a multiple of 64 (16 in old files). No Python is evaluated.
 */
#include "io/npy_header.h"

#include <stdio.h>
#include <string.h>

enum {
    MAGIC_SIZE = 6,
    ALIGNMENT = 64,
    WORD_SIZE = 32
};

static const char magic[MAGIC_SIZE + 1] = "\x93NUMPY";

spur_status npy_measure(const unsigned char *start, size_t length, size_t *size,
                        spur_error *error)
{
    size_t prefix = length > MAGIC_SIZE && start[MAGIC_SIZE] == 1 ? 10 : 12;
    if (length < prefix || memcmp(start, magic, MAGIC_SIZE) != 0) {
        return error_set(error, SPUR_MODEL,
                         "is no NumPy array: it does not begin with "
                         "\\x93NUMPY and a header");
    }
    if (start[MAGIC_SIZE] < 1 || start[MAGIC_SIZE] > 3 || start[MAGIC_SIZE + 1] != 0) {
        return error_set(error, SPUR_MODEL, "NumPy format %u.%u, expected 1.0 to 3.0",
                         start[MAGIC_SIZE], start[MAGIC_SIZE + 1]);
    }
    size_t text = start[8] | (size_t)start[9] << 8;
    if (prefix == 12) {
        text |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (text > NPY_HEADER_LIMIT) {
        return error_set(error, SPUR_MODEL, "NumPy header of %zu bytes, at most %d are read",
                         text, NPY_HEADER_LIMIT);
    }
    *size = prefix + text;
    return SPUR_OK;
}

/* ---- scanning ---------------------------------------------------------------------------- */

typedef struct scanner {
    const unsigned char *text;
    size_t at, length;
} scanner;

static spur_status fail_at(const scanner *from, const char *expected, spur_error *error)
{
    return error_set(error, SPUR_MODEL, "NumPy header: expected %s at byte %zu", expected,
                     from->at);
}

static void skip_blanks(scanner *from)
{
    while (from->at < from->length && strchr(" \t\n", from->text[from->at]) != NULL &&
           from->text[from->at] != '\0') {
        from->at++;
    }
}

static bool take(scanner *from, char wanted)
{
    skip_blanks(from);
    if (from->at < from->length && from->text[from->at] == (unsigned char)wanted) {
        from->at++;
        return true;
    }
    return false;
}

/* A quoted string without escapes, shorter than WORD_SIZE. */
static spur_status take_word(scanner *from, char out[WORD_SIZE], spur_error *error)
{
    size_t length = 0;
    char quote = take(from, '\'') ? '\'' : '"';
    if (quote == '"' && !take(from, '"')) {
        return fail_at(from, "a string", error);
    }
    while (from->at < from->length && from->text[from->at] != (unsigned char)quote) {
        unsigned char byte = from->text[from->at];
        if (byte < 0x20 || byte > 0x7E || byte == '\\' || length == WORD_SIZE - 1) {
            return fail_at(from, "a short plain string", error);
        }
        out[length++] = (char)byte;
        from->at++;
    }
    out[length] = '\0';
    return take(from, quote) ? SPUR_OK : fail_at(from, "the end of a string", error);
}

static bool take_literal(scanner *from, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(from);
    if (from->length - from->at < length || memcmp(from->text + from->at, word, length) != 0) {
        return false;
    }
    from->at += length;
    return true;
}

static spur_status take_bool(scanner *from, bool *out, spur_error *error)
{
    *out = take_literal(from, "True");
    return *out || take_literal(from, "False") ? SPUR_OK
                                               : fail_at(from, "True or False", error);
}

static spur_status take_natural(scanner *from, size_t *out, spur_error *error)
{
    size_t value = 0;
    size_t begin;
    skip_blanks(from);
    begin = from->at;
    while (from->at < from->length && from->text[from->at] >= '0' &&
           from->text[from->at] <= '9') {
        size_t digit = (size_t)(from->text[from->at] - '0');
        if (!size_mul(value, 10, &value) || !size_add(value, digit, &value)) {
            return fail_at(from, "a size that fits 64 bits", error);
        }
        from->at++;
    }
    if (from->at == begin) {
        return fail_at(from, "a whole number", error);
    }
    (void)(from->at < from->length && from->text[from->at] == 'L' && from->at++); /* Python 2 */
    *out = value;
    return SPUR_OK;
}

/* (), (3,), (3, 4) */
static spur_status take_shape(scanner *from, npy_header *out, spur_error *error)
{
    spur_status status = SPUR_OK;
    bool has_comma = true;
    if (!take(from, '(')) {
        return fail_at(from, "a shape", error);
    }
    while (!take(from, ')')) {
        if (!has_comma || out->rank == TENSOR_RANK_LIMIT) {
            return fail_at(from, has_comma ? "fewer dimensions" : "',' or ')'", error);
        }
        TRY(take_natural(from, &out->shape[out->rank], error));
        out->rank++;
        has_comma = take(from, ',');
    }
    if (out->rank == 1 && !has_comma) {
        return fail_at(from, "a tuple: (N,)", error);
    }
done:
    return status;
}

/* ---- dtypes ------------------------------------------------------------------------------ */

static const struct {
    const char *descr;
    tensor_dtype dtype;
} descrs[] = {{"<f4", TENSOR_F32}, {"<f8", TENSOR_F64},  {"<f2", TENSOR_F16},
              {"<i4", TENSOR_I32}, {"<i8", TENSOR_I64},  {"|u1", TENSOR_U8},
              {"|i1", TENSOR_I8},  {"|b1", TENSOR_BOOL}, {"<i2", TENSOR_I16},
              {"<u2", TENSOR_U16}, {"<u4", TENSOR_U32},  {"<u8", TENSOR_U64}};

enum {
    DESCR_COUNT = sizeof descrs / sizeof descrs[0]
};

static spur_status fail_descr(const char *descr, spur_error *error)
{
    if (strchr(descr, 'O') != NULL) {
        return error_set(error, SPUR_MODEL,
                         "holds Python objects (dtype '%s', a pickle), which are never read; "
                         "save a plain array of numbers",
                         descr);
    }
    if (descr[0] == '>') {
        return error_set(error, SPUR_MODEL,
                         "holds big-endian numbers (dtype '%s'); save it as '<%s'", descr,
                         descr + 1);
    }
    if (descr[0] != '\0' && (descr[1] == 'U' || descr[1] == 'S')) {
        return error_set(error, SPUR_MODEL, "holds text (dtype '%s'), expected numbers", descr);
    }
    return error_set(error, SPUR_MODEL,
                     "has dtype '%s', expected f2, f4, f8, i1 to i8, u1 to u8 or b1", descr);
}

static spur_status take_descr(scanner *from, npy_header *out, spur_error *error)
{
    spur_status status;
    char word[WORD_SIZE];
    skip_blanks(from);
    if (from->at < from->length && from->text[from->at] == '[') {
        FAIL(SPUR_MODEL, "holds records with named fields (a structured dtype); save a plain "
                         "array of numbers");
    }
    TRY(take_word(from, word, error));
    for (size_t i = 0; i < DESCR_COUNT; i++) {
        if (strcmp(word, descrs[i].descr) == 0) {
            out->dtype = descrs[i].dtype;
            return SPUR_OK;
        }
    }
    status = fail_descr(word, error);
done:
    return status;
}

/* ---- the dictionary ---------------------------------------------------------------------- */

static spur_status take_member(scanner *from, npy_header *out, unsigned *seen,
                               spur_error *error)
{
    static const char *const names[] = {"descr", "fortran_order", "shape"};
    spur_status status;
    char key[WORD_SIZE];
    unsigned which = 0;
    TRY(take_word(from, key, error));
    while (which < 3 && strcmp(key, names[which]) != 0) {
        which++;
    }
    if (which == 3 || (*seen & 1u << which) != 0) {
        FAIL(SPUR_MODEL, "NumPy header: '%s' is unknown or stands twice", key);
    }
    *seen |= 1u << which;
    if (!take(from, ':')) {
        TRY(fail_at(from, "':'", error));
    }
    TRY(which == 0   ? take_descr(from, out, error)
        : which == 1 ? take_bool(from, &out->is_fortran, error)
                     : take_shape(from, out, error));
done:
    return status;
}

spur_status npy_parse(const unsigned char *start, size_t size, npy_header *out,
                      spur_error *error)
{
    spur_status status = SPUR_OK;
    scanner from = {start, start[MAGIC_SIZE] == 1 ? 10 : 12, size};
    unsigned seen = 0;
    bool has_comma = true;
    memset(out, 0, sizeof *out);
    out->data = size;
    if (!take(&from, '{')) {
        TRY(fail_at(&from, "'{'", error));
    }
    while (!take(&from, '}')) {
        if (!has_comma) {
            TRY(fail_at(&from, "',' or '}'", error));
        }
        TRY(take_member(&from, out, &seen, error));
        has_comma = take(&from, ',');
    }
    skip_blanks(&from);
    if (from.at != size) {
        TRY(fail_at(&from, "nothing more", error));
    }
    if (seen != 7) {
        FAIL(SPUR_MODEL, "NumPy header: expected descr, fortran_order and shape");
    }
done:
    return status;
}

/* ---- writing ----------------------------------------------------------------------------- */

spur_status npy_build(const tensor_out *array, text_buffer *into, spur_error *error)
{
    spur_status status;
    const char *descr = NULL;
    size_t begin = into->length;
    for (size_t i = 0; i < DESCR_COUNT; i++) {
        descr = descrs[i].dtype == array->dtype ? descrs[i].descr : descr;
    }
    if (descr == NULL) {
        FAIL(SPUR_USAGE, "array '%s': NumPy has no dtype %s", array->name,
             tensor_dtype_name(array->dtype));
    }
    TRY(text_add(into, "\x93NUMPY\1\0\0\0", 10, error));
    TRY(text_format(into, error, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr));
    for (size_t i = 0; i < array->rank; i++) {
        TRY(text_format(into, error,
                        array->rank == 1 ? "%zu,"
                        : i == 0         ? "%zu"
                                         : ", %zu",
                        array->shape[i]));
    }
    TRY(text_add(into, "), }", 4, error));
    while ((into->length - begin + 1) % ALIGNMENT != 0) {
        TRY(text_add(into, " ", 1, error));
    }
    TRY(text_add(into, "\n", 1, error));
    size_t text = into->length - begin - 10;
    if (text > UINT16_MAX) {
        FAIL(SPUR_USAGE, "array '%s' has too many dimensions", array->name);
    }
    into->data[begin + 8] = (char)(unsigned char)(text & 0xFF);
    into->data[begin + 9] = (char)(unsigned char)(text >> 8);
done:
    return status;
}
