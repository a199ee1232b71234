/*
 * world_folder.c - a world as files: split/class/0000.png, truth.csv and world.json.
 *
 * world.json comes first and says what the folder is for; truth.csv comes last and says that
 * all images are there. An interrupted call is continued by painting again: an image costs a
 * millisecond, and comparing it with the file also finds damaged ones.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/text.h"
#include "demo/world_split.h"
#include "io/csv.h"
#include "io/file.h"
#include "io/folder.h"
#include "io/image.h"
#include "io/json.h"
#include "pipeline/feeder.h"

enum {
    WINDOW_PER_THREAD = 8,
    NAME_SIZE = 64, /* of "balanced/crescent/0000.png" */
    SETTINGS_LIMIT = 65536,
    WORLD_FORMAT = 1 /* grows when the same options give other pixels or columns */
};

typedef struct world_slot {
    world_truth truth;
    bool is_written;
    unsigned char pixels[SCENE_BYTES];
} world_slot;

typedef struct world_job {
    const char *folder;
    const spur_monitor *monitor;
    world_split splits[WORLD_SPLITS];
    world_slot *slots;
    size_t window;
    text_buffer settings, truth;
    spur_progress progress;
    spur_world_summary summary;
} world_job;

static void item_name(const world_item *item, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "%s/%s/%04zu.png", item->split->name,
                   shape_name(item->label), item->index);
}

/* ---- world.json ------------------------------------------------------------------------ */

static spur_status add_settings(const spur_world_options *options, text_buffer *into,
                                spur_error *error)
{
    spur_status status;
    json_writer json = {.into = into};
    TRY(json_open_object(&json, NULL, error));
    TRY(json_add_u64(&json, "format_version", WORLD_FORMAT, error));
    TRY(json_add_u64(&json, "seed", options->seed, error));
    TRY(json_add_u64(&json, "classes", options->classes, error));
    TRY(json_add_u64(&json, "train_images", options->train_images, error));
    TRY(json_add_u64(&json, "test_images", options->test_images, error));
    TRY(json_add_rounded(&json, "favourite", options->favourite, error));
    TRY(json_add_rounded(&json, "couple", options->couple, error));
    TRY(json_add_rounded(&json, "skew", options->skew, error));
    TRY(json_add_rounded(&json, "none", options->none, error));
    TRY(json_add_rounded(&json, "wrong", options->wrong, error));
    TRY(json_close_object(&json, error));
    TRY(text_add(into, "\n", 1, error));
done:
    return status;
}

