/*
 * report.c - the table of contents of `spur report`: gather, thumbnails, pages, what is stale.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/monitor.h"
#include "base/parallel.h"
#include "io/file.h"
#include "report/relative.h"
#include "report/report_pages.h"
#include "report/stale_files.h"

/* The public part first: its address is the whole block's. */
typedef struct summary_block {
    spur_report_summary shown;
    char *path;
} summary_block;

typedef struct report_job {
    const spur_report_options *options;
    const spur_monitor *monitor;
    char *folder, *classes, *thumb_folder, *figure_folder;
    spur_run *run;
    report_data data;
    thumbnails thumbs;
    figure_list figures;
    report_view view;
    summary_block *made;
} report_job;

void spur_report_options_defaults(spur_report_options *options)
{
    *options = (spur_report_options){.split = NULL};
}

void spur_report_summary_free(spur_report_summary *summary)
{
    if (summary != NULL) {
        summary_block *block = (summary_block *)(void *)summary;
        memory_free(block->path);
        memory_free(block);
    }
}

/* ---- folders ----------------------------------------------------------------------------- */

static spur_status open_job(report_job *job, const char *run, spur_error *error)
{
    spur_status status;
    TRY(spur_run_open(run, &job->run, error));
    TRY(memory_new_zeroed(1, sizeof *job->made, &job->made, error));
    TRY(file_join(run, "report", &job->folder, error));
    TRY(file_join(job->folder, "classes", &job->classes, error));
    TRY(file_join(job->folder, "thumbs", &job->thumb_folder, error));
    TRY(file_join(job->folder, "figures", &job->figure_folder, error));
    TRY(file_join(job->folder, "index.html", &job->made->path, error));
    TRY(file_make_folder(job->classes, error));
    job->made->shown.path = job->made->path;
done:
    return status;
}

/* From the report to the images of a split; NULL when that folder is no more. */
static spur_status find_way(const char *from, const char *root, char **out, spur_error *error)
{
    spur_status status = SPUR_OK;
    text_buffer way = {NULL, 0, 0};
    char *here = realpath(from, NULL), *there = realpath(root, NULL);
    if (here != NULL && there != NULL) {
        TRY(relative_path(here, there, &way, error));
        TRY(memory_copy_text(way.length == 0 ? "./" : way.data,
                             way.length == 0 ? 2 : way.length, out, error));
    }
done:
    text_buffer_free(&way);
    free(here);
    free(there);
    return status;
}

static spur_status find_originals(report_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    if (!job->options->link_originals) {
        return SPUR_OK;
    }
    TRY(memory_new_zeroed(job->run->split_count, sizeof *job->view.originals,
                          &job->view.originals, error));
    for (size_t i = 0; i < job->run->split_count; i++) {
        TRY(find_way(job->folder, job->run->splits[i].root, &job->view.originals[i], error));
    }
done:
    return status;
}

static spur_status open_view(report_job *job, spur_error *error)
{
    spur_status status;
    job->view.data = &job->data;
    TRY(page_site_make(&job->view.site, error));
    job->view.site.suspects = job->data.suspects == NULL ? 0 : job->data.suspects->count;
    job->view.site.invisible = (size_t)job->data.invisible;
    job->view.site.failed = (size_t)job->data.failed;
    TRY(find_originals(job, error));
    if (!job->options->no_thumbnails) {
        TRY(thumbnails_make(&job->data, job->thumb_folder, job->monitor, &job->thumbs, error));
        job->view.thumbs = &job->thumbs;
        job->made->shown.thumbnails = job->thumbs.made;
        job->made->shown.missing = job->thumbs.failed;
    }
    job->made->shown.images = job->data.image_count;
done:
    return status;
}

/* ---- figures ----------------------------------------------------------------------------- */

/* Without an evaluation there is no folder of figures. */
static spur_status write_figures(report_job *job, spur_error *error)
{
    spur_status status;
    const figure_files files = {job->options->png, job->options->pdf, 0.0};
    TRY(figures_make(job->run, &job->figures, error));
    job->view.figures = &job->figures;
    job->made->shown.figures = job->figures.count;
    if (job->figures.count > 0) {
        TRY(file_make_folder(job->figure_folder, error));
        TRY(figures_write(job->run, job->figure_folder, &files, NULL, error));
    }
done:
    return status;
}

