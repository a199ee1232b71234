/*
 * plot_labels.c - widths of texts and places of labels.
 */
#include "report/plot_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

bool plot_boxes_overlap(const plot_box *a, const plot_box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* ---- widths ------------------------------------------------------------------------------ */

static const char ELLIPSIS[] = "\xE2\x80\xA6";

enum {
    ESCAPED_SIZE = 16 /* one character as text_escape shows it */
};

/* In units of the font size. */
static double character_width(uint32_t character)
{
    if (character < 0x80) {
        char byte = (char)character;
        if (strchr("ijl.,:;'|!`I", byte) != NULL) {
            return 0.36;
        }
        if (strchr("ftr()[]{}/\\ -\"", byte) != NULL) {
            return 0.44;
        }
        if (strchr("mwMW@%", byte) != NULL) {
            return 0.98;
        }
        return byte >= 'A' && byte <= 'Z' ? 0.75 : 0.64;
    }
    if ((character >= 0x300 && character < 0x370) ||
        (character >= 0x200B && character < 0x2010)) {
        return 0.0; /* marks over letters, joiners */
    }
    return character < 0x1100 ? 0.75 : 1.05;
}

/* One character of `text` as it is shown; moves *at behind it. */
static double shown_width(const char *text, size_t length, size_t *at)
{
    char shown[ESCAPED_SIZE];
    size_t begin = *at;
    double width = 0.0;
    uint32_t character = text_next(text, length, at);
    if (character != UINT32_MAX && !text_is_unsafe(character)) {
        return character_width(character);
    }
    text_escape(text + begin, *at - begin, shown, sizeof shown);
    for (const char *byte = shown; *byte != '\0'; byte++) {
        width += character_width((unsigned char)*byte);
    }
    return width;
}

double plot_text_width(const char *text, double size)
{
    size_t length = strlen(text);
    double width = 0.0;
    for (size_t at = 0; at < length;) {
        width += shown_width(text, length, &at);
    }
    return width * size;
}

/* Bytes of text that are at most `width` wide and take at most `room` bytes when shown. */
static size_t fitting_bytes(const char *text, double size, double width, size_t room)
{
    size_t length = strlen(text);
    size_t end = 0;
    double used = 0.0;
    for (size_t at = 0; at < length;) {
        used += shown_width(text, length, &at);
        if (used * size > width || 4 * at > room) {
            break;
        }
        end = at;
    }
    return end;
}

bool plot_text_fit(const char *text, double size, double width, char *dst, size_t capacity)
{
    size_t length = strlen(text);
    size_t room = capacity - sizeof ELLIPSIS;
    if (fitting_bytes(text, size, width, room) == length) {
        text_escape(text, length, dst, capacity);
        return false;
    }
    double ellipsis = plot_text_width(ELLIPSIS, size);
    size_t end = fitting_bytes(text, size, width - ellipsis, room);
    while (end > 0 && text[end - 1] == ' ') {
        end--;
    }
    text_escape(text, end, dst, room);
    size_t used = strlen(dst);
    text_copy(ELLIPSIS, dst + used, capacity - used);
    return true;
}

size_t plot_text_break(const char *text, double size, double width)
{
    size_t length = strlen(text);
    size_t end = fitting_bytes(text, size, width, SIZE_MAX);
    if (end == length) {
        return length;
    }
    for (size_t i = end; i > 0; i--) {
        if (text[i] == ' ') {
            return i;
        }
    }
    if (end == 0) {
        (void)text_next(text, length, &end);
    }
    return end;
}

/* ---- one line of labels ------------------------------------------------------------------ */

typedef struct wish {
    double place;
    size_t index;
} wish;

static int compare_wishes(const void *a, const void *b)
{
    const wish *left = a;
    const wish *right = b;
    if (left->place != right->place) {
        return left->place < right->place ? -1 : 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

/* Labels that touch, as one block: their mean wish once each is moved back to the first. */
typedef struct touching {
    double mean;
    size_t count;
} touching;

/* Pool adjacent violators: the non-decreasing sequence nearest to the wishes. */
static size_t pool(const wish *wishes, size_t count, double gap, touching *blocks)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        blocks[used++] = (touching){wishes[i].place - gap * (double)i, 1};
        while (used > 1 && blocks[used - 2].mean > blocks[used - 1].mean) {
            touching *into = &blocks[used - 2];
            const touching *from = &blocks[used - 1];
            double total = (double)(into->count + from->count);
            into->mean =
                (into->mean * (double)into->count + from->mean * (double)from->count) / total;
            into->count += from->count;
            used--;
        }
    }
    return used;
}

spur_status plot_spread(double *places, size_t count, double gap, double low, double high,
                        bool *fits, spur_error *error)
{
    spur_status status = SPUR_OK;
    wish *wishes = NULL;
    touching *blocks = NULL;
    *fits = count == 0 || gap * (double)(count - 1) <= high - low;
    if (count == 0 || !*fits) {
        goto done;
    }
    TRY(memory_new(count, sizeof *wishes, &wishes, error));
    TRY(memory_new(count, sizeof *blocks, &blocks, error));
    for (size_t i = 0; i < count; i++) {
        wishes[i] = (wish){places[i], i};
    }
    qsort(wishes, count, sizeof *wishes, compare_wishes);
    size_t used = pool(wishes, count, gap, blocks);
    double most = high - gap * (double)(count - 1);
    size_t at = 0;
    for (size_t b = 0; b < used; b++) {
        double place = fmin(most, fmax(low, blocks[b].mean));
        for (size_t i = 0; i < blocks[b].count; i++, at++) {
            places[wishes[at].index] = place + gap * (double)at;
        }
    }
done:
    memory_free(wishes);
    memory_free(blocks);
    return status;
}

/* ---- labels in the plane ----------------------------------------------------------------- */

spur_status plot_take(plot_taken *into, const plot_box *box, spur_error *error)
{
    spur_status status;
    TRY(memory_grow(&into->boxes, &into->capacity, into->count + 1, sizeof *box, error));
    into->boxes[into->count++] = *box;
done:
    return status;
}

bool plot_is_free(const plot_taken *in, const plot_box *box)
{
    for (size_t i = 0; i < in->count; i++) {
        if (plot_boxes_overlap(&in->boxes[i], box)) {
            return false;
        }
    }
    return true;
}

void plot_taken_free(plot_taken *block)
{
    memory_free(block->boxes);
    *block = (plot_taken){0};
}

/* The i-th direction: where the text's box touches the mark. */
static const double directions[][2] = {
    {1, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, -1}, {1, 1}, {-1, -1}, {-1, 1},
};

static plot_box box_at(const plot_label *label, const double way[2], double distance)
{
    double x = label->x + way[0] * (distance + label->width / 2.0);
    double y = label->y + way[1] * (distance + label->height / 2.0);
    return (plot_box){x - label->width / 2.0, y - label->height / 2.0, x + label->width / 2.0,
                      y + label->height / 2.0};
}

static bool is_within(const plot_box *box, const plot_box *within)
{
    return box->left >= within->left && box->right <= within->right &&
           box->top >= within->top && box->bottom <= within->bottom;
}

spur_status plot_place(plot_taken *taken, const plot_box *within, const plot_label *label,
                       plot_box *out, bool *found, bool *is_far, spur_error *error)
{
    spur_status status = SPUR_OK;
    *found = *is_far = false;
    for (size_t ring = 0; ring < 6 && !*found; ring++) {
        double distance = label->around + 3.0 + (double)ring * label->height * 0.7;
        *is_far = ring > 0;
        for (size_t i = 0; i < sizeof directions / sizeof *directions && !*found; i++) {
            *out = box_at(label, directions[i], distance);
            *found = is_within(out, within) && plot_is_free(taken, out);
        }
    }
    if (*found) {
        TRY(plot_take(taken, out, error));
    }
done:
    return status;
}
