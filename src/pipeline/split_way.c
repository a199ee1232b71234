/*
 * split_way.c - rules of published sets, and the line of words in the run.
 *
 * Which classes a set has is never listed here: it follows from the class folders that are
 * there.
 */
#include "pipeline/split_way.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static const struct {
    const char *name;
    size_t border;
    bool masks;
} rules[] = {[SPUR_OOD_AUTO] = {"auto", 0, true},
             [SPUR_OOD_NONE] = {"none", 0, true},
             [SPUR_OOD_IMAGENET_A] = {"imagenet-a", 0, true},
             [SPUR_OOD_IMAGENET_R] = {"imagenet-r", 0, true},
             [SPUR_OOD_IMAGENET_V2] = {"imagenet-v2", 0, false},
             [SPUR_OOD_IMAGENET_SKETCH] = {"imagenet-sketch", 0, false},
             [SPUR_OOD_OBJECTNET] = {"objectnet", 2, false}};

enum {
    RULES = sizeof rules / sizeof rules[0]
};

static const char prefix[] = "ood:";

bool split_is_ood(const char *split)
{
    return strcmp(split, "ood") == 0 || strncmp(split, prefix, sizeof prefix - 1) == 0;
}

const char *ood_rule_name(spur_ood_rule rule)
{
    return rules[rule].name;
}

size_t ood_rule_border(spur_ood_rule rule)
{
    return rules[rule].border;
}

bool ood_rule_masks(spur_ood_rule rule)
{
    return rules[rule].masks;
}

static char plain_letter(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (char)(letter - 'A' + 'a');
    }
    return letter == '_' ? '-' : letter;
}

static bool is_called(const char *name, const char *rule)
{
    while (*name != '\0' && plain_letter(*name) == *rule) {
        name++;
        rule++;
    }
    return *name == '\0' && *rule == '\0';
}

spur_ood_rule ood_rule_of_split(const char *split)
{
    if (split == NULL || strncmp(split, prefix, sizeof prefix - 1) != 0) {
        return SPUR_OOD_NONE;
    }
    for (size_t i = SPUR_OOD_NONE; i < RULES; i++) {
        if (is_called(split + sizeof prefix - 1, rules[i].name)) {
            return (spur_ood_rule)i;
        }
    }
    return SPUR_OOD_NONE;
}

/* ---- the line of words ------------------------------------------------------------------- */

void split_way_describe(const split_way *way, char out[SPLIT_WAY_SIZE])
{
    (void)snprintf(
        out, SPLIT_WAY_SIZE,
        "rule %s, border %zu, class map %s, excluded %llu classes with %llu images",
        rules[way->rule].name, way->border, way->class_map[0] == '\0' ? "none" : way->class_map,
        (unsigned long long)way->excluded_classes, (unsigned long long)way->excluded_images);
}

/* The word behind `mark`; "" when there is none. */
static void take_word(const char *text, const char *mark, char *dst, size_t capacity)
{
    const char *at = strstr(text, mark);
    size_t length = at == NULL ? 0 : strcspn(at + strlen(mark), ", ");
    dst[0] = '\0';
    if (length > 0 && length < capacity) {
        memcpy(dst, at + strlen(mark), length);
        dst[length] = '\0';
    }
}

static uint64_t take_number(const char *text, const char *mark)
{
    char word[24];
    uint64_t value = 0;
    take_word(text, mark, word, sizeof word);
    return text_to_u64(word, &value) ? value : 0;
}

spur_status split_way_parse(const char *text, split_way *out, spur_error *error)
{
    char rule[32], again[SPLIT_WAY_SIZE];
    split_way way = {.rule = SPUR_OOD_NONE,
                     .border = (size_t)take_number(text, "border "),
                     .excluded_classes = take_number(text, "excluded "),
                     .excluded_images = take_number(text, "with ")};
    take_word(text, "rule ", rule, sizeof rule);
    take_word(text, "class map ", way.class_map, sizeof way.class_map);
    if (strcmp(way.class_map, "none") == 0) {
        way.class_map[0] = '\0';
    }
    for (size_t i = SPUR_OOD_NONE; i < RULES; i++) {
        way.rule = strcmp(rule, rules[i].name) == 0 ? (spur_ood_rule)i : way.rule;
    }
    split_way_describe(&way, again);
    if (strcmp(again, text) != 0 || way.border > SPLIT_WAY_MOST_BORDER) {
        return error_set(error, SPUR_DATASET,
                         "a split's settings are \"%s\", which this program does not know",
                         text);
    }
    *out = way;
    return SPUR_OK;
}

/* ---- in the run -------------------------------------------------------------------------- */

bool split_way_is_plain(const split_way *way)
{
    return way->rule == SPUR_OOD_NONE && way->border == 0 && way->class_map[0] == '\0' &&
           way->excluded_images == 0 && way->excluded_classes == 0;
}

spur_status split_way_save(store *into, const char *split, const split_way *way,
                           spur_error *error)
{
    char text[SPLIT_WAY_SIZE];
    if (split_way_is_plain(way)) {
        return SPUR_OK;
    }
    split_way_describe(way, text);
    return store_put_split_setting(into, split, text, error);
}

spur_status split_way_load(store *from, const char *split, split_way *out, spur_error *error)
{
    spur_status status;
    char *text = NULL;
    split_way way = {.rule = SPUR_OOD_NONE};
    TRY(store_get_split_setting(from, split, &text, error));
    TRY(text == NULL ? SPUR_OK : split_way_parse(text, &way, error));
    *out = way;
done:
    if (status != SPUR_OK) {
        error_prefix(error, "split %s", split);
    }
    memory_free(text);
    return status;
}

spur_status split_border(store *from, const char *split, size_t *border, spur_error *error)
{
    split_way way;
    spur_status status = split_way_load(from, split, &way, error);
    if (status == SPUR_OK) {
        *border = way.border;
    }
    return status;
}
