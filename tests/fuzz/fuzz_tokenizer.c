/*
 * fuzz_tokenizer.c - tokenizer files and texts.
 *
 * The first byte says what the rest is: 't' a text, else the contents of one file ('v'
 * vocab.json, 'm' merges.txt, 'j' tokenizer.json, 's' special_tokens_map.json, 'c'
 * tokenizer_config.json) in a folder whose other files are good.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/tokenizer.h"

static char folder[] = "/tmp/spur-fuzz-tokenizer-XXXXXX";
static tokenizer *good;

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *stream = fopen(path_of(name), "wb");
    if (stream == NULL || fwrite(bytes, 1, size, stream) != size || fclose(stream) != 0) {
        abort();
    }
}

/* Two ids for every byte, "th", "th</w>", start and end. */
static void write_vocabulary(void)
{
    FILE *stream = fopen(path_of("vocab.json"), "wb");
    unsigned spare = 256;
    if (stream == NULL) {
        abort();
    }
    (void)fputs("{", stream);
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned point =
            (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173) ? byte : spare++;
        (void)fprintf(stream, "\"\\u%04x\": %u, \"\\u%04x</w>\": %u, ", point, byte, point,
                      256 + byte);
    }
    (void)fputs("\"th\": 512, \"th</w>\": 513, \"<|startoftext|>\": 514, "
                "\"<|endoftext|>\": 515}",
                stream);
    (void)fclose(stream);
}

static void write_merges(void)
{
    static const char merges[] = "#version: 0.2\nt h\nt h</w>\n";
    write_file("merges.txt", merges, sizeof merges - 1);
}

static void remove_folder(void)
{
    static const char *const names[] = {"vocab.json", "merges.txt", "tokenizer.json",
                                        "special_tokens_map.json", "tokenizer_config.json"};
    tokenizer_close(good);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)unlink(path_of(names[i]));
    }
    (void)rmdir(folder);
}

static void begin(void)
{
    if (good != NULL) {
        return;
    }
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    write_vocabulary();
    write_merges();
    if (tokenizer_open(folder, &good, NULL) != SPUR_OK) {
        abort();
    }
    (void)atexit(remove_folder);
}

/* With and without a limit: the ids must be those of the tokenizer, the end must stay last. */
static void encode(const tokenizer *with, const void *text, size_t length)
{
    static const size_t limits[] = {0, 2, 16};
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        token_ids found;
        if (tokenizer_encode(with, text, length, limits[k], &found, NULL) != SPUR_OK) {
            continue;
        }
        bool is_bad = found.count < 2 || (limits[k] > 0 && found.count > limits[k]) ||
                      found.ids[found.count - 1] != tokenizer_end(with);
        for (size_t i = 0; i < found.count; i++) {
            is_bad = is_bad || found.ids[i] < 0 || (size_t)found.ids[i] >= tokenizer_size(with);
        }
        if (is_bad) {
            abort();
        }
        token_ids_free(&found);
    }
}

static void open_with(const char *name, const void *bytes, size_t size)
{
    static const char text[] = "The th!! <|ENDOFTEXT|><|startoftext|> 12";
    tokenizer *opened = NULL;
    write_file(name, bytes, size);
    if (tokenizer_open(folder, &opened, NULL) == SPUR_OK) {
        encode(opened, text, sizeof text - 1);
        tokenizer_close(opened);
    }
    (void)unlink(path_of(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    begin();
    if (size == 0) {
        return 0;
    }
    switch (bytes[0]) {
    case 't':
        encode(good, bytes + 1, size - 1);
        break;
    case 'v':
        open_with("vocab.json", bytes + 1, size - 1);
        write_vocabulary();
        break;
    case 'm':
        open_with("merges.txt", bytes + 1, size - 1);
        write_merges();
        break;
    case 'j':
        open_with("tokenizer.json", bytes + 1, size - 1);
        break;
    case 's':
        open_with("special_tokens_map.json", bytes + 1, size - 1);
        break;
    default:
        open_with("tokenizer_config.json", bytes + 1, size - 1);
    }
    return 0;
}
