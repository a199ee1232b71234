/*
 * image_list.c - the loop over images and what they have in common in both outputs.
 */
#include "cli/image_list.h"

#include "cli/escape.h"
#include "cli/failures.h"
#include "cli/signals.h"

void image_list_begin(image_list *made, const arguments *from, terminal *screen)
{
    *made = (image_list){.from = from,
                         .screen = screen,
                         .json = {.to = stdout},
                         .as_json = argument_flag(from, "json")};
}

spur_status image_list_each(image_list *of,
                            spur_status (*visit)(void *context, const char *path,
                                                 spur_error *error),
                            void *context, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (of->as_json) {
        json_put_open(&of->json, NULL, '{');
        json_put_open(&of->json, "images", '[');
    }
    for (size_t i = 0; i < argument_count(of->from) && ferror(stdout) == 0; i++) {
        if (signals_stop_wanted()) {
            FAIL(SPUR_INTERRUPTED, "interrupted");
        }
        TRY(visit(context, argument_word(of->from, i), error));
    }
    if (of->as_json) {
        json_put_close(&of->json, ']');
        json_put_close(&of->json, '}');
        json_put_end(&of->json);
    }
    failures_end(of->screen, of->shown);
done:
    return status;
}

spur_status image_list_end(const image_list *of, spur_error *error)
{
    return failure_of_images(of->failed, argument_whole(of->from, "max-bad", 0), error);
}

void image_list_object(image_list *of, const char *path, size_t width, size_t height,
                       const spur_error *failure)
{
    json_put_open(&of->json, NULL, '{');
    json_put_file_name(&of->json, "file_name", path);
    if (failure != NULL) {
        json_put_null(&of->json, "width");
        json_put_null(&of->json, "height");
        json_put_text(&of->json, "status", "failed");
        json_put_text(&of->json, "reason", failure->message);
    } else {
        json_put_count(&of->json, "width", width);
        json_put_count(&of->json, "height", height);
        json_put_text(&of->json, "status", "ok");
    }
}

void image_list_heading(const image_list *of, const char *path, size_t width, size_t height)
{
    terminal_bold(of->screen, true);
    escape_print(path, stdout);
    terminal_bold(of->screen, false);
    (void)printf(" %zux%zu", width, height);
}
