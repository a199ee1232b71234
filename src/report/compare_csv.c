/*
 * compare_csv.c - the images that moved most between two runs, as CSV.
 */
#include <string.h>

#include "report/exporter.h"

static const char header[] = "split,label,file_name,images,first_rank,second_rank,first_logit,"
                             "second_logit,file_name_b64\n";

static spur_status add_image(exporter *to, const spur_moved *image, spur_error *error)
{
    spur_status status;
    TRY(exporter_add_text(to, true, image->split, error));
    TRY(exporter_add_text(to, false, image->label, error));
    TRY(exporter_add_text(to, false, image->file_name, error));
    TRY(exporter_add_count(to, true, image->images, error));
    TRY(exporter_add_count(to, true, image->first_rank, error));
    TRY(exporter_add_count(to, true, image->second_rank, error));
    TRY(exporter_add_number(to, true, image->first_logit, error));
    TRY(exporter_add_number(to, true, image->second_logit, error));
    TRY(exporter_add_bytes(to, image->file_name, error));
    TRY(text_add(&to->line, "\n", 1, error));
    TRY(exporter_flush(to, error));
done:
    return status;
}

spur_status spur_compare_write_moved(const spur_compare_summary *summary, const char *path,
                                     spur_error *error)
{
    spur_status status;
    exporter to;
    memset(&to, 0, sizeof to);
    if (summary == NULL || path == NULL) {
        return error_set(error, SPUR_USAGE, "a comparison and a file to write are needed");
    }
    TRY(file_create(path, &to.file, error));
    TRY(text_add(&to.line, header, sizeof header - 1, error));
    TRY(exporter_flush(&to, error));
    for (size_t i = 0; i < summary->moved_count; i++) {
        TRY(add_image(&to, &summary->moved[i], error));
    }
    TRY(file_commit(to.file, error));
done:
    exporter_close(&to);
    return status;
}
