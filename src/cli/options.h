/*
 * options.h - the words of a command line, checked against a command's option table.
 *
 * Every value is checked while parsing, so reading one back cannot fail. Asking for an option
 * that the command does not have gives the fallback.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"

typedef struct arguments arguments;

/* words[0] is skipped (the command's name). SPUR_USAGE names what is wrong, with a suggestion
 * when an option is nearly right. Values live as long as *out. */
spur_status arguments_parse(const command *of, int count, const char *const *words,
                            arguments **out, spur_error *error) SPUR_MUST_USE;
void arguments_free(arguments *block);

/* Words that are not options. */
size_t argument_count(const arguments *from);
const char *argument_word(const arguments *from, size_t i);
const char *const *argument_words(const arguments *from);

bool argument_flag(const arguments *from, const char *name);
/* The last value given, or NULL. */
const char *argument_text(const arguments *from, const char *name);
uint64_t argument_whole(const arguments *from, const char *name, uint64_t fallback);
double argument_number(const arguments *from, const char *name, double fallback);
/* Position of the word given among the option's choices. */
size_t argument_choice(const arguments *from, const char *name, size_t fallback);
/* All values of a repeated option: copies up to `capacity` and returns how many there are. */
size_t argument_list(const arguments *from, const char *name, const char **dst,
                     size_t capacity);

/* Looks an option up by long name or, with a NULL name, by letter. */
const option *option_find(const command *of, const char *name, char letter);

#endif
