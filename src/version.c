/*
 * version.c - the versions of the library and of everything it runs with, and the facts about
 * the machine that decide its numbers.
 *
 * Versions are asked of the loaded libraries, not of the headers: that is what a bug report
 * needs. libjpeg can only tell its header's.
 */
#include <jansson.h>
#include <openssl/crypto.h>
#include <png.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include <webp/decode.h>

#include <jpeglib.h>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "nn/engine.h"

#define QUOTE_VALUE(macro) #macro
#define QUOTE(macro) QUOTE_VALUE(macro)

typedef int (*describe_visit)(void *context, const char *name, const char *value);

const char *spur_version(void)
{
    return SPUR_VERSION;
}

static void format_webp(char *dst, size_t capacity)
{
    int version = WebPGetDecoderVersion();
    (void)snprintf(dst, capacity, "%d.%d.%d", version >> 16, version >> 8 & 255, version & 255);
}

static void format_jpeg(char *dst, size_t capacity)
{
#ifdef LIBJPEG_TURBO_VERSION
    (void)snprintf(dst, capacity, "turbo %s", QUOTE(LIBJPEG_TURBO_VERSION));
#else
    (void)snprintf(dst, capacity, "API %d", JPEG_LIB_VERSION);
#endif
}

/* "model name" of the first processor; the machine's architecture where there is none. */
static void format_processor(char *dst, size_t capacity)
{
    char line[256];
    FILE *facts = fopen("/proc/cpuinfo", "re");
    text_copy("unknown", dst, capacity);
    while (facts != NULL && fgets(line, sizeof line, facts) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            value += 1 + strspn(value + 1, " \t");
            line[strcspn(line, "\n")] = '\0';
            text_copy(value, dst, capacity);
            break;
        }
    }
    if (facts != NULL) {
        (void)fclose(facts);
    }
}

static int visit_libraries(describe_visit visit, void *context)
{
    char webp[32], jpeg[64];
    format_webp(webp, sizeof webp);
    format_jpeg(jpeg, sizeof jpeg);
    const char *const facts[][2] = {{"onednn", engine_library_version()},
                                    {"libjpeg", jpeg},
                                    {"libpng", png_get_libpng_ver(NULL)},
                                    {"libwebp", webp},
                                    {"sqlite", sqlite3_libversion()},
                                    {"jansson", jansson_version_str()},
                                    {"openssl", OpenSSL_version(OPENSSL_VERSION)},
                                    {"utf8proc", utf8proc_version()}};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (visit(context, facts[i][0], facts[i][1]) != 0) {
            return 1;
        }
    }
    return 0;
}

spur_status spur_describe_build(describe_visit visit, void *context, spur_error *error)
{
    spur_status status = SPUR_OK;
    engine *machine = NULL;
    char text[256];
    TRY(engine_open(&machine, error));
    if (visit_libraries(visit, context) != 0) {
        goto done;
    }
    format_processor(text, sizeof text);
    if (visit(context, "processor", text) != 0) {
        goto done;
    }
    (void)snprintf(text, sizeof text, "%zu", parallel_processors());
    if (visit(context, "processors", text) == 0) {
        (void)visit(context, "isa", engine_isa(machine));
    }
done:
    engine_close(machine);
    return status;
}
