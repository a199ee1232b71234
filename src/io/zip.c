/*
 * zip.c - end records, central directory and local headers of an archive.
 *
 * Layout facts from PKWARE's APPNOTE: the end record (22 bytes without comment) closes the
 * file; with zip64 a locator (20) and a zip64 end record (56 or more) stand before it; fields
 * of all ones mean "see the zip64 record" or, in a member, "see extra field 1".
 */
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR_SIGNATURE = 0x07064b50,
    LOCAL_SIZE = 30,
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR_SIZE = 20,
    ZIP64_EXTRA = 1,
    FLAG_DESCRIPTOR = 0x0008,        /* local sizes and CRC may be zero */
    FLAGS_ALLOWED = 0x0806 | 0x0008, /* UTF-8 names, compression hints, descriptor */
    DIRECTORY_LIMIT = 64 * 1024 * 1024,
    CHECK_BLOCK = 1024 * 1024,
    METHOD_DEFLATE = 8,
    DEFLATE_RATIO = 1032 /* the most a deflated byte can stand for */
};

struct zip {
    const file *from;
    unsigned char *directory; /* the central directory's bytes; names point into it */
    size_t directory_size;
    uint64_t directory_offset;
    zip_member *members; /* in name order */
    size_t count;
    size_t first;
    bool may_deflate;
};

