/*
 * page.c - head, navigation and foot of the report's pages.
 */
#include "report/page.h"

#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "io/file.h"
#include "report/report_style.h"

spur_status page_hash(const char *text, size_t size, char out[PAGE_HASH_SIZE],
                      spur_error *error)
{
    spur_status status;
    unsigned char sum[DIGEST_SIZE];
    char *base64 = NULL;
    TRY(digest_of(text, size, sum, error));
    TRY(text_base64(sum, sizeof sum, &base64, error));
    text_copy(base64, out, PAGE_HASH_SIZE);
done:
    memory_free(base64);
    return status;
}

spur_status page_site_make(page_site *out, spur_error *error)
{
    spur_status status;
    memset(out, 0, sizeof *out);
    TRY(page_hash(report_style, report_style_size, out->style_hash, error));
    TRY(page_hash(report_script, report_script_size, out->script_hash, error));
done:
    return status;
}

/* ---- head -------------------------------------------------------------------------------- */

static void add_span(markup *into, const char *text, size_t length)
{
    if (into->status == SPUR_OK) {
        into->status = text_add(&into->text, text, length, into->error);
    }
}

static void add_policy(markup *into, const page_site *site)
{
    markup_raw(into,
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
               "img-src 'self' data:; base-uri 'none'; form-action 'none'; ");
    html_format(into, "style-src 'sha256-%s'; script-src 'sha256-%s'\">\n", site->style_hash,
                site->script_hash);
}

static void add_head(markup *into, const page_site *site, const page *of)
{
    markup_raw(into, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add_policy(into, site);
    markup_raw(into,
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n"
               "<meta name=\"referrer\" content=\"no-referrer\">\n"
               "<link rel=\"icon\" href=\"data:,\">\n<title>");
    markup_text(into, of->title);
    markup_raw(into, "</title>\n<style>");
    add_span(into, report_style, report_style_size);
    markup_raw(into, "</style>\n</head>\n");
}

/* ---- navigation -------------------------------------------------------------------------- */

static void add_place(markup *into, const page *of, const char *address, const char *name,
                      const size_t *count)
{
    bool is_here = of->here != NULL && strcmp(of->here, address) == 0;
    html_format(into, "<li><a href=\"%s%s\"%s>%s", of->root, address,
                is_here ? " aria-current=\"page\"" : "", name);
    if (count != NULL) {
        markup_raw(into, " <small>");
        html_count(into, *count);
        markup_raw(into, "</small>");
    }
    markup_raw(into, "</a></li>\n");
}

static void add_navigation(markup *into, const page_site *site, const page *of)
{
    markup_raw(into, "<header class=\"top\">\n<nav aria-label=\"Report\">\n<ul>\n");
    add_place(into, of, "index.html", "<b>Spur</b> report", NULL);
    add_place(into, of, "suspects.html", "Label suspects", &site->suspects);
    add_place(into, of, "invisible.html", "Invisible classes", &site->invisible);
    add_place(into, of, "failed.html", "Failed images", &site->failed);
    add_place(into, of, "settings.html", "Settings", NULL);
    markup_raw(into, "</ul>\n</nav>\n</header>\n");
}

void page_open(markup *into, const page_site *site, const page *of)
{
    add_head(into, site, of);
    markup_raw(into, "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n");
    add_navigation(into, site, of);
    markup_raw(into, "<main id=\"content\">\n");
}

static void add_step(markup *into, const char *direction, const char *address,
                     const char *words)
{
    if (address != NULL) {
        html_format(into, "<a rel=\"%s\" href=\"%s\">%s</a>\n", direction, address, words);
    }
}

static void add_steps(markup *into, const page *of)
{
    if (of->previous != NULL || of->next != NULL) {
        markup_raw(into, "<nav class=\"steps\" aria-label=\"Classes\">\n");
        add_step(into, "prev", of->previous, "\xE2\x86\x90 previous class");
        add_step(into, "next", of->next, "next class \xE2\x86\x92");
        markup_raw(into, "</nav>\n");
    }
}

void page_close(markup *into, const page_site *site, const page *of)
{
    (void)site;
    add_steps(into, of);
    markup_raw(into,
               "</main>\n<footer>\n<p>A low score means that the detector did not see the "
               "object clearly; it does not mean a bad image. Rank 1 of a class is its lowest "
               "score.</p>\n");
    html_format(into, "<p>Made by spur %s from run.db. Nothing on this page is fetched.</p>\n",
                spur_version());
    markup_raw(into, "</footer>\n<script>");
    add_span(into, report_script, report_script_size);
    markup_raw(into, "</script>\n</body>\n</html>\n");
}

/* ---- to the disk ------------------------------------------------------------------------- */

static bool is_there(const char *path, const char *bytes, size_t length)
{
    unsigned char *old = NULL;
    size_t size = 0;
    bool is_same = file_kind_of(path) == FILE_REGULAR &&
                   file_load(path, length, SPUR_RESOURCE, &old, &size, NULL) == SPUR_OK &&
                   size == length && memcmp(old, bytes, length) == 0;
    memory_free(old);
    return is_same;
}

spur_status page_save(const char *path, const char *bytes, size_t length, spur_error *error)
{
    return is_there(path, bytes, length) ? SPUR_OK
                                         : file_replace_quickly(path, bytes, length, error);
}
