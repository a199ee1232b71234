/*
 * figure_image.c - drawing with librsvg on a surface of cairo; the file is written by our own
 * code, whole or not at all.
 */
#include "report/figure_image.h"

#ifdef SPUR_LIBRSVG

#include <math.h>

#include <cairo-pdf.h>
#include <cairo.h>
#include <librsvg/rsvg.h>

#include "io/file.h"

bool figure_image_is_there(void)
{
    return true;
}

typedef struct image_sink {
    file_writer *file;
    spur_status status;
    spur_error *error;
} image_sink;

static cairo_status_t take_bytes(void *context, const unsigned char *bytes, unsigned length)
{
    image_sink *into = context;
    if (into->status == SPUR_OK) {
        into->status = file_write(into->file, bytes, length, into->error);
    }
    return into->status == SPUR_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static spur_status open_picture(const char *text, size_t length, RsvgHandle **out,
                                double size[2], spur_error *error)
{
    spur_status status = SPUR_OK;
    GError *why = NULL;
    *out = rsvg_handle_new_from_data((const guint8 *)text, length, &why);
    if (*out == NULL) {
        FAIL(SPUR_INTERNAL, "librsvg cannot read the figure: %s",
             why == NULL ? "no reason given" : why->message);
    }
    if (!rsvg_handle_get_intrinsic_size_in_pixels(*out, &size[0], &size[1])) {
        FAIL(SPUR_INTERNAL, "the figure has no size");
    }
done:
    g_clear_error(&why);
    return status;
}

static spur_status draw(RsvgHandle *picture, cairo_surface_t *surface, double scale,
                        const double size[2], spur_error *error)
{
    spur_status status = SPUR_OK;
    GError *why = NULL;
    const RsvgRectangle whole = {0.0, 0.0, size[0], size[1]};
    cairo_t *on = cairo_create(surface);
    cairo_scale(on, scale, scale);
    if (!rsvg_handle_render_document(picture, on, &whole, &why)) {
        FAIL(SPUR_RESOURCE, "librsvg cannot draw the figure: %s",
             why == NULL ? "no reason given" : why->message);
    }
    cairo_show_page(on);
    if (cairo_status(on) != CAIRO_STATUS_SUCCESS) {
        FAIL(SPUR_RESOURCE, "cairo: %s", cairo_status_to_string(cairo_status(on)));
    }
done:
    g_clear_error(&why);
    cairo_destroy(on);
    return status;
}

static cairo_surface_t *new_surface(bool is_pdf, double width, double height, image_sink *sink)
{
    if (!is_pdf) {
        return cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)ceil(width),
                                          (int)ceil(height));
    }
    cairo_surface_t *made =
        cairo_pdf_surface_create_for_stream(take_bytes, sink, width, height);
    /* No time in the file. */
    cairo_pdf_surface_set_metadata(made, CAIRO_PDF_METADATA_CREATE_DATE,
                                   "1970-01-01T00:00:00Z");
    return made;
}

spur_status figure_image_write(const char *text, size_t length, bool is_pdf, double scale,
                               const char *path, spur_error *error)
{
    spur_status status;
    double size[2] = {0.0, 0.0};
    RsvgHandle *picture = NULL;
    cairo_surface_t *surface = NULL;
    image_sink sink = {NULL, SPUR_OK, error};
    TRY(open_picture(text, length, &picture, size, error));
    TRY(file_create(path, &sink.file, error));
    surface = new_surface(is_pdf, size[0] * scale, size[1] * scale, &sink);
    TRY(draw(picture, surface, scale, size, error));
    if (!is_pdf) {
        (void)cairo_surface_write_to_png_stream(surface, take_bytes, &sink);
    }
    cairo_surface_finish(surface);
    TRY(sink.status);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        FAIL(SPUR_RESOURCE, "%s: cairo: %s", path,
             cairo_status_to_string(cairo_surface_status(surface)));
    }
    TRY(file_commit(sink.file, error));
done:
    if (surface != NULL) {
        cairo_surface_destroy(surface);
    }
    if (picture != NULL) {
        g_object_unref(picture);
    }
    file_writer_close(sink.file);
    return status;
}

#else

bool figure_image_is_there(void)
{
    return false;
}

spur_status figure_image_write(const char *text, size_t length, bool is_pdf, double scale,
                               const char *path, spur_error *error)
{
    (void)text;
    (void)length;
    (void)is_pdf;
    (void)scale;
    return error_set(error, SPUR_USAGE, "%s: this spur was built without librsvg", path);
}

#endif