static spur_status check_empty(const char *folder, spur_error *error)
{
    spur_status status;
    folder_list list = {0};
    TRY(folder_read(folder, SPUR_RESOURCE, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        if (list.names[i][0] != '.') {
            FAIL(SPUR_USAGE, "%s: holds something else than a world (%s); give a new folder",
                 folder, list.names[i]);
        }
    }
done:
    folder_free(&list);
    return status;
}

/* The world that stands there must be of the same options. */
static spur_status check_settings(const world_job *job, const char *path, spur_error *error)
{
    spur_status status;
    unsigned char *found = NULL;
    size_t size;
    TRY(file_load(path, SETTINGS_LIMIT, SPUR_DATASET, &found, &size, error));
    if (size != job->settings.length || memcmp(found, job->settings.data, size) != 0) {
        FAIL(SPUR_DATASET,
             "%s: a world of other options stands there (%.*s); give the same ones, or another "
             "folder",
             path, (int)(size > 0 ? size - 1 : 0), (const char *)found);
    }
done:
    memory_free(found);
    return status;
}

static spur_status claim_folder(const world_job *job, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(file_make_folder(job->folder, error));
    TRY(file_join(job->folder, "world.json", &path, error));
    if (file_kind_of(path) != FILE_MISSING) {
        TRY(check_settings(job, path, error));
    } else {
        TRY(check_empty(job->folder, error));
        TRY(file_replace(path, job->settings.data, job->settings.length, error));
    }
done:
    memory_free(path);
    return status;
}

static spur_status make_folders(const world_job *job, spur_error *error)
{
    spur_status status = SPUR_OK;
    char *path = NULL;
    for (size_t i = 0; i < WORLD_SPLITS; i++) {
        for (size_t label = 0; label < job->splits[i].options.classes; label++) {
            char name[NAME_SIZE];
            (void)snprintf(name, sizeof name, "%s/%s", job->splits[i].name, shape_name(label));
            memory_free(path);
            path = NULL;
            TRY(file_join(job->folder, name, &path, error));
            TRY(file_make_folder(path, error));
        }
    }
done:
    memory_free(path);
    return status;
}

/* True when truth.csv and every image are there; an empty file is what a loss of power leaves.
 */
static spur_status is_complete(const world_job *job, bool *out, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    struct stat facts;
    uint64_t count = world_items(job->splits);
    TRY(file_join(job->folder, "truth.csv", &path, error));
    *out = stat(path, &facts) == 0 && facts.st_size > 0;
    for (uint64_t i = 0; i < count && *out; i++) {
        char name[NAME_SIZE];
        world_item item = world_item_at(job->splits, i);
        item_name(&item, name);
        memory_free(path);
        path = NULL;
        TRY(file_join(job->folder, name, &path, error));
        *out = stat(path, &facts) == 0 && facts.st_size > 0;
    }
done:
    memory_free(path);
    return status;
}

/* ---- images ---------------------------------------------------------------------------- */

/* True when the file holds exactly these bytes. */
static bool holds(const char *path, const unsigned char *bytes, size_t size)
{
    unsigned char *found = NULL;
    size_t found_size = 0;
    bool is_same =
        file_load(path, 2 * size, SPUR_IMAGE, &found, &found_size, NULL) == SPUR_OK &&
        found_size == size && memcmp(found, bytes, size) == 0;
    memory_free(found);
    return is_same;
}

static spur_status write_image(const char *path, unsigned char *pixels, bool *is_written,
                               spur_error *error)
{
    spur_status status;
    unsigned char *bytes = NULL;
    size_t size;
    image picture = {SCENE_SIDE, SCENE_SIDE, pixels};
    TRY(image_encode_png(&picture, true, &bytes, &size, error));
    *is_written = !holds(path, bytes, size);
    if (*is_written) {
        TRY(file_replace_quickly(path, bytes, size, error));
    }
done:
    memory_free(bytes);
    return status;
}

static spur_status work_item(void *context, size_t worker, size_t slot, uint64_t number,
                             const atomic_bool *cancelled, spur_error *error)
{
    spur_status status;
    world_job *job = context;
    world_slot *into = &job->slots[slot];
    char name[NAME_SIZE];
    char *path = NULL;
    (void)worker;
    if (atomic_load(cancelled)) {
        return SPUR_INTERRUPTED;
    }
    world_item item = world_item_at(job->splits, number);
    world_image(&item.split->options, item.split->key, item.label, item.index, into->pixels,
                &into->truth);
    item_name(&item, name);
    TRY(file_join(job->folder, name, &path, error));
    TRY(write_image(path, into->pixels, &into->is_written, error));
done:
    memory_free(path);
    return status;
}

/* ---- truth.csv ------------------------------------------------------------------------- */

static spur_status add_number(text_buffer *into, double value, spur_error *error)
{
    char text[TEXT_NUMBER_SIZE];
    text_from_rounded(value, text);
    return csv_add(into, false, text, false, error);
}

static spur_status add_truth(text_buffer *into, const world_item *item,
                             const world_truth *truth, spur_error *error)
{
    static const char *const planted[] = {"ok", "none", "wrong"};
    spur_status status;
    char name[NAME_SIZE];
    item_name(item, name);
    TRY(csv_add(into, true, name, false, error));
    TRY(csv_add(into, false, item->split->name, false, error));
    TRY(csv_add(into, false, shape_name(item->label), false, error));
    TRY(csv_add(into, false, planted[truth->planted], false, error));
    TRY(csv_add(into, false, texture_name(truth->background), false, error));
    TRY(csv_add(into, false, truth->is_minority ? "1" : "0", false, error));
    TRY(add_number(into, truth->clearness, error));
    TRY(add_number(into, truth->view.energy, error));
    TRY(add_number(into, truth->view.visible_fraction, error));
    for (size_t i = 0; i < 4; i++) {
        TRY(truth->planted == WORLD_OK ? add_number(into, truth->view.box[i], error)
                                       : csv_add(into, false, "", false, error));
    }
    TRY(text_add(into, "\n", 1, error));
done:
    return status;
}

static spur_status finish_items(void *context, uint64_t first, size_t count, spur_error *error)
{
    spur_status status = SPUR_OK;
    world_job *job = context;
    for (size_t i = 0; i < count; i++) {
        const world_slot *slot = &job->slots[(first + i) % job->window];
        world_item item = world_item_at(job->splits, first + i);
        TRY(add_truth(&job->truth, &item, &slot->truth, error));
        job->summary.written += slot->is_written;
        job->progress.done++;
    }
done:
    return status;
}

static bool tell_progress(void *context)
{
    const world_job *job = context;
    return monitor_cancels(job->monitor, &job->progress);
}

static spur_status write_truth(const world_job *job, spur_error *error)
{
    spur_status status;
    char *path = NULL;
    TRY(file_join(job->folder, "truth.csv", &path, error));
    TRY(file_replace(path, job->truth.data, job->truth.length, error));
done:
    memory_free(path);
    return status;
}

/* ---- the stage ------------------------------------------------------------------------- */

static spur_status paint_all(world_job *job, size_t threads, spur_error *error)
{
    static const char header[] =
        "file_name,split,label,planted,background,minority,clearness,energy,"
        "visible_fraction,box_xmin,box_ymin,box_xmax,box_ymax\n";
    spur_status status;
    threads = threads == 0 ? parallel_processors() : threads;
    threads = threads < job->summary.images ? threads : (size_t)job->summary.images;
    job->window = WINDOW_PER_THREAD * threads;
    job->progress = (spur_progress){.stage = "world", .total = job->summary.images};
    TRY(make_folders(job, error));
    TRY(memory_new(job->window, sizeof *job->slots, &job->slots, error));
    TRY(text_add(&job->truth, header, strlen(header), error));
    feeder_job feed = {.threads = threads,
                       .window = job->window,
                       .count = job->summary.images,
                       .context = job,
                       .work = work_item,
                       .finish = finish_items,
                       .tick = tell_progress};
    TRY(feeder_run(&feed, error));
    TRY(write_truth(job, error));
done:
    return status;
}

spur_status spur_world_write(const char *folder, const spur_world_options *options,
                             const spur_monitor *monitor, spur_world_summary *summary,
                             spur_error *error)
{
    spur_status status;
    spur_world_options defaults;
    bool is_done = false;
    world_job job = {.folder = folder, .monitor = monitor};
    spur_world_options_defaults(&defaults);
    options = options == NULL ? &defaults : options;
    if (folder == NULL) {
        FAIL(SPUR_USAGE, "a folder for the world is needed");
    }
    TRY(world_splits_make(options, job.splits, error));
    TRY(add_settings(options, &job.settings, error));
    job.summary.images = world_items(job.splits);
    TRY(claim_folder(&job, error));
    TRY(is_complete(&job, &is_done, error));
    TRY(is_done ? SPUR_OK : paint_all(&job, options->threads, error));
    if (summary != NULL) {
        *summary = job.summary;
    }
done:
    memory_free(job.slots);
    text_buffer_free(&job.settings);
    text_buffer_free(&job.truth);
    return status;
}
