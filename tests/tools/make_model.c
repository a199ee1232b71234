/*
 * make_model.c - spur-make-model NAME --salt SALT --tokenizer DIR --out DIR [--tiny]
 *
 * Writes a model folder with weights made from names; see model_maker.h.
 */
#include <stdio.h>
#include <string.h>

#include "model_maker.h"

static int print_usage(void)
{
    (void)fputs("usage: spur-make-model NAME --salt SALT --tokenizer DIR --out DIR [--tiny]\n"
                "names:",
                stderr);
    for (size_t i = 0; model_maker_name(i) != NULL; i++) {
        (void)fprintf(stderr, " %s", model_maker_name(i));
    }
    (void)fputs("\n", stderr);
    return SPUR_USAGE;
}

/* Where the value of an option goes, or NULL. */
static const char **option_slot(model_request *request, const char *option)
{
    if (strcmp(option, "--salt") == 0) {
        return &request->salt;
    }
    if (strcmp(option, "--tokenizer") == 0) {
        return &request->tokenizer;
    }
    return strcmp(option, "--out") == 0 ? &request->folder : NULL;
}

static bool parse_arguments(int count, char **arguments, model_request *out)
{
    for (int i = 1; i < count; i++) {
        const char **slot = option_slot(out, arguments[i]);
        if (slot != NULL && i + 1 < count) {
            *slot = arguments[++i];
        } else if (strcmp(arguments[i], "--tiny") == 0) {
            out->is_tiny = true;
        } else if (arguments[i][0] != '-' && out->name == NULL) {
            out->name = arguments[i];
        } else {
            return false;
        }
    }
    return out->name != NULL && out->salt != NULL && out->tokenizer != NULL &&
           out->folder != NULL;
}

int main(int count, char **arguments)
{
    model_request request = {NULL, false, NULL, NULL, NULL};
    spur_error error;
    if (!parse_arguments(count, arguments, &request)) {
        return print_usage();
    }
    spur_status status = model_make(&request, &error);
    if (status != SPUR_OK) {
        (void)fprintf(stderr, "spur-make-model: %s\n", error.message);
    }
    return (int)status;
}
