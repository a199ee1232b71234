/*
 * safetensors.c - reading: an 8-byte length, a JSON header, the bytes of the tensors.
 *
 * Everything the header says is proven when the file is opened: names unique, shapes times
 * dtype equal to the byte ranges, ranges covering the data without hole, overlap or rest.
 * Source of the rules: the safetensors format description; stricter than its reference reader
 * in refusing duplicate names, unknown members and "__metadata__": null.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/safetensors_header.h"
#include "io/tensor_source.h"

enum {
    LENGTH_SIZE = 8,
    HEADER_LIMIT = 100000000, /* bytes; the format's own */
    METADATA_LIMIT = 1 << 20  /* pairs; far above use, keeps memory bounded */
};

/* ---- the header's parts ----------------------------------------------------------------- */

typedef struct entry_fields {
    tensor_dtype dtype;
    size_t rank;
    size_t shape[TENSOR_RANK_LIMIT];
    uint64_t begin, end;
    bool has_dtype, has_shape, has_offsets;
} entry_fields;

static spur_status parse_dtype(header_scanner *scanner, tensor_dtype *out, spur_error *error)
{
    spur_status status;
    const char *name = NULL;
    TRY(header_string(scanner, &name, error));
    for (int dtype = TENSOR_BOOL; dtype <= TENSOR_F4; dtype++) {
        if (strcmp(name, tensor_dtype_name((tensor_dtype)dtype)) == 0) {
            *out = (tensor_dtype)dtype;
            return SPUR_OK;
        }
    }
    FAIL(SPUR_MODEL, "unknown dtype '%s'", name);
done:
    return status;
}

static spur_status parse_shape(header_scanner *scanner, entry_fields *fields, spur_error *error)
{
    spur_status status;
    TRY(header_expect(scanner, '[', error));
    for (fields->rank = 0;; fields->rank++) {
        bool is_end = false;
        uint64_t side = 0;
        TRY(header_next_item(scanner, ']', fields->rank, &is_end, error));
        if (is_end) {
            break;
        }
        TRY(header_natural(scanner, &side, error));
        if (fields->rank == TENSOR_RANK_LIMIT || side > SIZE_MAX) {
            FAIL(SPUR_MODEL, "shape with more than %d dimensions", TENSOR_RANK_LIMIT);
        }
        fields->shape[fields->rank] = (size_t)side;
    }
done:
    return status;
}

static spur_status parse_offsets(header_scanner *scanner, entry_fields *fields,
                                 spur_error *error)
{
    spur_status status;
    TRY(header_expect(scanner, '[', error));
    TRY(header_natural(scanner, &fields->begin, error));
    TRY(header_expect(scanner, ',', error));
    TRY(header_natural(scanner, &fields->end, error));
    TRY(header_expect(scanner, ']', error));
done:
    return status;
}

/* Reads the value of `member`; a member that stands twice or is unknown is an error. */
static spur_status parse_member(header_scanner *scanner, const char *member,
                                entry_fields *fields, spur_error *error)
{
    bool *seen = strcmp(member, "dtype") == 0          ? &fields->has_dtype
                 : strcmp(member, "shape") == 0        ? &fields->has_shape
                 : strcmp(member, "data_offsets") == 0 ? &fields->has_offsets
                                                       : NULL;
    if (seen == NULL) {
        return error_set(error, SPUR_MODEL,
                         "unknown member '%s', expected dtype, shape and data_offsets", member);
    }
    if (*seen) {
        return error_set(error, SPUR_MODEL, "member '%s' stands twice", member);
    }
    *seen = true;
    if (seen == &fields->has_dtype) {
        return parse_dtype(scanner, &fields->dtype, error);
    }
    if (seen == &fields->has_shape) {
        return parse_shape(scanner, fields, error);
    }
    return parse_offsets(scanner, fields, error);
}

static spur_status parse_fields(header_scanner *scanner, entry_fields *fields,
                                spur_error *error)
{
    spur_status status;
    TRY(header_expect(scanner, '{', error));
    for (size_t i = 0;; i++) {
        bool is_end = false;
        const char *member = NULL;
        TRY(header_next_item(scanner, '}', i, &is_end, error));
        if (is_end) {
            break;
        }
        TRY(header_string(scanner, &member, error));
        TRY(header_expect(scanner, ':', error));
        TRY(parse_member(scanner, member, fields, error));
    }
    if (!fields->has_dtype || !fields->has_shape || !fields->has_offsets) {
        FAIL(SPUR_MODEL, "member '%s' is missing",
             !fields->has_dtype   ? "dtype"
             : !fields->has_shape ? "shape"
                                  : "data_offsets");
    }
done:
    return status;
}

