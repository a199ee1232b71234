/*
 * image_list.h - the images of a command line, one after the other, for people or as the JSON
 * array "images". An image that cannot be read is a row of its own and the others go on.
 */
#ifndef CLI_IMAGE_LIST_H
#define CLI_IMAGE_LIST_H

#include "cli/json_print.h"
#include "cli/options.h"
#include "cli/terminal.h"

typedef struct image_list {
    const arguments *from;
    terminal *screen;
    json_printer json;
    bool as_json;
    uint64_t failed, shown;
} image_list;

void image_list_begin(image_list *made, const arguments *from, terminal *screen);

/* Visits every image until one visit fails, a signal or a closed output; ends the array and
 * the list of failures. */
spur_status image_list_each(image_list *of,
                            spur_status (*visit)(void *context, const char *path,
                                                 spur_error *error),
                            void *context, spur_error *error) SPUR_MUST_USE;
/* What --max-bad makes of the failed images. */
spur_status image_list_end(const image_list *of, spur_error *error) SPUR_MUST_USE;

/* An image's object, left open: its name, its size (0 x 0: none) and status. `failure` is
 * NULL for one that could be read. */
void image_list_object(image_list *of, const char *path, size_t width, size_t height,
                       const spur_error *failure);
/* An image's heading for people, left open behind its size. */
void image_list_heading(const image_list *of, const char *path, size_t width, size_t height);

#endif
