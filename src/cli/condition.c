/*
 * condition.c - conditions on the numbers of a run: reading them, and holding them against the
 * numbers.
 *
 * A short name is a pattern for the last part of a key, with a hole for k where it has one;
 * the terms of a condition share what stands before the last part, and k.
 */
#include "cli/condition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TERMS = 16,
    NAME_SIZE = 256,
    K_SIZE = 32
};

enum operation {
    ABOVE,
    AT_LEAST,
    BELOW,
    AT_MOST,
    EQUAL
};
static const char *const operations[] = {">", ">=", "<", "<=", "=="};

/* How a bound is written and a value shown. */
enum unit {
    PLAIN,
    FRACTION, /* 0.93 or 93% */
    POINTS    /* 8, 8pp or 8%: stored as 0.08 */
};

typedef struct term {
    char name[NAME_SIZE];
    enum operation operation;
    enum unit unit;
    double bound; /* in the unit of the numbers */
} term;

struct condition {
    term terms[TERMS];
    size_t count;
};

/* ---- names ------------------------------------------------------------------------------ */

/* Short names whose last part has k inside. */
typedef struct alias {
    const char *name, *before, *after;
} alias;
static const alias aliases[] = {{"gap", "gap_at_", ""}, {"p", "gap_at_", "_p"}};

static const alias *find_alias(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcmp(aliases[i].name, name) == 0) {
            return &aliases[i];
        }
    }
    return NULL;
}

static bool is_whole_key(const char *name)
{
    return strchr(name, '/') != NULL;
}

static const char *last_part(const char *key)
{
    const char *slash = strrchr(key, '/');
    return slash == NULL ? key : slash + 1;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static enum unit unit_of(const char *name)
{
    static const char *const fractions[] = {"top1", "top5", "wilson_", "worst_"};
    const char *last = last_part(name);
    size_t length = strlen(last);
    if (starts_with(last, "gap") && (length < 2 || strcmp(last + length - 2, "_p") != 0)) {
        return POINTS;
    }
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++) {
        if (starts_with(last, fractions[i])) {
            return FRACTION;
        }
    }
    return PLAIN;
}

/* ---- reading ---------------------------------------------------------------------------- */

typedef struct reader {
    const char *text, *at;
} reader;

static spur_status fail_at(const reader *from, const char *expected, spur_error *error)
{
    size_t place = (size_t)(from->at - from->text) + 1;
    if (*from->at == '\0') {
        return failure_set(error, SPUR_USAGE, "condition '%s': at its end: expected %s",
                           from->text, expected);
    }
    return failure_set(error, SPUR_USAGE, "condition '%s': at character %zu, '%c': expected %s",
                       from->text, place, *from->at, expected);
}

static void skip_blanks(reader *from)
{
    from->at += strspn(from->at, " \t");
}

static spur_status read_name(reader *from, term *into, spur_error *error)
{
    skip_blanks(from);
    size_t length = strcspn(from->at, "<>=!,; \t");
    if (length == 0) {
        return fail_at(from, "a name, as in gap>8", error);
    }
    if (length >= sizeof into->name) {
        return fail_at(from, "a name of at most 255 characters", error);
    }
    memcpy(into->name, from->at, length);
    into->name[length] = '\0';
    from->at += length;
    return SPUR_OK;
}

static spur_status read_operation(reader *from, term *into, spur_error *error)
{
    static const enum operation order[] = {AT_LEAST, AT_MOST, EQUAL, ABOVE, BELOW};
    skip_blanks(from);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (starts_with(from->at, operations[order[i]])) {
            into->operation = order[i];
            from->at += strlen(operations[order[i]]);
            return SPUR_OK;
        }
    }
    return fail_at(from, "one of > >= < <= ==", error);
}

/* A plain decimal number: no "inf", "nan" or hexadecimal digits. */
static spur_status read_number(reader *from, double *out, spur_error *error)
{
    skip_blanks(from);
    size_t length = strspn(from->at, "+-.0123456789eE");
    char *end = NULL;
    *out = strtod(from->at, &end);
    if (length == 0 || end == from->at || end > from->at + length || !isfinite(*out)) {
        return fail_at(from, "a number", error);
    }
    from->at = end;
    return SPUR_OK;
}

/* The bound in the numbers' own unit; what could be meant in two ways is refused. */
static spur_status read_bound(reader *from, term *into, spur_error *error)
{
    spur_status status;
    double value = 0.0;
    TRY(read_number(from, &value, error));
    into->unit = unit_of(into->name);
    bool has_percent = *from->at == '%', has_points = starts_with(from->at, "pp");
    if (has_percent || has_points) {
        from->at += has_percent ? 1 : 2;
        if (into->unit == PLAIN) {
            FAIL(SPUR_USAGE, "condition '%s': %s is no share: write its bound without a unit",
                 from->text, into->name);
        }
        into->bound = value / 100.0;
        return SPUR_OK;
    }
    if (into->unit == POINTS && fabs(value) > 0.0 && fabs(value) < 1.0) {
        FAIL(SPUR_USAGE,
             "condition '%s': %s is in points: write 8 for a gap of 0.08, or %.9gpp when you "
             "mean less than a point",
             from->text, into->name, value);
    }
    if (into->unit == FRACTION && fabs(value) > 1.0) {
        FAIL(SPUR_USAGE, "condition '%s': %s is a fraction: write %.9g%% or %.9g", from->text,
             into->name, value, value / 100.0);
    }
    into->bound = into->unit == POINTS ? value / 100.0 : value;
done:
    return status;
}

