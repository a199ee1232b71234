/*
 * condition.c - conditions on the numbers of a run: reading them, and holding them against the
 * numbers.
 *
 * A name is a pattern for the place (all parts of a key but the last) and the last part, with a
 * hole for k where that has one. Terms of the same place pattern share the place, and k.
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
    char name[NAME_SIZE];  /* as written */
    char place[NAME_SIZE]; /* pattern: "val/any/original" */
    const char *last;      /* last part of name */
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
    static const char *const fractions[] = {"top1",     "top5",      "known_top1", "wilson_",
                                            "clear_at", "hidden_at", "curve_mean", "worst_"};
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

/* A short name keeps the place of the name before it; the first means every head. */
static void set_place(term *into, const term *before)
{
    into->last = last_part(into->name);
    size_t length = (size_t)(into->last - into->name);
    if (length > 0) {
        memcpy(into->place, into->name, length - 1);
        into->place[length - 1] = '\0';
    } else {
        (void)snprintf(into->place, sizeof into->place, "%s",
                       before == NULL ? "*/*/*" : before->place);
    }
}

static spur_status read_term(reader *from, term *into, const term *before, spur_error *error)
{
    spur_status status;
    TRY(read_name(from, into, error));
    set_place(into, before);
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
        term *next = &made->terms[made->count];
        TRY(read_term(&from, next, made->count == 0 ? NULL : next - 1, error));
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

/* Where the numbers of terms with one place pattern are. */
typedef struct scope {
    const char *key;
    size_t length; /* of the place in the key */
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

/* True when the pattern means the place, the first `length` bytes of key; * is one part. */
static bool matches_place(const char *pattern, const char *key, size_t length)
{
    const char *end = key + length;
    for (;;) {
        size_t wanted = strcspn(pattern, "/"), found = strcspn(key, "/");
        bool is_any = wanted == 1 && pattern[0] == '*';
        if (key >= end ||
            (!is_any && (wanted != found || strncmp(pattern, key, wanted) != 0))) {
            return false;
        }
        pattern += wanted;
        key += found + 1;
        if (*pattern == '\0') {
            return key > end;
        }
        pattern++;
    }
}

/* True when `last` is what the name means; k is what stands in its hole. */
static bool matches_last(const char *name, const char *last, char k[K_SIZE])
{
    const alias *of = find_alias(name);
    k[0] = '\0';
    if (of == NULL) {
        return strcmp(last, name) == 0;
    }
    size_t before = strlen(of->before), after = strlen(of->after), length = strlen(last);
    if (length <= before + after || !starts_with(last, of->before) ||
        strcmp(last + length - after, of->after) != 0) {
        return false;
    }
    size_t size = length - before - after;
    if (size >= K_SIZE || strcspn(last + before, "_") < size) {
        return false;
    }
    memcpy(k, last + before, size);
    k[size] = '\0';
    return true;
}

static bool matches(const term *of, const char *key, scope *out)
{
    const char *last = last_part(key);
    out->key = key;
    out->length = last == key ? 0 : (size_t)(last - key) - 1;
    return matches_last(of->last, last, out->k) && matches_place(of->place, key, out->length);
}

/* The number a term means within a scope, or NULL. */
static const condition_number *find_within(const term *of, const scope *within,
                                           const condition_number *numbers, size_t count)
{
    bool has_k = find_alias(of->last) != NULL;
    for (size_t i = 0; i < count; i++) {
        scope found;
        if (matches(of, numbers[i].key, &found) && found.length == within->length &&
            strncmp(found.key, within->key, found.length) == 0 &&
            (!has_k || strcmp(found.k, within->k) == 0)) {
            return &numbers[i];
        }
    }
    return NULL;
}

typedef const condition_number *witness[TERMS];

static bool is_together(const condition *of, size_t a, size_t b)
{
    return strcmp(of->terms[a].place, of->terms[b].place) == 0;
}

/* Fills the witnesses of the terms that belong to the anchor; false when one does not hold. */
static bool holds_within(const condition *of, size_t anchor, const scope *within,
                         const condition_number *numbers, size_t count, witness out)
{
    for (size_t t = 0; t < of->count; t++) {
        if (is_together(of, t, anchor)) {
            out[t] = find_within(&of->terms[t], within, numbers, count);
            if (out[t] == NULL || !is_true(&of->terms[t], out[t]->value)) {
                return false;
            }
        }
    }
    return true;
}

/* Of the terms that belong to `first`, one with k, else the first: its numbers are the scopes.
 */
static size_t find_anchor(const condition *of, size_t first)
{
    for (size_t t = first; t < of->count; t++) {
        if (is_together(of, t, first) && find_alias(of->terms[t].last) != NULL) {
            return t;
        }
    }
    return first;
}

/* Over all scopes, the witnesses that go farthest beyond the anchor's bound. */
static bool find_witnesses(const condition *of, size_t anchor, const condition_number *numbers,
                           size_t count, witness best)
{
    const term *leader = &of->terms[anchor];
    bool is_rising = leader->operation == ABOVE || leader->operation == AT_LEAST;
    bool is_found = false;
    for (size_t i = 0; i < count; i++) {
        scope within;
        witness here;
        memcpy(here, best, sizeof here);
        if (!matches(leader, numbers[i].key, &within) ||
            !holds_within(of, anchor, &within, numbers, count, here)) {
            continue;
        }
        if (!is_found || (is_rising ? here[anchor]->value > best[anchor]->value
                                    : here[anchor]->value < best[anchor]->value)) {
            memcpy(best, here, sizeof here);
            is_found = true;
        }
    }
    return is_found;
}

/* Every group of terms with one place pattern, by the first of them. */
static bool find_all(const condition *of, const condition_number *numbers, size_t count,
                     witness found)
{
    for (size_t t = 0; t < of->count; t++) {
        bool is_first = true;
        for (size_t before = 0; before < t && is_first; before++) {
            is_first = !is_together(of, before, t);
        }
        if (is_first && !find_witnesses(of, find_anchor(of, t), numbers, count, found)) {
            return false;
        }
    }
    return true;
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
        if (found[t] == NULL) {
            continue;
        }
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
    *holds = find_all(of, numbers, count, found);
    if (*holds) {
        describe(of, found, message);
    }
done:
    return status;
}
