/*
 * resume.c - the command line that continues an interrupted one.
 */
#include "cli/resume.h"

#include <stdbool.h>
#include <string.h>

#include "cli/escape.h"

enum {
    BUNDLE_SIZE = 16
};

/* Flags without a value that may be bundled; f is --restart. */
static const char flags[] = "qvnfh";

static bool is_bundle(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && strlen(word) < BUNDLE_SIZE &&
           word[1 + strspn(word + 1, flags)] == '\0';
}

/* The word without what starts anew; NULL when nothing is left of it. */
static const char *keep_word(const char *word, char kept[BUNDLE_SIZE])
{
    size_t used = 0;
    if (strcmp(word, "--restart") == 0 || strncmp(word, "--redo=", strlen("--redo=")) == 0) {
        return NULL;
    }
    if (!is_bundle(word)) {
        return word;
    }
    for (; *word != '\0'; word++) {
        if (*word != 'f') {
            kept[used++] = *word;
        }
    }
    kept[used] = '\0';
    return used > 1 ? kept : NULL;
}

void resume_print(char *const *argv, FILE *to)
{
    char kept[BUNDLE_SIZE];
    bool are_options = true;
    for (char *const *word = argv; *word != NULL; word++) {
        are_options = are_options && strcmp(*word, "--") != 0;
        if (are_options && strcmp(*word, "--redo") == 0 && word[1] != NULL) {
            word++; /* its value goes with it */
            continue;
        }
        const char *shown = are_options ? keep_word(*word, kept) : *word;
        if (shown != NULL) {
            (void)fputs(word == argv ? "" : " ", to);
            escape_shell(shown, to);
        }
    }
    (void)fputc('\n', to);
}