/* ---- pages ------------------------------------------------------------------------------- */

static spur_status save(report_job *job, const char *folder, const char *name,
                        const markup *content, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(markup_status(content));
    TRY(file_join(folder, name, &path, error));
    TRY(page_save(path, content->text.data, content->text.length, error));
    job->made->shown.pages++;
done:
    memory_free(path);
    return status;
}

typedef struct page_writer {
    const char *name;
    void (*write)(markup *into, const report_view *view);
} page_writer;

static spur_status write_pages(report_job *job, spur_error *error)
{
    static const page_writer pages[] = {
        {"suspects.html", report_suspects_page}, {"invisible.html", report_invisible_page},
        {"failed.html", report_failed_page},     {"settings.html", report_settings_page},
        {"index.html", report_index_page},
    };
    spur_status status = SPUR_OK;
    markup content = {.error = error};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        content.text.length = 0;
        pages[i].write(&content, &job->view);
        TRY(save(job, job->folder, pages[i].name, &content, error));
    }
    job->made->shown.index_size = content.text.length;
done:
    markup_free(&content);
    return status;
}

static spur_status write_class(void *context, size_t worker, size_t item, spur_error *error)
{
    report_job *job = context;
    markup content = {.error = error};
    char name[48];
    char *path = NULL;
    spur_status status = SPUR_OK;
    (void)worker;
    if (report_has_page(&job->data, item)) {
        report_class_page(&content, &job->view, item);
        (void)snprintf(name, sizeof name, "%zu.html", item);
        TRY(markup_status(&content));
        TRY(file_join(job->classes, name, &path, error));
        TRY(page_save(path, content.text.data, content.text.length, error));
    }
done:
    memory_free(path);
    markup_free(&content);
    return status;
}

static spur_status write_classes(report_job *job, spur_error *error)
{
    spur_status status;
    size_t threads = job->options->threads > 0 ? job->options->threads : parallel_processors();
    TRY(parallel_for(threads, job->run->class_count, write_class, job, error));
    for (size_t c = 0; c < job->run->class_count; c++) {
        job->made->shown.pages += report_has_page(&job->data, c);
    }
done:
    return status;
}

/* ---- what is stale ----------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

static spur_status clean_classes(report_job *job, spur_error *error)
{
    spur_status status;
    const char **kept = NULL;
    arena *names = NULL;
    size_t count = 0;
    TRY(arena_new(&names, error));
    TRY(memory_new(job->run->class_count, sizeof *kept, &kept, error));
    for (size_t c = 0; c < job->run->class_count; c++) {
        char name[48];
        char *copy = NULL;
        int length = snprintf(name, sizeof name, "%zu.html", c);
        if (report_has_page(&job->data, c)) {
            TRY(arena_text(names, name, (size_t)length, &copy, error));
            kept[count++] = copy;
        }
    }
    if (count > 1) {
        qsort(kept, count, sizeof *kept, compare_names);
    }
    TRY(stale_files_remove(job->classes, stale_is_class_page, kept, count,
                           &job->made->shown.removed, error));
done:
    memory_free(kept);
    arena_free(names);
    return status;
}

static spur_status clean_figures(report_job *job, spur_error *error)
{
    static const char *const ends[] = {".csv", ".dvc.json", ".svg", ".vl.json", ".png", ".pdf"};
    enum {
        ENDS = sizeof ends / sizeof *ends
    };
    spur_status status;
    const char **kept = NULL;
    arena *names = NULL;
    size_t count = 0;
    TRY(arena_new(&names, error));
    TRY(memory_new(ENDS * job->figures.count, sizeof *kept, &kept, error));
    for (size_t i = 0; i < job->figures.count * ENDS; i++) {
        char name[160];
        char *copy = NULL;
        const char *end = ends[i % ENDS];
        if ((strcmp(end, ".png") == 0 && !job->options->png) ||
            (strcmp(end, ".pdf") == 0 && !job->options->pdf)) {
            continue; /* of an earlier report */
        }
        int length =
            snprintf(name, sizeof name, "%s%s", job->figures.items[i / ENDS].drawing.id, end);
        TRY(arena_text(names, name, (size_t)length, &copy, error));
        kept[count++] = copy;
    }
    if (count > 1) {
        qsort(kept, count, sizeof *kept, compare_names);
    }
    TRY(stale_files_remove(job->figure_folder, stale_is_figure, kept, count,
                           &job->made->shown.removed, error));