static spur_status read_term(reader *from, term *into, spur_error *error)
{
    spur_status status;
    TRY(read_name(from, into, error));
    TRY(read_operation(from, into, error));
    TRY(read_bound(from, into, error));
    skip_blanks(from);
done:
    return status;
}

spur_status condition_parse(const char *text, condition **out, spur_error *error)
{
    spur_status status = SPUR_OK;
    reader from = {text, text};
    condition *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return failure_no_memory(error);
    }
    for (bool goes_on = true; goes_on;) {
        if (made->count == TERMS) {
            TRY(fail_at(&from, "no more than 16 terms", error));
        }
        TRY(read_term(&from, &made->terms[made->count], error));
        made->count++;
        goes_on = *from.at == ',';
        if (!goes_on && *from.at != '\0') {
            TRY(fail_at(&from, "',' and another term, or the end", error));
        }
        from.at += goes_on ? 1 : 0;
    }
    *out = made;
    made = NULL;
done:
    condition_free(made);
    return status;
}

void condition_free(condition *block)
{
    free(block);
}

/* ---- holding it against numbers --------------------------------------------------------- */

/* What the short names of a condition share. */
typedef struct scope {
    size_t prefix; /* bytes of the key before its last part */
    const char *key;
    char k[K_SIZE];
} scope;

static bool is_true(const term *of, double value)
{
    switch (of->operation) {
    case ABOVE:
        return value > of->bound;
    case AT_LEAST:
        return value >= of->bound;
    case BELOW:
        return value < of->bound;
    case AT_MOST:
        return value <= of->bound;
    case EQUAL:
        break;
    }
    return !(value < of->bound) && !(value > of->bound);
}

/* True when `key` is what the whole key means; a star is one part. */
static bool matches_key(const char *pattern, const char *key)
{
    for (;;) {
        size_t wanted = strcspn(pattern, "/"), found = strcspn(key, "/");
        bool is_any = wanted == 1 && pattern[0] == '*';
        if (!is_any && (wanted != found || strncmp(pattern, key, wanted) != 0)) {
            return false;
        }
        pattern += wanted;
        key += found;
        if (*pattern == '\0' || *key == '\0') {
            return *pattern == *key;
        }
        pattern++;
        key++;
    }
}

/* True for "val/resnet50/original/top1": short names do not mean numbers under noise. */
static bool is_of_head(const char *key)
{
    size_t slashes = 0;
    for (; *key != '\0'; key++) {
        slashes += *key == '/' ? 1 : 0;
    }
    return slashes == 3;
}

/* True when the last part of `key` is what the short name means; fills the scope. */
static bool matches_part(const char *name, const char *key, scope *out)
{
    const alias *of = find_alias(name);
    const char *last = last_part(key);
    out->key = key;
    out->prefix = (size_t)(last - key);
    out->k[0] = '\0';
    if (!is_of_head(key)) {
        return false;
    }
    if (of == NULL) {
        return strcmp(last, name) == 0;
    }
    size_t before = strlen(of->before), after = strlen(of->after), length = strlen(last);
    if (length <= before + after || !starts_with(last, of->before) ||
        strcmp(last + length - after, of->after) != 0) {
        return false;
    }
    size_t digits = length - before - after;
    if (digits >= K_SIZE || strcspn(last + before, "_") < digits) {
        return false;
    }
    memcpy(out->k, last + before, digits);
    out->k[digits] = '\0';
    return true;
}

static bool matches(const term *of, const char *key, scope *out)
{
    return is_whole_key(of->name) ? matches_key(of->name, key)
                                  : matches_part(of->name, key, out);
}

/* The number a short name means within a scope, or NULL. */
static const condition_number *find_within(const term *of, const scope *within,
                                           const condition_number *numbers, size_t count)
{
    const alias *with_k = find_alias(of->name);
    for (size_t i = 0; i < count; i++) {
        scope found;
        if (matches_part(of->name, numbers[i].key, &found) && found.prefix == within->prefix &&
            strncmp(found.key, within->key, found.prefix) == 0 &&
            (with_k == NULL || strcmp(found.k, within->k) == 0)) {
            return &numbers[i];
        }
    }
    return NULL;
}

/* The one of a whole key's numbers that goes farthest beyond the bound, or NULL. */
static const condition_number *find_farthest(const term *of, const condition_number *numbers,
                                             size_t count)
{
    const condition_number *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!matches_key(of->name, numbers[i].key) || !is_true(of, numbers[i].value)) {
            continue;
        }
        bool is_farther =
            best == NULL || (of->operation <= AT_LEAST ? numbers[i].value > best->value
                                                       : numbers[i].value < best->value);
        best = is_farther ? &numbers[i] : best;
    }
    return best;
}