static uint16_t get16(const unsigned char *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get32(const unsigned char *bytes)
{
    return (uint32_t)get16(bytes) | (uint32_t)get16(bytes + 2) << 16;
}

static uint64_t get64(const unsigned char *bytes)
{
    return (uint64_t)get32(bytes) | (uint64_t)get32(bytes + 4) << 32;
}

void zip_close(zip *archive)
{
    if (archive == NULL) {
        return;
    }
    memory_free(archive->directory);
    memory_free(archive->members);
    memory_free(archive);
}

/* ---- end records ------------------------------------------------------------------------ */

typedef struct zip_end {
    uint64_t count, size, offset;
    uint64_t at; /* where the directory must end: the first end record */
} zip_end;

static spur_status read_end64(const file *from, const unsigned char *locator,
                              uint64_t locator_at, zip_end *end, spur_error *error)
{
    spur_status status;
    unsigned char record[END64_SIZE];
    uint64_t at = get64(locator + 8);
    if (get32(locator + 4) != 0 || get32(locator + 16) > 1) {
        FAIL(SPUR_MODEL, "zip archive is split over several disks");
    }
    if (at > locator_at || locator_at - at < END64_SIZE) {
        FAIL(SPUR_MODEL, "zip64 end record at byte %llu does not fit before byte %llu",
             (unsigned long long)at, (unsigned long long)locator_at);
    }
    TRY(file_read_at(from, at, record, sizeof record, error));
    if (get32(record) != END64_SIGNATURE || get64(record + 4) != locator_at - at - 12) {
        FAIL(SPUR_MODEL, "no zip64 end record at byte %llu", (unsigned long long)at);
    }
    if (get32(record + 16) != 0 || get32(record + 20) != 0 ||
        get64(record + 24) != get64(record + 32)) {
        FAIL(SPUR_MODEL, "zip archive is split over several disks");
    }
    end->count = get64(record + 32);
    end->size = get64(record + 40);
    end->offset = get64(record + 48);
    end->at = at;
done:
    return status;
}

/* True when the 16- or 32-bit field defers to the zip64 value or equals it. */
static bool agrees(uint64_t narrow, uint64_t all_ones, uint64_t wide)
{
    return narrow == all_ones || narrow == wide;
}

static bool ends_agree(const unsigned char *last, const zip_end *end, bool has_zip64)
{
    uint64_t ones16 = has_zip64 ? UINT16_MAX : end->count;
    uint64_t ones32 = has_zip64 ? UINT32_MAX : end->size;
    return agrees(get16(last + 4), has_zip64 ? UINT16_MAX : 0, 0) &&
           agrees(get16(last + 6), has_zip64 ? UINT16_MAX : 0, 0) &&
           agrees(get16(last + 8), ones16, end->count) &&
           agrees(get16(last + 10), ones16, end->count) &&
           agrees(get32(last + 12), ones32, end->size) &&
           agrees(get32(last + 16), has_zip64 ? UINT32_MAX : end->offset, end->offset);
}

static spur_status read_end(const file *from, zip_end *end, spur_error *error)
{
    spur_status status;
    unsigned char record[LOCATOR_SIZE + END_SIZE] = {0};
    uint64_t size = file_size(from);
    if (size < END_SIZE) {
        FAIL(SPUR_MODEL, "%llu bytes are too few for a zip archive", (unsigned long long)size);
    }
    size_t length = size < sizeof record ? (size_t)size : sizeof record;
    TRY(file_read_at(from, size - length, record + sizeof record - length, length, error));
    const unsigned char *last = record + LOCATOR_SIZE;
    if (get32(last) != END_SIGNATURE || get16(last + 20) != 0) {
        FAIL(SPUR_MODEL,
             "no zip end record in the last %d bytes: the file is cut short or has "
             "something appended; download it again",
             END_SIZE);
    }
    *end = (zip_end){get16(last + 10), get32(last + 12), get32(last + 16), size - END_SIZE};
    bool has_zip64 = length == sizeof record && get32(record) == LOCATOR_SIGNATURE;
    if (has_zip64) {
        TRY(read_end64(from, record, size - sizeof record, end, error));
    }
    if (!ends_agree(last, end, has_zip64)) {
        FAIL(SPUR_MODEL, "zip end records contradict each other");
    }
done:
    return status;
}

static spur_status check_end(const zip_end *end, spur_error *error)
{
    if (end->offset > end->at || end->size != end->at - end->offset) {
        return error_set(error, SPUR_MODEL,
                         "zip directory of %llu bytes at byte %llu does not end at byte %llu",
                         (unsigned long long)end->size, (unsigned long long)end->offset,
                         (unsigned long long)end->at);
    }
    if (end->size > DIRECTORY_LIMIT) {
        return error_set(error, SPUR_MODEL, "zip directory of %llu bytes, at most %d are read",
                         (unsigned long long)end->size, DIRECTORY_LIMIT);
    }
    if (end->count == 0 || end->count > end->size / CENTRAL_SIZE) {
        return error_set(error, SPUR_MODEL,
                         "zip directory of %llu bytes cannot hold %llu members",
                         (unsigned long long)end->size, (unsigned long long)end->count);
    }
    return SPUR_OK;
}

/* ---- members ---------------------------------------------------------------------------- */

/* The payload of extra field 1; *length 0 when there is none. False when the list of fields
 * is broken or holds it twice. */
static bool find_zip64_extra(const unsigned char *extra, size_t size,
                             const unsigned char **payload, size_t *length)
{
    *payload = NULL;
    *length = 0;
    while (size >= 4) {
        size_t body = get16(extra + 2);
        if (body > size - 4) {
            return false;
        }
        if (get16(extra) == ZIP64_EXTRA) {
            if (*payload != NULL) {
                return false;
            }
            *payload = extra + 4;
            *length = body;
        }
        extra += 4 + body;
        size -= 4 + body;
    }
    return size == 0;
}

/* Replaces a value of all ones by the next 8 bytes of the zip64 field. */
static bool take_wide(uint64_t *value, const unsigned char **payload, size_t *length)
{
    if (*value != UINT32_MAX) {
        return true;
    }
    if (*length < 8) {
        return false;
    }
    *value = get64(*payload);
    *payload += 8;
    *length -= 8;
    return true;
}

static spur_status fail_member(const zip_member *member, const char *text, spur_error *error)
{
    return error_set(error, SPUR_MODEL, "zip member '%.*s': %s",
                     (int)(member->name_length > 200 ? 200 : member->name_length), member->name,
                     text);
}

/* What a member must not be. */
static spur_status check_kind(const zip *archive, zip_member *member,
                              const unsigned char *record, spur_error *error)
{
    const char *reason = NULL;
    member->is_deflated = archive->may_deflate && get16(record + 10) == METHOD_DEFLATE;
    if ((member->flags & 1) != 0) {
        reason = archive->may_deflate ? "is encrypted, which is not supported"
                                      : "is encrypted; PyTorch files never are";
    } else if (archive->may_deflate && !member->is_deflated && get16(record + 10) != 0) {
        reason = "is compressed in another way than deflate";
    } else if (!member->is_deflated && get16(record + 10) != 0) {
        reason = "is compressed: a TorchScript or re-packed archive; re-save it with "
                 "torch.save(model.state_dict(), FILE)";
    } else if ((member->flags & ~FLAGS_ALLOWED) != 0 || get16(record + 34) != 0) {
        reason = "has flags or a disk number that are not supported";
    } else if (!member->is_deflated && member->stored != member->size) {
        reason = "is stored but its two sizes differ";
    } else if (member->is_deflated && member->size / DEFLATE_RATIO > member->stored) {
        reason = "claims more bytes than its compressed ones can hold";
    }
    return reason == NULL ? SPUR_OK : fail_member(member, reason, error);
}

/* Name, sizes and position of a record whose bytes are all there. */
static spur_status take_central(const zip *archive, const unsigned char *record,
                                zip_member *member, spur_error *error)
{
    const unsigned char *payload;
    size_t length;
    *member = (zip_member){.name = (const char *)record + CENTRAL_SIZE,
                           .name_length = get16(record + 28),
                           .header = get32(record + 42),
                           .size = get32(record + 24),
                           .stored = get32(record + 20),
                           .crc = get32(record + 16),
                           .flags = get16(record + 8)};
    if (!find_zip64_extra(record + CENTRAL_SIZE + member->name_length, get16(record + 30),
                          &payload, &length) ||
        !take_wide(&member->size, &payload, &length) ||
        !take_wide(&member->stored, &payload, &length) ||
        !take_wide(&member->header, &payload, &length)) {
        return fail_member(member, "its zip64 field is broken", error);
    }
    return check_kind(archive, member, record, error);
}

/* One record of the central directory at *at; moves *at behind it. */
static spur_status parse_central(const zip *archive, size_t *at, zip_member *member,
                                 spur_error *error)
{
    const unsigned char *record = archive->directory + *at;
    unsigned long long position = archive->directory_offset + *at;
    size_t left = archive->directory_size - *at;
    if (left < CENTRAL_SIZE || get32(record) != CENTRAL_SIGNATURE) {
        return error_set(error, SPUR_MODEL, "no zip directory record at byte %llu", position);
    }
    size_t whole =
        (size_t)CENTRAL_SIZE + get16(record + 28) + get16(record + 30) + get16(record + 32);
    if (left < whole) {
        return error_set(error, SPUR_MODEL, "zip directory record at byte %llu is cut short",
                         position);
    }
    *at += whole;
    return take_central(archive, record, member, error);
}

/* Sizes of a local header: the directory's, or zero when a descriptor follows the bytes. */
static bool local_sizes_agree(const zip_member *member, const unsigned char *record,
                              const unsigned char *extra, size_t extra_size)
{
    const unsigned char *payload;
    size_t length;
    uint64_t stored = get32(record + 18);
    uint64_t size = get32(record + 22);
    if (!find_zip64_extra(extra, extra_size, &payload, &length) ||
        !take_wide(&size, &payload, &length) || !take_wide(&stored, &payload, &length)) {
        return false;
    }
    bool may_be_zero = (member->flags & FLAG_DESCRIPTOR) != 0;
    bool sizes_agree = size == member->size && stored == member->stored;
    bool crc_agrees = get32(record + 14) == member->crc;
    return (sizes_agree || (may_be_zero && size == 0 && stored == 0)) &&
           (crc_agrees || (may_be_zero && get32(record + 14) == 0));
}

/* Compares the local header with the directory; sets member->offset. `buffer` holds at least
 * LOCAL_SIZE + 2 * 65535 bytes. */
static spur_status check_local(const zip *archive, zip_member *member, unsigned char *buffer,
                               spur_error *error)
{
    spur_status status;
    uint64_t limit = archive->directory_offset;
    if (member->header > limit || limit - member->header < LOCAL_SIZE) {
        return fail_member(member, "its local header lies outside the file", error);
    }
    TRY(file_read_at(archive->from, member->header, buffer, LOCAL_SIZE, error));
    size_t extra_size = get16(buffer + 28);
    if (get32(buffer) != LOCAL_SIGNATURE || get16(buffer + 26) != member->name_length ||
        get16(buffer + 8) != (member->is_deflated ? METHOD_DEFLATE : 0) ||
        get16(buffer + 6) != member->flags) {
        return fail_member(member, "its local header differs from the directory", error);
    }
    size_t names = member->name_length + extra_size;
    uint64_t room = limit - member->header - LOCAL_SIZE;
    if (names > room || member->stored > room - names) {
        return fail_member(member, "reaches past the end of the file", error);
    }
    TRY(file_read_at(archive->from, member->header + LOCAL_SIZE, buffer + LOCAL_SIZE, names,
                     error));
    const unsigned char *name = buffer + LOCAL_SIZE;
    if (memcmp(name, member->name, member->name_length) != 0 ||
        !local_sizes_agree(member, buffer, name + member->name_length, extra_size)) {
        return fail_member(member, "its local header differs from the directory", error);
    }
    member->offset = member->header + LOCAL_SIZE + names;
done:
    return status;
}

static int compare_positions(const void *left, const void *right)
{
    const zip_member *a = left;
    const zip_member *b = right;
    return a->header < b->header ? -1 : a->header > b->header;
}

static int compare_members(const void *left, const void *right)
{
    const zip_member *a = left;
    const zip_member *b = right;
    return text_compare(a->name, a->name_length, b->name, b->name_length);
}

/* No byte belongs to two members, and none stands before the first. */
static spur_status check_positions(zip *archive, spur_error *error)
{
    uint64_t reached = 0;
    qsort(archive->members, archive->count, sizeof *archive->members, compare_positions);
    if (archive->members[0].header != 0) {
        return fail_member(&archive->members[0], "bytes stand before its local header", error);
    }
    for (size_t i = 0; i < archive->count; i++) {
        const zip_member *member = &archive->members[i];
        if (member->header < reached) {
            return fail_member(member, "overlaps another member", error);
        }
        reached = member->offset + member->stored;
    }
    return SPUR_OK;
}

static spur_status sort_members(zip *archive, spur_error *error)
{
    const char *first = archive->members[0].name;
    qsort(archive->members, archive->count, sizeof *archive->members, compare_members);
    for (size_t i = 0; i < archive->count; i++) {
        if (archive->members[i].name == first) {
            archive->first = i;
        }
        if (i > 0 && compare_members(&archive->members[i - 1], &archive->members[i]) == 0) {
            return fail_member(&archive->members[i], "stands twice", error);
        }
    }
    return SPUR_OK;
}

static spur_status read_members(zip *archive, spur_error *error)
{
    spur_status status;
    unsigned char *buffer = NULL;
    size_t at = 0;
    TRY(memory_new(archive->count, sizeof *archive->members, &archive->members, error));
    TRY(memory_new(LOCAL_SIZE + 2 * (size_t)UINT16_MAX, 1, &buffer, error));
    for (size_t i = 0; i < archive->count; i++) {
        TRY(parse_central(archive, &at, &archive->members[i], error));
        TRY(check_local(archive, &archive->members[i], buffer, error));
    }
    if (at != archive->directory_size) {
        FAIL(SPUR_MODEL, "zip directory holds more than the %zu members it counts",
             archive->count);
    }
    TRY(check_positions(archive, error));
    TRY(sort_members(archive, error));
done:
    memory_free(buffer);
    return status;
}

static spur_status open_archive(const file *from, bool may_deflate, zip **out,
                                spur_error *error)
{
    spur_status status;
    zip *archive = NULL;
    zip_end end = {0, 0, 0, 0};
    TRY(memory_new_zeroed(1, sizeof *archive, &archive, error));
    archive->from = from;
    archive->may_deflate = may_deflate;
    TRY(read_end(from, &end, error));
    TRY(check_end(&end, error));
    archive->count = (size_t)end.count;
    archive->directory_offset = end.offset;
    archive->directory_size = (size_t)end.size;
    TRY(memory_new(archive->directory_size, 1, &archive->directory, error));
    TRY(file_read_at(from, end.offset, archive->directory, archive->directory_size, error));
    TRY(read_members(archive, error));
    *out = archive;
    archive = NULL;
done:
    zip_close(archive);
    return status;
}

spur_status zip_open(const file *from, zip **out, spur_error *error)
{
    return open_archive(from, false, out, error);
}

spur_status zip_open_deflated(const file *from, zip **out, spur_error *error)
{
    return open_archive(from, true, out, error);
}

/* ---- inflating -------------------------------------------------------------------------- */

/* A deflated member, block by block. */
typedef struct inflater {
    const zip *archive;
    const zip_member *member;
    z_stream stream;
    uint64_t taken; /* compressed bytes read */
    unsigned char *block;
    bool is_open, is_done;
} inflater;

static voidpf inflate_alloc(voidpf context, uInt count, uInt size)
{
    void *block = NULL;
    (void)context;
    return memory_new(count, size, &block, NULL) == SPUR_OK ? block : NULL;
}

static void inflate_free(voidpf context, voidpf block)
{
    (void)context;
    memory_free(block);
}

static void inflater_close(inflater *from)
{
    if (from->is_open) {
        (void)inflateEnd(&from->stream);
    }
    memory_free(from->block);
}

static spur_status inflater_open(const zip *archive, const zip_member *member, inflater *out,
                                 spur_error *error)
{
    *out = (inflater){.archive = archive, .member = member};
    spur_status status = memory_new(CHECK_BLOCK, 1, &out->block, error);
    if (status == SPUR_OK) {
        out->stream.zalloc = inflate_alloc;
        out->stream.zfree = inflate_free;
        out->is_open = inflateInit2(&out->stream, -MAX_WBITS) == Z_OK;
        status = out->is_open ? SPUR_OK : error_no_memory(error, CHECK_BLOCK);
    }
    return status;
}

static spur_status refill(inflater *from, spur_error *error)
{
    uint64_t left = from->member->stored - from->taken;
    size_t length = left < CHECK_BLOCK ? (size_t)left : CHECK_BLOCK;
    if (length == 0) {
        return fail_member(from->member, "its compressed bytes end too early", error);
    }
    spur_status status = file_read_at(from->archive->from, from->member->offset + from->taken,
                                      from->block, length, error);
    from->taken += length;
    from->stream.next_in = from->block;
    from->stream.avail_in = (uInt)length;
    return status;
}

/* Exactly `length` bytes. */
static spur_status inflater_take(inflater *from, unsigned char *dst, size_t length,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    while (length > 0) {
        uInt room = length < CHECK_BLOCK ? (uInt)length : CHECK_BLOCK;
        from->stream.next_out = dst;
        from->stream.avail_out = room;
        if (from->is_done) {
            FAIL(SPUR_MODEL, "zip member '%.*s': holds fewer bytes than it claims",
                 (int)(from->member->name_length & 0xFF), from->member->name);
        }
        if (from->stream.avail_in == 0) {
            TRY(refill(from, error));
        }
        int result = inflate(&from->stream, Z_NO_FLUSH);
        from->is_done = result == Z_STREAM_END;
        if (result == Z_MEM_ERROR) {
            return error_no_memory(error, room);
        }
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return fail_member(from->member, "its compressed bytes are damaged", error);
        }
        dst += room - from->stream.avail_out;
        length -= room - from->stream.avail_out;
    }
done:
    return status;
}