done:
    memory_free(kept);
    arena_free(names);
    return status;
}

/* Without pictures the thumbnails of an earlier report stay: they are a cache. */
static spur_status clean_thumbnails(report_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    const char **kept = NULL;
    size_t count = job->thumbs.count;
    if (job->view.thumbs == NULL) {
        return SPUR_OK;
    }
    TRY(memory_new(count, sizeof *kept, &kept, error));
    for (size_t i = 0; i < count; i++) {
        kept[i] = job->thumbs.items[i].name;
    }
    if (count > 1) {
        qsort(kept, count, sizeof *kept, compare_names);
    }
    TRY(stale_files_remove(job->thumb_folder, stale_is_thumbnail, kept, count,
                           &job->made->shown.removed, error));
done:
    memory_free(kept);
    return status;
}

/* ---- the report -------------------------------------------------------------------------- */

static void close_job(report_job *job)
{
    for (size_t i = 0; job->view.originals != NULL && i < job->run->split_count; i++) {
        memory_free(job->view.originals[i]);
    }
    memory_free(job->view.originals);
    thumbnails_free(&job->thumbs);
    figure_list_free(&job->figures);
    report_data_free(&job->data);
    spur_run_close(job->run);
    memory_free(job->folder);
    memory_free(job->classes);
    memory_free(job->thumb_folder);
    memory_free(job->figure_folder);
    spur_report_summary_free(job->made == NULL ? NULL : &job->made->shown);
}

/* Predictions that no longer fit their head or features are left out, and it is said. */
static void warn_of_skipped(const report_job *job)
{
    char text[160];
    if (job->data.heads.skipped == 0) {
        return;
    }
    (void)snprintf(
        text, sizeof text,
        "%zu sets of predictions are older than their heads or features and are left "
        "out; `spur eval RUN` makes them again",
        job->data.heads.skipped);
    monitor_warn(job->monitor, text);
}

static spur_status check_options(const char *run, const spur_report_options *options,
                                 spur_error *error)
{
    if (run == NULL) {
        return error_set(error, SPUR_USAGE, "a report needs a run folder");
    }
    if (options->link_originals && options->redact_paths) {
        return error_set(error, SPUR_USAGE,
                         "links to the originals would show their paths; leave one of the two "
                         "options away");
    }
    if ((options->png || options->pdf) && !figures_can_render()) {
        return error_set(error, SPUR_USAGE,
                         "this spur was built without librsvg and writes no PNG or PDF: take "
                         "the SVG files, `rsvg-convert FILE.svg -o FILE.png`");
    }
    return SPUR_OK;
}

spur_status spur_report(const char *run, const spur_report_options *options,
                        const spur_monitor *monitor, spur_report_summary **summary,
                        spur_error *error)
{
    spur_status status;
    spur_report_options defaults;
    report_job job = {.monitor = monitor};
    spur_report_options_defaults(&defaults);
    job.options = options == NULL ? &defaults : options;
    TRY(check_options(run, job.options, error));
    TRY(open_job(&job, run, error));
    TRY(report_data_make(job.run, job.options, &job.data, error));
    warn_of_skipped(&job);
    TRY(open_view(&job, error));
    TRY(write_figures(&job, error));
    TRY(write_classes(&job, error));
    TRY(write_pages(&job, error));
    TRY(clean_classes(&job, error));
    TRY(clean_figures(&job, error));
    TRY(clean_thumbnails(&job, error));
    if (summary != NULL) {
        *summary = &job.made->shown;
        job.made = NULL;
    }
done:
    close_job(&job);
    return status;
}
