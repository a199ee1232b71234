/*
 * test_tokenizer.c - the tokenizer with a vocabulary of our own: 256 bytes, the same at the end
 * of a word, a few merges, start and end.
 *
 * Ids: byte k of the printable order is k, 256 + k at the end of a word; merges from 512 on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"
#include "models/bpe.h"
#include "models/clip_text.h"
#include "models/tokenizer.h"
#include "support.h"

/* ---- the vocabulary
 * -------------------------------------------------------------------------- */

/* "left right", by rank; results have ids 512, 513 ... */
static const char *const merges[] = {"c a", "ca t</w>", "d o", "do g</w>", "a b", "ab a</w>"};
enum {
    MERGES = sizeof merges / sizeof *merges,
    CAT = 513,
    DOG = 515,
    ABA = 517,
    START = 512 + MERGES,
    END = START + 1
};

/* The character of byte symbol k: the printable bytes first, then the others. */
static void symbol_text(unsigned k, char *out)
{
    unsigned rank = 0, spare = 256;
    int32_t point = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
        unsigned mine = is_printable ? rank++ : 188 + spare - 256;
        int32_t shown = (int32_t)(is_printable ? byte : spare++);
        point = mine == k ? shown : point;
    }
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t length = utf8proc_encode_char(point, bytes);
    memcpy(out, bytes, (size_t)length);
    out[length] = '\0';
}

static void add_entry(text_buffer *into, const char *token, int id)
{
    spur_error error;
    const char *escape = strchr("\"\\", token[0]) != NULL ? "\\" : "";
    assert_ok(
        text_format(into, &error, "%s\"%s%s\": %d", id == 0 ? "" : ", ", escape, token, id),
        error);
}

/* {"!": 0, ...}; the caller frees it. */
static text_buffer vocabulary_json(void)
{
    text_buffer json = {NULL, 0, 0};
    char token[64];
    spur_error error;
    assert_ok(text_add(&json, "{", 1, &error), error);
    for (unsigned k = 0; k < 512; k++) {
        symbol_text(k % 256, token);
        (void)strncat(token, k < 256 ? "" : "</w>", 5);
        add_entry(&json, token, (int)k);
    }
    for (int k = 0; k < MERGES; k++) {
        size_t left = strcspn(merges[k], " ");
        (void)snprintf(token, sizeof token, "%.*s%s", (int)left, merges[k],
                       merges[k] + left + 1);
        add_entry(&json, token, 512 + k);
    }
    add_entry(&json, "<|startoftext|>", START);
    add_entry(&json, "<|endoftext|>", END);
    assert_ok(text_add(&json, "}", 1, &error), error);
    return json;
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[4096];
    spur_error error;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(file_replace(path, text, strlen(text), &error), error);
}

static void write_vocabulary(const char *folder)
{
    text_buffer json = vocabulary_json();
    write_file(folder, "vocab.json", json.data);
    text_buffer_free(&json);
}

static void write_merges(const char *folder, const char *more)
{
    text_buffer lines = {NULL, 0, 0};
    spur_error error;
    assert_ok(text_format(&lines, &error, "#version: 0.2\n"), error);
    for (int k = 0; k < MERGES; k++) {
        assert_ok(text_format(&lines, &error, "%s\n", merges[k]), error);
    }
    assert_ok(text_format(&lines, &error, "%s", more), error);
    write_file(folder, "merges.txt", lines.data);
    text_buffer_free(&lines);
}

/* A folder with vocab.json and merges.txt. */
static const char *pair_folder(void)
{
    const char *folder = temp_make();
    write_vocabulary(folder);
    write_merges(folder, "");
    return folder;
}

static const char *const normalizer =
    "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Replace\", "
    "\"pattern\": {\"Regex\": \"\\\\s+\"}, \"content\": \" \"}, {\"type\": \"Lowercase\"}]}";
/* The pattern of files from before the special literals were part of it. */
static const char *const pre_tokenizer =
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "
    "{\"Regex\": \"'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\"},"
    " \"behavior\": \"Removed\", \"invert\": true}, {\"type\": \"ByteLevel\", "
    "\"add_prefix_space\": false, \"trim_offsets\": true}]}";