/* Proves shape * dtype == end - begin; fills info. */
static spur_status check_fields(const entry_fields *fields, tensor_info *info,
                                spur_error *error)
{
    info->dtype = fields->dtype;
    info->rank = fields->rank;
    info->shape = fields->shape;
    if (!tensor_measure(info->dtype, info->rank, info->shape, &info->elements, &info->bytes)) {
        return error_set(error, SPUR_MODEL,
                         "shape and dtype %s do not give a number of whole bytes below 2^61",
                         tensor_dtype_name(info->dtype));
    }
    if (fields->begin > fields->end) {
        return error_set(error, SPUR_MODEL, "data_offsets begin at %llu behind their end %llu",
                         (unsigned long long)fields->begin, (unsigned long long)fields->end);
    }
    if (fields->end - fields->begin != info->bytes) {
        return error_set(error, SPUR_MODEL,
                         "shape and dtype %s need %zu bytes, data_offsets hold %llu",
                         tensor_dtype_name(info->dtype), info->bytes,
                         (unsigned long long)(fields->end - fields->begin));
    }
    return SPUR_OK;
}

static spur_status parse_tensor(header_scanner *scanner, const char *name,
                                tensor_source *source, spur_error *error)
{
    spur_status status;
    entry_fields fields = {.rank = 0};
    tensor_info info = {.name = name};
    status = parse_fields(scanner, &fields, error);
    if (status == SPUR_OK) {
        status = check_fields(&fields, &info, error);
    }
    if (status != SPUR_OK) {
        error_prefix(error, "tensor '%s'", name);
        return status;
    }
    return tensor_source_add(source, &info, (tensor_place){.offset = fields.begin}, error);
}

static int compare_keys(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(*a, *b);
}

static spur_status sort_metadata(tensor_source *source, spur_error *error)
{
    size_t pair = 2 * sizeof(char *);
    if (source->metadata_count == 0) {
        return SPUR_OK;
    }
    qsort(source->metadata, source->metadata_count, pair, compare_keys);
    for (size_t i = 1; i < source->metadata_count; i++) {
        if (strcmp(source->metadata[2 * i - 2], source->metadata[2 * i]) == 0) {
            return error_set(error, SPUR_MODEL, "__metadata__ holds '%s' twice",
                             source->metadata[2 * i]);
        }
    }
    return SPUR_OK;
}

static spur_status parse_metadata(header_scanner *scanner, tensor_source *source,
                                  spur_error *error)
{
    spur_status status;
    size_t capacity = 0;
    TRY(header_expect(scanner, '{', error));
    for (size_t i = 0;; i++) {
        bool is_end = false;
        TRY(header_next_item(scanner, '}', i, &is_end, error));
        if (is_end) {
            break;
        }
        if (i == METADATA_LIMIT) {
            FAIL(SPUR_MODEL, "more than %d pairs in __metadata__", METADATA_LIMIT);
        }
        TRY(memory_grow(&source->metadata, &capacity, 2 * i + 2, sizeof(char *), error));
        TRY(header_string(scanner, &source->metadata[2 * i], error));
        TRY(header_expect(scanner, ':', error));
        TRY(header_string(scanner, &source->metadata[2 * i + 1], error));
        source->metadata_count = i + 1;
    }
    TRY(sort_metadata(source, error));
done:
    return status;
}

/* "name": {...}; `has_metadata` is set by the one __metadata__ there may be. */
static spur_status parse_entry(header_scanner *scanner, tensor_source *source,
                               bool *has_metadata, spur_error *error)
{
    spur_status status;
    const char *name = NULL;
    TRY(header_string(scanner, &name, error));
    TRY(header_expect(scanner, ':', error));
    if (strcmp(name, "__metadata__") != 0) {
        return parse_tensor(scanner, name, source, error);
    }
    if (*has_metadata) {
        FAIL(SPUR_MODEL, "__metadata__ stands twice");
    }
    *has_metadata = true;
    TRY(parse_metadata(scanner, source, error));
done:
    return status;
}

static spur_status parse_header(header_scanner *scanner, tensor_source *source,
                                spur_error *error)
{
    spur_status status;
    bool has_metadata = false;
    TRY(header_expect(scanner, '{', error));
    for (size_t i = 0;; i++) {
        bool is_end = false;
        TRY(header_next_item(scanner, '}', i, &is_end, error));
        if (is_end) {
            break;
        }
        TRY(parse_entry(scanner, source, &has_metadata, error));
    }
    TRY(header_finish(scanner, error));
done:
    return status;
}

/* ---- the data buffer -------------------------------------------------------------------- */

static int compare_ranges(const void *left, const void *right)
{
    const tensor_entry *a = *(const tensor_entry *const *)left;
    const tensor_entry *b = *(const tensor_entry *const *)right;
    if (a->place.offset != b->place.offset) {
        return a->place.offset < b->place.offset ? -1 : 1;
    }
    return a->info.bytes < b->info.bytes ? -1 : a->info.bytes > b->info.bytes;
}

