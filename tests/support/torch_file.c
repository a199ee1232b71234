/*
 * torch_file.c - zip archives, pickles and streams as torch.save writes them, only smaller.
 */
#include "torch_file.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "support.h"

static size_t room_for(size_t length)
{
    size_t room = 64;
    while (room <= length) {
        room *= 2;
    }
    return room;
}

void block_add(byte_block *block, const void *bytes, size_t length)
{
    size_t room = room_for(block->length + length);
    if (block->data == NULL || room > room_for(block->length)) {
        block->data = realloc(block->data, room);
        assert_non_null(block->data);
    }
    memcpy(block->data + block->length, bytes, length);
    block->length += length;
}

static void put_number(byte_block *block, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        unsigned char byte = (unsigned char)(i < 8 ? value >> (8 * i) : 0);
        block_add(block, &byte, 1);
    }
}

/* ---- zip -------------------------------------------------------------------------------- */

/* What local and central headers share: flags, method, time, date, CRC, sizes, name size. */
static void put_common(byte_block *block, const zip_part *part)
{
    put_number(block, 0, 2);
    put_number(block, 0, 2);
    put_number(block, 0, 4);
    put_number(block, crc32(0, part->bytes, (uInt)part->length), 4);
    put_number(block, part->length, 4);
    put_number(block, part->length, 4);
    put_number(block, strlen(part->name), 2);
    put_number(block, 0, 2);
}

void block_zip(byte_block *block, const zip_part *parts, size_t count)
{
    size_t *offsets = calloc(count + 1, sizeof *offsets);
    assert_non_null(offsets);
    for (size_t i = 0; i < count; i++) {
        offsets[i] = block->length;
        block_put(block, "PK\3\4\0\0");
        put_common(block, &parts[i]);
        block_add(block, parts[i].name, strlen(parts[i].name));
        block_add(block, parts[i].bytes, parts[i].length);
    }
    size_t directory = block->length;
    for (size_t i = 0; i < count; i++) {
        block_put(block, "PK\1\2\0\0\0\0");
        put_common(block, &parts[i]);
        put_number(block, 0, 10);
        put_number(block, offsets[i], 4);
        block_add(block, parts[i].name, strlen(parts[i].name));
    }
    size_t size = block->length - directory;
    size_t shown = count < 0xFFFF ? count : 0xFFFF;
    if (count >= 0xFFFF) {
        size_t end64 = block->length;
        block_put(block, "PK\6\6");
        put_number(block, 44, 8);
        put_number(block, 0, 12);
        put_number(block, count, 8);
        put_number(block, count, 8);
        put_number(block, size, 8);
        put_number(block, directory, 8);
        block_put(block, "PK\6\7\0\0\0\0");
        put_number(block, end64, 8);
        put_number(block, 1, 4);
    }
    block_put(block, "PK\5\6\0\0\0\0");
    put_number(block, shown, 2);
    put_number(block, shown, 2);
    put_number(block, size, 4);
    put_number(block, directory, 4);
    put_number(block, 0, 2);
    free(offsets);
}

/* ---- pickles ---------------------------------------------------------------------------- */

static void put_text(byte_block *block, const char *text)
{
    block_put(block, "X");
    put_number(block, strlen(text), 4);
    block_add(block, text, strlen(text));
}

static void put_small(byte_block *block, uint8_t value)
{
    block_put(block, "K");
    put_number(block, value, 1);
}

void block_tensor(byte_block *block, const tensor_view *view, int legacy)
{
    put_text(block, view->key);
    block_put(block, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(block, "storage");
    block_put(block, "ctorch\nFloatStorage\n");
    put_text(block, view->storage);
    put_text(block, "cpu");
    put_small(block, view->numel);
    if (legacy) {
        block_put(block, "N");
    }
    block_put(block, "tQ");
    put_small(block, view->offset);
    put_small(block, view->rows);
    put_small(block, view->columns);
    block_put(block, "\x86");
    put_small(block, view->row_stride);
    put_small(block, view->column_stride);
    block_put(block, "\x86\x89"
                     "ccollections\nOrderedDict\n)RtR");
}

void block_state_dict(byte_block *block, const tensor_view *views, size_t count, int legacy)
{
    block_put(block, "\x80\2}(");
    for (size_t i = 0; i < count; i++) {
        block_tensor(block, &views[i], legacy);
    }
    block_put(block, "u.");
}

void block_stream(byte_block *block, const tensor_view *views, size_t count,
                  const char *storage, const float *values, size_t numel)
{
    block_put(block, "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
    block_put(block, "\x80\2M\xe9\x03.");
    block_put(block, "\x80\2}");
    put_text(block, "little_endian");
    block_put(block, "\x88s.");
    block_state_dict(block, views, count, 1);
    block_put(block, "\x80\2]");
    put_text(block, storage);
    block_put(block, "a.");
    put_number(block, numel, 8);
    block_add(block, values, numel * sizeof *values);
}