/* A tokenizer.json whose added tokens, merges and parts of the model are given. */
static void write_single(const char *folder, const char *added, const char *merge_list,
                         const char *model)
{
    text_buffer json = vocabulary_json(), document = {NULL, 0, 0};
    spur_error error;
    assert_ok(text_format(&document, &error,
                          "{\"version\": \"1.0\", \"added_tokens\": %s, \"normalizer\": %s, "
                          "\"pre_tokenizer\": %s, \"post_processor\": {\"type\": "
                          "\"RobertaProcessing\", \"sep\": [\"<|endoftext|>\", %d], \"cls\": "
                          "[\"<|startoftext|>\", %d]}, \"model\": {%s, \"vocab\": %s, "
                          "\"merges\": %s}}",
                          added, normalizer, pre_tokenizer, (int)END, (int)START, model,
                          json.data, merge_list),
              error);
    write_file(folder, "tokenizer.json", document.data);
    text_buffer_free(&json);
    text_buffer_free(&document);
}

static const char good_model[] = "\"type\": \"BPE\", \"dropout\": null, "
                                 "\"end_of_word_suffix\": \"</w>\"";
static const char pair_list[] = "[[\"c\", \"a\"], [\"ca\", \"t</w>\"]]";

/* ---- helpers of the tests
 * ---------------------------------------------------------------------- */

static tokenizer *open_ok(const char *folder)
{
    tokenizer *opened = NULL;
    spur_error error;
    assert_ok(tokenizer_open(folder, &opened, &error), error);
    return opened;
}

/* The folder must be refused with a message that holds `words`. */
static void assert_refused(const char *folder, const char *words)
{
    tokenizer *opened = NULL;
    spur_error error;
    assert_int_equal(tokenizer_open(folder, &opened, &error), SPUR_MODEL);
    assert_null(opened);
    if (strstr(error.message, words) == NULL || strstr(error.message, folder) == NULL) {
        fail_msg("expected \"%s\" in: %s", words, error.message);
    }
    temp_remove();
}

#define assert_ids(with, text, max_length, ...)                                                \
    do {                                                                                       \
        const int32_t expected_ids[] = {__VA_ARGS__};                                          \
        check_ids(with, text, max_length, expected_ids,                                        \
                  sizeof expected_ids / sizeof *expected_ids);                                 \
    } while (0)

static void check_ids(const tokenizer *with, const char *text, size_t max_length,
                      const int32_t *expected, size_t count)
{
    token_ids found;
    spur_error error;
    assert_ok(tokenizer_encode(with, text, strlen(text), max_length, &found, &error), error);
    assert_int_equal(found.count, count);
    assert_memory_equal(found.ids, expected, count * sizeof *expected);
    token_ids_free(&found);
}

/* ---- encoding
 * ---------------------------------------------------------------------------------- */

static void test_pair_of_files(void **state)
{
    (void)state;
    tokenizer *with = open_ok(pair_folder());
    assert_int_equal(tokenizer_size(with), END + 1);
    assert_int_equal(tokenizer_start(with), START);
    assert_int_equal(tokenizer_end(with), END);
    assert_int_equal(tokenizer_pad(with), END);
    assert_int_equal(tokenizer_max_length(with), 0);
    assert_ids(with, "", 0, START, END);
    assert_ids(with, " \t\n", 0, START, END);
    assert_ids(with, "A  CAT's dog", 0, START, 256 + 'a' - 33, CAT, '\'' - 33, 256 + 's' - 33,
               DOG, END);
    assert_ids(with, "12", 0, START, 256 + '1' - 33, 256 + '2' - 33, END);
    assert_ids(with, "<|endoftext|>cat", 0, START, END, CAT, END);
    tokenizer_close(with);
    temp_remove();
}

static void test_lowest_rank_first(void **state)
{
    (void)state;
    tokenizer *with = open_ok(pair_folder());
    assert_ids(with, "aba", 0, START, ABA, END);
    /* "c a" comes before "a b". */
    assert_ids(with, "caba", 0, START, 512, 'b' - 33, 256 + 'a' - 33, END);
    tokenizer_close(with);
    temp_remove();
}