/* ---- use -------------------------------------------------------------------------------- */

size_t zip_count(const zip *archive)
{
    return archive->count;
}

const zip_member *zip_at(const zip *archive, size_t index)
{
    return &archive->members[index];
}

const zip_member *zip_find(const zip *archive, const char *name, size_t length)
{
    zip_member wanted = {.name = name, .name_length = length};
    return bsearch(&wanted, archive->members, archive->count, sizeof wanted, compare_members);
}

const zip_member *zip_first(const zip *archive)
{
    return &archive->members[archive->first];
}

spur_status zip_load(const zip *archive, const zip_member *member, size_t limit,
                     unsigned char **bytes, spur_error *error)
{
    spur_status status;
    unsigned char *loaded = NULL;
    if (member->size > limit) {
        return fail_member(member, "is larger than Spur reads", error);
    }
    TRY(memory_new((size_t)member->size, 1, &loaded, error));
    TRY(zip_read(archive, member, loaded, (size_t)member->size, error));
    *bytes = loaded;
    loaded = NULL;
done:
    memory_free(loaded);
    return status;
}

spur_status zip_read(const zip *archive, const zip_member *member, void *dst, size_t length,
                     spur_error *error)
{
    inflater stream;
    if (!member->is_deflated) {
        return file_read_at(archive->from, member->offset, dst, length, error);
    }
    spur_status status = inflater_open(archive, member, &stream, error);
    if (status == SPUR_OK) {
        status = inflater_take(&stream, dst, length, error);
    }
    inflater_close(&stream);
    return status;
}

