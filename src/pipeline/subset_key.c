/*
 * subset_key.c - names of subsets, read and printed.
 */
#include "pipeline/subset_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum {
    DECIMALS = 4, /* of a percentage: parts of a million */
    PERCENT_PARTS = SUBSET_PARTS / 100
};

#define AMOUNT_LIMIT ((uint64_t)1 << 40)

/* [naming][kind] */
static const char *const words[3][SUBSET_KIND_COUNT] = {{"clear", "mid", "hidden", "rnd"},
                                                        {"bot", "mid", "top", "rnd"},
                                                        {"top", "mid", "bot", "rnd"}};

const char *subset_kind_text(subset_kind kind, spur_naming naming)
{
    return words[naming][kind];
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

spur_status subset_kind_parse(const char *word, size_t length, spur_naming naming,
                              subset_kind *out, spur_error *error)
{
    static const subset_kind kinds[] = {SUBSET_CLEAR, SUBSET_MID, SUBSET_HIDDEN, SUBSET_RANDOM};
    for (size_t i = 0; i < SUBSET_KIND_COUNT; i++) {
        if (is_word(word, length, words[SPUR_NAMING_CONTENT][i]) ||
            is_word(word, length, words[naming][i])) {
            *out = kinds[i];
            return SPUR_OK;
        }
    }
    if (is_word(word, length, "top") || is_word(word, length, "bot")) {
        return error_set(error, SPUR_USAGE,
                         "subset '%.*s' has two opposite meanings; say clear (highest scores) "
                         "or hidden (lowest), or give --naming spuriosity or score",
                         (int)length, word);
    }
    return error_set(error, SPUR_USAGE,
                     "subset '%.*s' is none of clear, mid, hidden, rnd; a whole name is like "
                     "clear-100, hidden-10%% or rnd-100-s0",
                     length > 64 ? 64 : (int)length, word);
}

/* ---- amounts ------------------------------------------------------------------------- */

/* Digits at text[*at]; false without any or when they are too large. */
static bool take_digits(const char *text, size_t length, size_t *at, uint64_t *out)
{
    size_t start = *at;
    uint64_t value = 0;
    for (; *at < length && text[*at] >= '0' && text[*at] <= '9'; (*at)++) {
        value = value * 10 + (uint64_t)(text[*at] - '0');
        if (value >= AMOUNT_LIMIT) {
            return false;
        }
    }
    *out = value;
    return *at > start;
}

/* The decimals of a percentage as parts of a million. */
static bool take_decimals(const char *text, size_t length, size_t *at, uint64_t *parts)
{
    uint64_t value = 0;
    size_t start = *at;
    if (!take_digits(text, length, at, &value) || *at - start > DECIMALS) {
        return false;
    }
    for (size_t i = *at - start; i < DECIMALS; i++) {
        value *= 10;
    }
    *parts += value;
    return true;
}

static bool parse_amount(const char *text, size_t length, subset_key *out)
{
    size_t at = 0;
    uint64_t whole = 0;
    if (!take_digits(text, length, &at, &whole)) {
        return false;
    }
    if (at == length) {
        out->amount = whole;
        out->is_fraction = false;
        return whole > 0;
    }
    uint64_t parts = whole * PERCENT_PARTS;
    if (text[at] == '.') {
        at++;
        if (!take_decimals(text, length, &at, &parts)) {
            return false;
        }
    }
    out->amount = parts;
    out->is_fraction = true;
    return (is_word(text + at, length - at, "%") || is_word(text + at, length - at, "pct")) &&
           parts > 0 && parts <= SUBSET_PARTS;
}

spur_status subset_amount_parse(const char *word, size_t length, subset_key *out,
                                spur_error *error)
{
    subset_key found = *out;
    if (!parse_amount(word, length, &found)) {
        return error_set(error, SPUR_USAGE,
                         "'%.*s' is no number of images per class; give one like 100, or a "
                         "share like 10%% or 2.5%% (at most 100, four decimals)",
                         length > 64 ? 64 : (int)length, word);
    }
    *out = found;
    return SPUR_OK;
}

static void amount_text(const subset_key *from, char *dst, size_t capacity)
{
    if (!from->is_fraction) {
        (void)snprintf(dst, capacity, "%" PRIu64, from->amount);
        return;
    }
    uint64_t rest = from->amount % PERCENT_PARTS;
    int used = snprintf(dst, capacity, "%" PRIu64, from->amount / PERCENT_PARTS);
    if (rest > 0) {
        used += snprintf(dst + used, capacity - (size_t)used, ".%0*" PRIu64, DECIMALS, rest);
        while (dst[used - 1] == '0') {
            used--;
        }
    }
    (void)snprintf(dst + used, capacity - (size_t)used, "pct");
}

/* ---- whole names --------------------------------------------------------------------- */

void subset_key_text(const subset_key *from, spur_naming naming, char dst[SUBSET_KEY_SIZE])
{
    char amount[32];
    amount_text(from, amount, sizeof amount);
    if (from->kind == SUBSET_RANDOM) {
        (void)snprintf(dst, SUBSET_KEY_SIZE, "rnd-%s-s%" PRIu64, amount, from->seed);
    } else {
        (void)snprintf(dst, SUBSET_KEY_SIZE, "%s-%s", subset_kind_text(from->kind, naming),
                       amount);
    }
}

static spur_status bad_key(const char *text, spur_error *error)
{
    return error_set(error, SPUR_USAGE,
                     "'%.64s' is no name of a subset; one is like clear-100, hidden-10%% or "
                     "rnd-100-s0 (the seed behind s)",
                     text);
}

/* "-s3" behind the amount of a random subset. */
static spur_status take_seed(const char *text, const char *seed, subset_key *into,
                             spur_error *error)
{
    bool is_there = seed != NULL && seed[1] == 's';
    if (into->kind != SUBSET_RANDOM) {
        return seed == NULL ? SPUR_OK : bad_key(text, error);
    }
    return is_there && text_to_u64(seed + 2, &into->seed) ? SPUR_OK : bad_key(text, error);
}

spur_status subset_key_parse(const char *text, spur_naming naming, subset_key *out,
                             spur_error *error)
{
    spur_status status;
    subset_key made = {SUBSET_CLEAR, 0, false, 0};
    size_t word = strcspn(text, "-");
    TRY(subset_kind_parse(text, word, naming, &made.kind, error));
    if (text[word] == '\0') {
        TRY(bad_key(text, error));
    }
    const char *amount = text + word + 1;
    const char *seed = strchr(amount, '-');
    size_t length = seed == NULL ? strlen(amount) : (size_t)(seed - amount);
    TRY(subset_amount_parse(amount, length, &made, error));
    TRY(take_seed(text, seed, &made, error));
    *out = made;
done:
    return status;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int subset_key_compare(const subset_key *a, const subset_key *b)
{
    int order = compare(a->kind, b->kind);
    order = order != 0 ? order : compare(a->is_fraction, b->is_fraction);
    order = order != 0 ? order : compare(a->amount, b->amount);
    return order != 0 ? order : compare(a->seed, b->seed);
}

/* A share is rounded to the nearest whole image, a half upwards, and is at least one image. */
uint64_t subset_size(const subset_key *from, uint64_t available)
{
    uint64_t wanted = from->amount;
    if (from->is_fraction) {
        uint64_t whole = available / SUBSET_PARTS * from->amount;
        uint64_t rest = available % SUBSET_PARTS * from->amount;
        wanted = whole + (rest + SUBSET_PARTS / 2) / SUBSET_PARTS;
        wanted = wanted == 0 ? 1 : wanted; /* clipped below in a class without images */
    }
    return wanted < available ? wanted : available;
}