static void test_truncation(void **state)
{
    (void)state;
    tokenizer *with = open_ok(pair_folder());
    token_ids found;
    spur_error error;
    assert_ok(tokenizer_encode(with, "cat dog cat", 11, 4, &found, &error), error);
    assert_true(found.truncated);
    assert_int_equal(found.count, 4);
    assert_int_equal(found.ids[3], END);
    token_ids_free(&found);
    assert_ok(tokenizer_encode(with, "cat dog cat", 11, 5, &found, &error), error);
    assert_false(found.truncated);
    assert_int_equal(found.count, 5);
    token_ids_free(&found);
    assert_ids(with, "cat", 2, START, END);
    assert_int_equal(tokenizer_encode(with, "cat", 3, 1, &found, &error), SPUR_USAGE);
    assert_int_equal(tokenizer_encode(with, "c\xFFt", 3, 0, &found, &error), SPUR_USAGE);
    assert_non_null(strstr(error.message, "UTF-8"));
    tokenizer_close(with);
    temp_remove();
}

static void test_single_file(void **state)
{
    (void)state;
    const char *folder = temp_make();
    write_single(folder,
                 "[{\"id\": 0, \"content\": \"!\", \"normalized\": false, \"special\": true}]",
                 pair_list, good_model);
    write_file(folder, "tokenizer_config.json",
               "{\"pad_token\": \"!\", \"model_max_length\": 16}");
    tokenizer *with = open_ok(folder);
    assert_int_equal(tokenizer_pad(with), 0);
    assert_int_equal(tokenizer_max_length(with), 16);
    assert_ids(with, "cat!!", 0, START, CAT, 0, 0, END);
    write_single(folder, "[]", "[\"c a\", \"ca t</w>\"]", good_model);
    tokenizer *strings = open_ok(folder);
    assert_ids(strings, "cat", 0, START, CAT, END);
    tokenizer_close(with);
    tokenizer_close(strings);
    temp_remove();
}

/* What beats what among the files that name special tokens, as measured on transformers 5. */
static void test_whose_flags_count(void **state)
{
    (void)state;
    const char *folder = pair_folder();
    write_file(folder, "special_tokens_map.json",
               "{\"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true},"
               "\"unk_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true},"
               "\"pad_token\": \"!\"}");
    tokenizer *with = open_ok(folder);
    assert_int_equal(tokenizer_pad(with), 0);
    assert_ids(with, "<|ENDOFTEXT|>", 0, START, END, END);
    tokenizer_close(with);
    /* A later name with the same text decides its flags: here unk_token's default. */
    write_file(folder, "special_tokens_map.json",
               "{\"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true},"
               "\"pad_token\": \"!\"}");
    with = open_ok(folder);
    token_ids found;
    spur_error error;
    assert_ok(tokenizer_encode(with, "<|ENDOFTEXT|>", 13, 0, &found, &error), error);
    assert_int_equal(found.count, 14); /* "do" of "endoftext" merges */
    token_ids_free(&found);
    tokenizer_close(with);
    /* added_tokens_decoder beats both, and the map is not read beside it. */
    write_file(folder, "tokenizer_config.json",
               "{\"added_tokens_decoder\": {\"519\": {\"content\": \"<|endoftext|>\", "
               "\"normalized\": true, \"special\": true}}, \"model_max_length\": "
               "1000000000000000019884624838656}");
    with = open_ok(folder);
    assert_int_equal(tokenizer_pad(with), END);
    assert_int_equal(tokenizer_max_length(with), 0);
    assert_ids(with, "<|ENDOFTEXT|>", 0, START, END, END);
    tokenizer_close(with);
    temp_remove();
}

static void test_public(void **state)
{
    (void)state;
    const char *folder = pair_folder();
    write_file(folder, "tokenizer_config.json", "{\"model_max_length\": 3}");
    spur_tokenizer *with = NULL;
    int32_t *ids = NULL;
    size_t count = 0;
    bool truncated = false;
    spur_error error;
    assert_ok(spur_tokenizer_open(folder, &with, &error), error);
    assert_ok(
        spur_tokenizer_encode(with, "cat dog", 7, SIZE_MAX, &ids, &count, &truncated, &error),
        error);
    assert_int_equal(count, 3);
    assert_true(truncated);
    spur_ids_free(ids);
    assert_ok(spur_tokenizer_encode(with, "cat dog", 7, 0, &ids, &count, NULL, &error), error);
    assert_int_equal(count, 4);
    spur_ids_free(ids);
    spur_tokenizer_close(with);
    temp_remove();
}

/* ---- normal form and pieces
 * --------------------------------------------------------------------- */