static spur_status check_member(const zip *archive, const zip_member *member,
                                unsigned char *block, spur_error *error)
{
    spur_status status = SPUR_OK;
    inflater stream = {.is_open = false};
    uLong crc = crc32(0, NULL, 0);
    if (member->is_deflated) {
        TRY(inflater_open(archive, member, &stream, error));
    }
    for (uint64_t at = 0; at < member->size;) {
        uint64_t left = member->size - at;
        size_t length = left < CHECK_BLOCK ? (size_t)left : CHECK_BLOCK;
        TRY(member->is_deflated
                ? inflater_take(&stream, block, length, error)
                : file_read_at(archive->from, member->offset + at, block, length, error));
        crc = crc32(crc, block, (uInt)length);
        at += length;
    }
    if (crc != member->crc) {
        status = fail_member(member, "its CRC is wrong: the file is damaged; download it again",
                             error);
    }
done:
    inflater_close(&stream);
    return status;
}

spur_status zip_check(const zip *archive, spur_error *error)
{
    spur_status status;
    unsigned char *block = NULL;
    TRY(memory_new(CHECK_BLOCK, 1, &block, error));
    for (size_t i = 0; i < archive->count; i++) {
        TRY(check_member(archive, &archive->members[i], block, error));
    }
done:
    memory_free(block);
    return status;
}
