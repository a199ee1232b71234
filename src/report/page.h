/*
 * page.h - what every page of a report has in common: head, policy, navigation, foot; and how
 * it gets to the disk.
 *
 * A page fetches nothing: its policy allows pictures beside it or inside it, and exactly the
 * one style sheet and the one script of this program, by their SHA-256.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "report/html.h"

enum {
    PAGE_HASH_SIZE = 45 /* base64 of a SHA-256 with its NUL */
};

/* The same for all pages of a report. */
typedef struct page_site {
    char style_hash[PAGE_HASH_SIZE], script_hash[PAGE_HASH_SIZE];
    size_t suspects, invisible, failed; /* of the lists, for the navigation */
} page_site;

typedef struct page {
    const char *title;           /* from outside: escaped */
    const char *root;            /* from the page to report/: "" or "../" */
    const char *here;            /* file name of the page in report/, or NULL */
    const char *previous, *next; /* addresses of ours, or NULL */
} page;

/* Base64 of the SHA-256 of `size` bytes. */
spur_status page_hash(const char *text, size_t size, char out[PAGE_HASH_SIZE],
                      spur_error *error) SPUR_MUST_USE;
spur_status page_site_make(page_site *out, spur_error *error) SPUR_MUST_USE;

/* Everything before and after the content of <main>. */
void page_open(markup *into, const page_site *site, const page *of);
void page_close(markup *into, const page_site *site, const page *of);

/* Writes the file unless it holds these bytes already: atomically, not waiting for the disk. */
spur_status page_save(const char *path, const char *bytes, size_t length,
                      spur_error *error) SPUR_MUST_USE;

#endif