static void check_normal(const char *text, const char *expected)
{
    points given = {NULL, 0, 0}, found = {NULL, 0, 0}, wanted = {NULL, 0, 0};
    spur_error error;
    assert_ok(points_decode(text, strlen(text), &given, &error), error);
    assert_ok(points_normalize(given.data, given.length, &found, &error), error);
    assert_ok(points_decode(expected, strlen(expected), &wanted, &error), error);
    assert_int_equal(found.length, wanted.length);
    assert_memory_equal(found.data, wanted.data, wanted.length * sizeof *wanted.data);
    points_free(&given);
    points_free(&found);
    points_free(&wanted);
}

static void test_normal_form(void **state)
{
    (void)state;
    check_normal("A\t\n B", "a b");
    check_normal("E\xCC\x81", "\xC3\xA9"); /* E + acute */
    check_normal("\xC4\xB0", "i\xCC\x87"); /* I with dot: two points */
    check_normal("\xCE\xA3", "\xCF\x83");  /* sigma, never final */
    check_normal("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"); /* Hangul */
    check_normal("a\xE2\x80\x8B\x1C"
                 "b",
                 "a\xE2\x80\x8B\x1C"
                 "b"); /* not white space */
    check_normal("a\xE3\x80\x80\xC2\x85"
                 "b",
                 "a b");
    /* Marks out of order: 230 before 220 becomes 220, 230; equal classes keep their order. */
    check_normal("q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87");
    check_normal("q\xCC\x87\xCC\x81\xCC\xA3", "q\xCC\xA3\xCC\x87\xCC\x81");
}

static void check_pieces(const char *text, bool with_specials, const char *expected)
{
    points given = {NULL, 0, 0};
    char found[256] = "";
    spur_error error;
    assert_ok(points_decode(text, strlen(text), &given, &error), error);
    text_piece piece = {0, 0, false};
    while (text_piece_next(given.data, given.length, piece.end, with_specials, &piece)) {
        size_t used = strlen(found);
        (void)snprintf(found + used, sizeof found - used, "%s%.*s", used == 0 ? "" : "/",
                       (int)(piece.end - piece.start), text + piece.start);
    }
    assert_string_equal(found, expected);
    points_free(&given);
}

static void test_pieces(void **state)
{
    (void)state;
    check_pieces("it's 2024!", false, "it/'s/2/0/2/4/!");
    check_pieces("'re'll'x '", false, "'re/'ll/'/x/'");
    check_pieces("!'s", false, "!'/s");
    check_pieces("<|endoftext|>!!", true, "<|endoftext|>/!!");
    check_pieces("<|endoftext|>!!", false, "<|/endoftext/|>!!");
    check_pieces("!<|endoftext|>", true, "!<|/endoftext/|>");
}

/* ---- files that must be refused
 * ------------------------------------------------------------------ */

static void test_refused_folders(void **state)
{
    (void)state;
    const char *folder = temp_make();
    assert_refused(folder, "expected tokenizer.json");
    folder = temp_make();
    write_vocabulary(folder);
    assert_refused(folder, "expected tokenizer.json");
    folder = pair_folder();
    write_file(folder, "vocab.json", "[1]");
    assert_refused(folder, "vocab.json: expected a JSON object");
    folder = pair_folder();
    write_file(folder, "vocab.json", "{\"a\": 0, \"a\": 1}");
    assert_refused(folder, "duplicate");
    folder = pair_folder();
    write_file(folder, "vocab.json", "{\"a\": -1}");
    assert_refused(folder, "not an integer");
    folder = pair_folder();
    write_file(folder, "vocab.json", "{\"a\": 99999999999}");
    assert_refused(folder, "not an integer");
    folder = pair_folder();
    write_file(folder, "vocab.json", "{\"a\": 0}");
    assert_refused(folder, "for byte 0x00");
}

static void test_refused_merges(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *words;
    } cases[] = {
        {"x y\n", "line 8: token \"xy\" is not in the vocabulary"},
        {"zz y\n", "line 8: token \"zz\" is not in the vocabulary"},
        {"x\n", "line 8: expected two tokens"},
        {"c a t\n", "line 8: expected two tokens"},
        {" a\n", "line 8: expected two tokens"},
        {"\n", "line 8: expected two tokens"},
        {"c a\n", "merge 7 of the tokenizer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = pair_folder();
        write_merges(folder, cases[i].lines);
        assert_refused(folder, cases[i].words);
    }
}