/* The ranges, sorted, must follow each other from 0 to the end of the data. */
static spur_status check_ranges(tensor_entry *const *sorted, size_t count, uint64_t data_size,
                                spur_error *error)
{
    uint64_t reached = 0;
    for (size_t i = 0; i < count; i++) {
        const tensor_entry *entry = sorted[i];
        uint64_t begin = entry->place.offset;
        if (begin != reached) {
            return error_set(error, SPUR_MODEL,
                             "tensor '%s' begins at data byte %llu, expected %llu: tensors %s",
                             entry->info.name, (unsigned long long)begin,
                             (unsigned long long)reached,
                             begin < reached ? "overlap" : "leave a hole");
        }
        reached += entry->info.bytes; /* cannot wrap: begin + bytes was read as 64 bits */
    }
    if (reached != data_size) {
        return error_set(error, SPUR_MODEL,
                         "tensors cover %llu bytes of data, the file holds %llu: the file is "
                         "%s; download it again",
                         (unsigned long long)reached, (unsigned long long)data_size,
                         reached > data_size ? "cut short" : "too long");
    }
    return SPUR_OK;
}

/* Proves the layout, then turns offsets in the data into offsets in the file. */
static spur_status check_layout(tensor_source *source, uint64_t data_begin, spur_error *error)
{
    spur_status status;
    tensor_entry **sorted = NULL;
    TRY(memory_new(source->count, sizeof(tensor_entry *), &sorted, error));
    if (source->count > 0) {
        memcpy(sorted, source->entries, source->count * sizeof(tensor_entry *));
        qsort(sorted, source->count, sizeof(tensor_entry *), compare_ranges);
    }
    TRY(check_ranges(sorted, source->count, file_size(source->from) - data_begin, error));
    for (size_t i = 0; i < source->count; i++) {
        source->entries[i]->place.offset += data_begin;
    }
done:
    memory_free(sorted);
    return status;
}

/* ---- opening and reading ---------------------------------------------------------------- */

static uint64_t little_endian_64(const unsigned char bytes[LENGTH_SIZE])
{
    uint64_t value = 0;
    for (int i = LENGTH_SIZE - 1; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static spur_status read_length(const file *from, size_t *length, spur_error *error)
{
    spur_status status;
    unsigned char bytes[LENGTH_SIZE];
    uint64_t size = file_size(from);
    if (size < LENGTH_SIZE) {
        FAIL(SPUR_MODEL, "%llu bytes are too few for a weight file", (unsigned long long)size);
    }
    TRY(file_read_at(from, 0, bytes, sizeof bytes, error));
    uint64_t value = little_endian_64(bytes);
    if (value > HEADER_LIMIT) {
        FAIL(SPUR_MODEL,
             "not a weight file Spur knows (as safetensors its header would have %llu bytes, "
             "at most %d are allowed)",
             (unsigned long long)value, HEADER_LIMIT);
    }
    if (value > size - LENGTH_SIZE) {
        FAIL(SPUR_MODEL,
             "safetensors header of %llu bytes in a file of %llu: the file is cut short",
             (unsigned long long)value, (unsigned long long)size);
    }
    *length = (size_t)value;
done:
    return status;
}

static spur_status read_header(tensor_source *source, header_scanner *scanner,
                               spur_error *error)
{
    spur_status status;
    size_t length = 0;
    TRY(read_length(source->from, &length, error));
    TRY(memory_new(length + 1, 1, &scanner->text, error));
    source->own = scanner->text;
    TRY(file_read_at(source->from, LENGTH_SIZE, scanner->text, length, error));
    scanner->at = 0;
    scanner->length = length;
    if (!text_is_utf8(scanner->text, length)) {
        FAIL(SPUR_MODEL, "safetensors header is not UTF-8");
    }
done:
    return status;
}

static bool safetensors_locate(const tensor_entry *entry, uint64_t *offset)
{
    *offset = entry->place.offset;
    return true;
}

spur_status safetensors_open(file *from, tensor_source **out, spur_error *error)
{
    spur_status status;
    tensor_source *source = NULL;
    header_scanner scanner = {NULL, 0, 0};
    TRY(tensor_source_new(from, &source, error));
    source->format = "safetensors";
    source->locate = safetensors_locate;
    source->close_own = memory_free;
    TRY(read_header(source, &scanner, error));
    TRY(parse_header(&scanner, source, error));
    TRY(tensor_source_sort(source, error));
    TRY(check_layout(source, LENGTH_SIZE + (uint64_t)scanner.length, error));
    *out = source;
    source = NULL;
done:
    tensor_source_close(source);
    return status;
}