typedef const condition_number *witness[TERMS];

/* Fills the short names' witnesses for one scope; false when one of them does not hold. */
static bool holds_within(const condition *of, const scope *within,
                         const condition_number *numbers, size_t count, witness out)
{
    for (size_t t = 0; t < of->count; t++) {
        if (is_whole_key(of->terms[t].name)) {
            continue;
        }
        out[t] = find_within(&of->terms[t], within, numbers, count);
        if (out[t] == NULL || !is_true(&of->terms[t], out[t]->value)) {
            return false;
        }
    }
    return true;
}

/* The term whose numbers make the scopes: one with k before one without; count when all names
 * are whole keys. */
static size_t find_anchor(const condition *of)
{
    size_t anchor = of->count;
    for (size_t t = of->count; t > 0; t--) {
        const term *one = &of->terms[t - 1];
        bool is_better = anchor == of->count || find_alias(one->name) != NULL ||
                         find_alias(of->terms[anchor].name) == NULL;
        anchor = !is_whole_key(one->name) && is_better ? t - 1 : anchor;
    }
    return anchor;
}

/* Over all scopes, the witnesses that go farthest beyond the anchor's bound. */
static bool find_witnesses(const condition *of, const condition_number *numbers, size_t count,
                           witness best)
{
    size_t anchor = find_anchor(of);
    bool is_found = anchor == of->count;
    for (size_t t = 0; t < of->count; t++) {
        best[t] = is_whole_key(of->terms[t].name) ? find_farthest(&of->terms[t], numbers, count)
                                                  : NULL;
        if (is_whole_key(of->terms[t].name) && best[t] == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < count && anchor < of->count; i++) {
        scope within;
        witness here;
        memcpy(here, best, sizeof here);
        if (!matches_part(of->terms[anchor].name, numbers[i].key, &within) ||
            !holds_within(of, &within, numbers, count, here)) {
            continue;
        }
        bool is_rising = of->terms[anchor].operation <= AT_LEAST;
        if (!is_found || (is_rising ? here[anchor]->value > best[anchor]->value
                                    : here[anchor]->value < best[anchor]->value)) {
            memcpy(best, here, sizeof here);
            is_found = true;
        }
    }
    return is_found;
}

/* ---- messages --------------------------------------------------------------------------- */

static void show_value(const term *of, double value, char dst[64])
{
    if (of->unit == PLAIN) {
        (void)snprintf(dst, 64, "%.6g", value);
    } else {
        (void)snprintf(dst, 64, "%.6g %s", 100.0 * value, of->unit == POINTS ? "points" : "%");
    }
}

static void describe(const condition *of, const witness found, char message[CONDITION_MESSAGE])
{
    size_t used = 0;
    message[0] = '\0';
    for (size_t t = 0; t < of->count && used < CONDITION_MESSAGE; t++) {
        char value[64], bound[64];
        show_value(&of->terms[t], found[t]->value, value);
        show_value(&of->terms[t], of->terms[t].bound, bound);
        int more = snprintf(message + used, CONDITION_MESSAGE - used, "%s%s is %s (%s %s)",
                            t == 0 ? "" : " and ", found[t]->key, value,
                            operations[of->terms[t].operation], bound);
        used += more > 0 ? (size_t)more : 0;
    }
}

/* The last parts there are, once each, for the message about an unknown name. */
static void list_names(const condition_number *numbers, size_t count, char *dst, size_t size)
{
    size_t used = 0;
    dst[0] = '\0';
    for (size_t i = 0; i < count && used + 80 < size; i++) {
        const char *last = last_part(numbers[i].key);
        bool is_new = true;
        for (size_t j = 0; j < i && is_new; j++) {
            is_new = strcmp(last_part(numbers[j].key), last) != 0;
        }
        if (is_new) {
            int more =
                snprintf(dst + used, size - used, "%s%.60s", used == 0 ? "" : ", ", last);
            used += more > 0 ? (size_t)more : 0;
        }
    }
}

static spur_status check_names(const condition *of, const condition_number *numbers,
                               size_t count, spur_error *error)
{
    for (size_t t = 0; t < of->count; t++) {
        bool is_known = false;
        for (size_t i = 0; i < count && !is_known; i++) {
            scope unused;
            is_known = matches(&of->terms[t], numbers[i].key, &unused);
        }
        if (!is_known) {
            char names[400];
            list_names(numbers, count, names, sizeof names);
            return failure_set(error, SPUR_USAGE,
                               "condition: no number of this run is called %s; there are %s%s",
                               of->terms[t].name, names,
                               count == 0 ? "none" : ", and whole keys as in metrics.json");
        }
    }
    return SPUR_OK;
}

spur_status condition_check(const condition *of, const condition_number *numbers, size_t count,
                            bool *holds, char message[CONDITION_MESSAGE], spur_error *error)
{
    spur_status status;
    witness found = {NULL};
    message[0] = '\0';
    TRY(check_names(of, numbers, count, error));
    *holds = find_witnesses(of, numbers, count, found);
    if (*holds) {
        describe(of, found, message);
    }
done:
    return status;
}