/* Behind a NUL a look-up would not see the rest of the token. */
static void test_refused_nul(void **state)
{
    (void)state;
    static const char lines[] = "c\0x a\n";
    const char *folder = pair_folder();
    char path[4096];
    spur_error error;
    (void)snprintf(path, sizeof path, "%s/merges.txt", folder);
    assert_ok(file_replace(path, lines, sizeof lines - 1, &error), error);
    assert_refused(folder, "line 1: expected two tokens");
}

/* Replaces `from` in vocab.json. */
static const char *edited_folder(const char *from, const char *to)
{
    const char *folder = pair_folder();
    text_buffer json = vocabulary_json(), edited = {NULL, 0, 0};
    spur_error error;
    char *at = strstr(json.data, from);
    assert_non_null(at);
    assert_ok(text_format(&edited, &error, "%.*s%s%s", (int)(at - json.data), json.data, to,
                          at + strlen(from)),
              error);
    write_file(folder, "vocab.json", edited.data);
    text_buffer_free(&json);
    text_buffer_free(&edited);
    return folder;
}

static void test_refused_ids(void **state)
{
    (void)state;
    assert_refused(edited_folder("\"cat</w>\": 513", "\"cat</w>\": 512"), "given twice");
    assert_refused(edited_folder("\"cat</w>\": 513", "\"cat</w>\": 520"), "need ids 0 to 519");
    assert_refused(edited_folder("\"<|endoftext|>\": 519", "\"end\": 519"),
                   "\"<|endoftext|>\" is not in the vocabulary");
}

static void test_refused_single(void **state)
{
    (void)state;
    static const struct {
        const char *added, *merge_list, *model, *words;
    } cases[] = {
        {"[]", "7", good_model, "model.merges is not an array"},
        {"[]", "[\"c a\", 5]", good_model, "model.merges[1]: expected"},
        {"[]", "[[\"c\", \"a\", \"t\"]]", good_model, "model.merges[0]: expected"},
        {"[]", "[]", "\"type\": \"WordPiece\"", "model.type"},
        {"[]", "[]", "\"type\": \"BPE\"", "end_of_word_suffix"},
        {"[]", "[]", "\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"dropout\": 0.5",
         "model.dropout is not supported"},
        {"[{\"id\": 1, \"content\": \"!\"}]", "[]", good_model, "but 0 in the vocabulary"},
        {"[{\"id\": 0.5, \"content\": \"!\"}]", "[]", good_model, "id of added token"},
        {"[{\"id\": 0, \"content\": \"\"}]", "[]", good_model, "1 to 4096 bytes"},
        {"[{\"id\": 0, \"content\": \"!\", \"lstrip\": true}]", "[]", good_model, "lstrip"},
        {"[{\"id\": 0, \"content\": \"!\"}, {\"id\": 0, \"content\": \"!\"}]", "[]", good_model,
         "stands twice"},
        {"[{\"id\": 900, \"content\": \"new\"}]", "[]", good_model, "need ids 0 to 520"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = temp_make();
        write_single(folder, cases[i].added, cases[i].merge_list, cases[i].model);
        assert_refused(folder, cases[i].words);
    }
}

/* A new token behind the vocabulary is legal when its id is the next one. */
static void test_added_behind_vocabulary(void **state)
{
    (void)state;
    const char *folder = temp_make();
    write_single(folder, "[{\"id\": 520, \"content\": \"<cat>\", \"special\": true}]",
                 pair_list, good_model);
    tokenizer *with = open_ok(folder);
    assert_int_equal(tokenizer_size(with), 521);
    assert_ids(with, "cat<cat>", 0, START, CAT, 520, END);
    tokenizer_close(with);
    temp_remove();
}

/* ---- memory and time
 * ------------------------------------------------------------------------------ */

/* Every allocation of opening and encoding fails once. */
static void fail_each_allocation(const char *folder)
{
    bool finished = false;
    for (size_t n = 1; !finished; n++) {
        tokenizer *with = NULL;
        token_ids found = {NULL, 0, false};
        spur_error error;
        (void)memory_fail_at(n, false);
        spur_status status = tokenizer_open(folder, &with, &error);
        if (status == SPUR_OK) {
            status =
                tokenizer_encode(with, "E\xCC\x81 cat<|endoftext|>", 20, 0, &found, &error);
        }
        (void)memory_fail_at(0, false);
        assert_true(status == SPUR_OK || status == SPUR_RESOURCE);
        finished = status == SPUR_OK;
        token_ids_free(&found);
        tokenizer_close(with);
    }
    temp_remove();
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fail_each_allocation(pair_folder());
    const char *folder = temp_make();
    write_single(folder,
                 "[{\"id\": 519, \"content\": \"<|endoftext|>\", \"normalized\": true}]",
                 pair_list, good_model);
    write_file(folder, "tokenizer_config.json", "{\"pad_token\": \"!\"}");
    fail_each_allocation(folder);
}

/* Many merges of many ranks in one word; a quadratic merge would need hours. */
static void test_long_words(void **state)
{
    (void)state;
    enum {
        LENGTH = 1 << 20
    };
    tokenizer *with = open_ok(pair_folder());
    char *text = malloc(LENGTH);
    token_ids found;
    spur_error error;
    assert_non_null(text);
    for (size_t i = 0; i < LENGTH; i++) {
        text[i] = "cado"[i % 4];
    }
    assert_ok(tokenizer_encode(with, text, LENGTH, 0, &found, &error), error);
    assert_int_equal(found.count, LENGTH / 2 + 3); /* the last "do" ends a word: two ids */
    token_ids_free(&found);
    for (size_t i = 0; i < LENGTH; i += 2) { /* marks of falling classes 230, 202 */
        memcpy(text + i, i % 4 == 0 ? "\xCC\x81" : "\xCC\xA7", 2);
    }
    assert_ok(tokenizer_encode(with, text, LENGTH, 0, &found, &error), error);
    assert_int_equal(found.count, LENGTH + 2);
    token_ids_free(&found);
    free(text);
    tokenizer_close(with);
    temp_remove();
}

/* The heap against the plain reading of the rule, on random merges over three symbols. */
static size_t merge_slowly(const bpe_merge *table, size_t merge_count, int32_t *ids,
                           size_t count)
{
    for (;;) {
        const bpe_merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            for (size_t k = 0; k < merge_count; k++) {
                if (table[k].left == ids[i] && table[k].right == ids[i + 1] &&
                    (best == NULL || table[k].rank < best->rank)) {
                    best = &table[k];
                    at = i;
                }
            }
        }
        if (best == NULL) {
            return count;
        }
        ids[at] = best->result;
        memmove(ids + at + 1, ids + at + 2, (count - at - 2) * sizeof *ids);
        count--;
    }
}

