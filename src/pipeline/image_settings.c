/*
 * image_settings.c - one line of words, made and taken apart.
 *
 * Parsing tries the combinations of words and compares whole texts, so that it accepts exactly
 * what is written.
 */
#include "pipeline/image_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

void image_settings_describe(const spur_image_options *options, char out[IMAGE_SETTINGS_SIZE])
{
    (void)snprintf(out, IMAGE_SETTINGS_SIZE,
                   "orientation %s, alpha %s, truncated %s, 16 bit %s, at most %llu pixels",
                   options->orientation == SPUR_ORIENTATION_APPLY ? "applied" : "ignored",
                   options->alpha == SPUR_ALPHA_WHITE ? "on white" : "dropped",
                   options->allow_truncated ? "scored" : "refused",
                   options->pillow_compat ? "as Pillow" : "high byte",
                   (unsigned long long)options->max_pixels);
}

/* The number between the last "at most " and " pixels"; 0 when there is none. */
static uint64_t find_pixels(const char *text)
{
    char digits[24];
    uint64_t value = 0;
    const char *at = strstr(text, "at most ");
    size_t length = at == NULL ? 0 : strcspn(at + 8, " ");
    if (length == 0 || length >= sizeof digits) {
        return 0;
    }
    memcpy(digits, at + 8, length);
    digits[length] = '\0';
    return text_to_u64(digits, &value) ? value : 0;
}

spur_status image_settings_parse(const char *text, spur_image_options *out, spur_error *error)
{
    enum {
        CHOICES = 16
    };
    for (unsigned i = 0; i < CHOICES; i++) {
        char found[IMAGE_SETTINGS_SIZE];
        spur_image_options options;
        spur_image_options_defaults(&options);
        options.max_pixels = find_pixels(text);
        options.orientation = (i & 1) != 0 ? SPUR_ORIENTATION_APPLY : SPUR_ORIENTATION_IGNORE;
        options.alpha = (i & 2) != 0 ? SPUR_ALPHA_WHITE : SPUR_ALPHA_DROP;
        options.allow_truncated = (i & 4) != 0;
        options.pillow_compat = (i & 8) != 0;
        image_settings_describe(&options, found);
        if (strcmp(found, text) == 0) {
            *out = options;
            return SPUR_OK;
        }
    }
    return error_set(error, SPUR_DATASET,
                     "the run's image settings are \"%s\", which this program does not know",
                     text);
}
