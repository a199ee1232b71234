/*
 * safetensors_header.c - characters, strings and naturals of a safetensors header.
 *
 * Offsets in messages count from the first byte of the JSON. A string never grows when it is
 * unescaped (the shortest escape, two bytes, gives one; \uXXXX gives at most three), so the
 * result fits where the source stood, with the NUL on the closing quote at the latest.
 */
#include "io/safetensors_header.h"

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char header_peek(header_scanner *scanner)
{
    while (scanner->at < scanner->length && is_white(scanner->text[scanner->at])) {
        scanner->at++;
    }
    return scanner->at < scanner->length ? scanner->text[scanner->at] : '\0';
}

static spur_status fail_expected(const header_scanner *scanner, const char *wanted,
                                 spur_error *error)
{
    if (scanner->at >= scanner->length) {
        return error_set(error, SPUR_MODEL, "header ends at byte %zu where %s should stand",
                         scanner->at, wanted);
    }
    unsigned char found = (unsigned char)scanner->text[scanner->at];
    if (found <= ' ' || found >= 0x7F) {
        return error_set(error, SPUR_MODEL, "header byte %zu is 0x%02x, expected %s",
                         scanner->at, (unsigned)found, wanted);
    }
    return error_set(error, SPUR_MODEL, "header byte %zu is '%c', expected %s", scanner->at,
                     found, wanted);
}

spur_status header_expect(header_scanner *scanner, char wanted, spur_error *error)
{
    if (header_peek(scanner) != wanted || scanner->at >= scanner->length) {
        const char text[] = {'\'', wanted, '\'', '\0'};
        return fail_expected(scanner, text, error);
    }
    scanner->at++;
    return SPUR_OK;
}

spur_status header_next_item(header_scanner *scanner, char close, size_t index, bool *is_end,
                             spur_error *error)
{
    *is_end = header_peek(scanner) == close;
    if (*is_end) {
        scanner->at++;
        return SPUR_OK;
    }
    return index == 0 ? SPUR_OK : header_expect(scanner, ',', error);
}

/* ---- strings ---------------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of \uXXXX at scanner->at; UINT32_MAX when they are not there. */
static uint32_t read_hex4(header_scanner *scanner)
{
    uint32_t value = 0;
    if (scanner->length - scanner->at < 4) {
        return UINT32_MAX;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(scanner->text[scanner->at + i]);
        if (digit < 0) {
            return UINT32_MAX;
        }
        value = value * 16 + (uint32_t)digit;
    }
    scanner->at += 4;
    return value;
}

/* The character of a \u escape (behind the 'u'), pairs joined; UINT32_MAX when it is none. */
static uint32_t read_unicode(header_scanner *scanner)
{
    uint32_t high = read_hex4(scanner);
    if (high == UINT32_MAX || (high >= 0xDC00 && high <= 0xDFFF)) {
        return UINT32_MAX;
    }
    if (high < 0xD800 || high > 0xDBFF) {
        return high;
    }
    if (scanner->length - scanner->at < 2 || scanner->text[scanner->at] != '\\' ||
        scanner->text[scanner->at + 1] != 'u') {
        return UINT32_MAX;
    }
    scanner->at += 2;
    uint32_t low = read_hex4(scanner);
    if (low < 0xDC00 || low > 0xDFFF) {
        return UINT32_MAX;
    }
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* Appends one character as UTF-8; returns how many bytes. */
static size_t put_utf8(char *dst, uint32_t character)
{
    if (character < 0x80) {
        dst[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        dst[0] = (char)(0xC0 | (character >> 6));
        dst[1] = (char)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        dst[0] = (char)(0xE0 | (character >> 12));
        dst[1] = (char)(0x80 | ((character >> 6) & 0x3F));
        dst[2] = (char)(0x80 | (character & 0x3F));
        return 3;
    }
    dst[0] = (char)(0xF0 | (character >> 18));
    dst[1] = (char)(0x80 | ((character >> 12) & 0x3F));
    dst[2] = (char)(0x80 | ((character >> 6) & 0x3F));
    dst[3] = (char)(0x80 | (character & 0x3F));
    return 4;
}

/* The character an escape stands for; scanner->at is behind the backslash. */
static spur_status read_escape(header_scanner *scanner, uint32_t *out, spur_error *error)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    size_t start = scanner->at - 1;
    char letter = scanner->at < scanner->length ? scanner->text[scanner->at++] : '\0';
    if (letter == 'u') {
        *out = read_unicode(scanner);
        if (*out == UINT32_MAX) {
            return error_set(error, SPUR_MODEL,
                             "header byte %zu: bad \\u escape (lone surrogate or not four "
                             "hexadecimal digits)",
                             start);
        }
        return SPUR_OK;
    }
    for (size_t i = 0; letter != '\0' && letters[i] != '\0'; i++) {
        if (letters[i] == letter) {
            *out = (uint32_t)meanings[i];
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_MODEL, "header byte %zu: unknown escape in a string", start);
}

spur_status header_string(header_scanner *scanner, const char **out, spur_error *error)
{
    spur_status status;
    TRY(header_expect(scanner, '"', error));
    char *start = scanner->text + scanner->at;
    char *end = start;
    for (;;) {
        if (scanner->at >= scanner->length) {
            FAIL(SPUR_MODEL, "header ends inside the string that begins at byte %zu",
                 (size_t)(start - scanner->text) - 1);
        }
        char c = scanner->text[scanner->at++];
        uint32_t character = (unsigned char)c;
        if (c == '"') {
            break;
        }
        if (character < 0x20) {
            FAIL(SPUR_MODEL, "header byte %zu: control character in a string", scanner->at - 1);
        }
        if (c != '\\') {
            *end++ = c;
            continue;
        }
        TRY(read_escape(scanner, &character, error));
        if (character == 0) {
            FAIL(SPUR_MODEL, "header byte %zu: \\u0000 in a string", scanner->at - 6);
        }
        end += put_utf8(end, character);
    }
    *end = '\0';
    *out = start;
    status = SPUR_OK;
done:
    return status;
}

spur_status header_natural(header_scanner *scanner, uint64_t *out, spur_error *error)
{
    static const char wanted[] = "an integer from 0 to 2^64-1 in plain digits";
    (void)header_peek(scanner);
    size_t start = scanner->at;
    uint64_t value = 0;
    while (scanner->at < scanner->length) {
        char c = scanner->text[scanner->at];
        if (c < '0' || c > '9') {
            break;
        }
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value)) {
            return error_set(error, SPUR_MODEL,
                             "header byte %zu: number too large, expected %s", start, wanted);
        }
        scanner->at++;
    }
    if (scanner->at == start || (scanner->text[start] == '0' && scanner->at - start > 1)) {
        scanner->at = start;
        return fail_expected(scanner, wanted, error);
    }
    *out = value;
    return SPUR_OK;
}

spur_status header_finish(header_scanner *scanner, spur_error *error)
{
    (void)header_peek(scanner);
    if (scanner->at < scanner->length) {
        return fail_expected(scanner, "only white space after the object", error);
    }
    return SPUR_OK;
}