static void test_heap_against_rule(void **state)
{
    (void)state;
    enum {
        RANKS = 12,
        LENGTH = 60
    };
    srand(7);
    for (int round = 0; round < 300; round++) {
        bpe_merge rules[RANKS];
        bpe_merge *given = NULL;
        bpe_table *table = NULL;
        bpe_scratch scratch = {NULL, NULL, 0, 0, 0};
        spur_error error;
        size_t rule_count = 0, duplicate;
        for (int k = 0; k < RANKS; k++) {
            /* Any earlier id; a repeated pair is skipped. */
            bpe_merge rule = {rand() % (3 + k), rand() % (3 + k), 3 + k, (uint32_t)rule_count};
            bool is_new = true;
            for (size_t j = 0; j < rule_count; j++) {
                is_new = is_new && (rules[j].left != rule.left || rules[j].right != rule.right);
            }
            if (is_new) {
                rules[rule_count++] = rule;
            }
        }
        assert_ok(memory_new(rule_count, sizeof *given, &given, &error), error);
        memcpy(given, rules, rule_count * sizeof *given);
        assert_ok(bpe_table_new(given, rule_count, 3 + RANKS, &table, &duplicate, &error),
                  error);
        int32_t ids[LENGTH], slow[LENGTH];
        size_t count = LENGTH;
        for (size_t i = 0; i < LENGTH; i++) {
            ids[i] = slow[i] = rand() % 3;
        }
        assert_ok(bpe_merge_piece(table, ids, &count, &scratch, &error), error);
        assert_int_equal(count, merge_slowly(rules, rule_count, slow, LENGTH));
        assert_memory_equal(ids, slow, count * sizeof *ids);
        bpe_table_free(table);
        bpe_scratch_free(&scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair_of_files),
        cmocka_unit_test(test_lowest_rank_first),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_single_file),
        cmocka_unit_test(test_whose_flags_count),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_normal_form),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused_folders),
        cmocka_unit_test(test_refused_merges),
        cmocka_unit_test(test_refused_nul),
        cmocka_unit_test(test_refused_ids),
        cmocka_unit_test(test_refused_single),
        cmocka_unit_test(test_added_behind_vocabulary),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_heap_against_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
