/*
 * pickle.c - the machine: one function per opcode, a stack with marks, a memo.
 *
 * Values are never copied deep and never walked recursively, so shared lists ("billion
 * laughs") cost nothing and nesting cannot exhaust the C stack; the depth of every container
 * is kept as a number and bounded. Opcode facts: Python's pickletools.
 */
#include "io/pickle.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/pickle_globals.h"
#include "io/pickle_torch.h"

enum {
    STACK_LIMIT = 1 << 20,
    MARK_LIMIT = 1000,
    MEMO_LIMIT = 1 << 21,
    SLOT_LIMIT = 1 << 23, /* values held by containers, objects counted as one or more */
    DEPTH_LIMIT = 200,
    NAME_SHOWN = 200 /* bytes of a global's name in a message */
};

struct pickle {
    arena *memory;
    pickle_value root;
    pickle_storage *storages;
};

typedef struct memo_slot {
    pickle_value value;
    uint32_t key;
    bool is_used;
} memo_slot;

typedef struct machine {
    const unsigned char *bytes;
    size_t length, at;
    pickle *out;
    pickle_value *stack;
    size_t count, capacity;
    size_t *marks; /* heights of the stack */
    size_t mark_count, mark_capacity;
    memo_slot *memo; /* open addressing, a power of two or none */
    size_t memo_count, memo_size;
    size_t slots; /* used of SLOT_LIMIT */
    bool has_views, is_done;
} machine;

/* ---- bytes of the pickle ---------------------------------------------------------------- */

/* `count` bytes behind the opcode; NULL and an error when fewer are left. */
static const unsigned char *take_bytes(machine *m, uint64_t count, spur_error *error)
{
    if (count > m->length - m->at) {
        (void)!error_set(error, SPUR_MODEL, "the pickle ends early");
        return NULL;
    }
    const unsigned char *bytes = m->bytes + m->at;
    m->at += (size_t)count;
    return bytes;
}

/* A little-endian natural of 1, 2 or 4 bytes. */
static spur_status take_natural(machine *m, size_t width, uint32_t *out, spur_error *error)
{
    const unsigned char *bytes = take_bytes(m, width, error);
    if (bytes == NULL) {
        return SPUR_MODEL;
    }
    *out = 0;
    for (size_t i = width; i > 0; i--) {
        *out = *out << 8 | bytes[i - 1];
    }
    return SPUR_OK;
}

/* ---- stack and containers --------------------------------------------------------------- */

static spur_status push(machine *m, pickle_value value, spur_error *error)
{
    spur_status status;
    if (m->count == STACK_LIMIT) {
        FAIL(SPUR_MODEL, "more than %d values on the pickle's stack", STACK_LIMIT);
    }
    TRY(memory_grow(&m->stack, &m->capacity, m->count + 1, sizeof *m->stack, error));
    m->stack[m->count++] = value;
done:
    return status;
}

/* Values above the last mark. */
static size_t above_mark(const machine *m)
{
    return m->count - (m->mark_count == 0 ? 0 : m->marks[m->mark_count - 1]);
}

static spur_status need_values(const machine *m, size_t count, spur_error *error)
{
    if (above_mark(m) < count) {
        return error_set(error, SPUR_MODEL, "the pickle takes a value from an empty stack");
    }
    return SPUR_OK;
}

/* Removes the last mark; *first is the index of the first value above it. */
static spur_status pop_mark(machine *m, size_t *first, spur_error *error)
{
    if (m->mark_count == 0) {
        return error_set(error, SPUR_MODEL, "the pickle closes a list without a mark");
    }
    *first = m->marks[--m->mark_count];
    return SPUR_OK;
}

static spur_status charge(machine *m, size_t slots, spur_error *error)
{
    if (slots > SLOT_LIMIT - m->slots) {
        return error_set(error, SPUR_MODEL, "the pickle makes more than %d values", SLOT_LIMIT);
    }
    m->slots += slots;
    return SPUR_OK;
}

static unsigned depth_of(const pickle_value *value)
{
    switch (value->kind) {
    case PICKLE_TUPLE:
    case PICKLE_LIST:
    case PICKLE_SET:
    case PICKLE_DICT:
    case PICKLE_ORDERED_DICT:
        return value->as.sequence->depth;
    default:
        return 0;
    }
}

/* A new container with room for `capacity` values. */
static spur_status make_sequence(machine *m, pickle_kind kind, size_t capacity,
                                 pickle_value *out, spur_error *error)
{
    spur_status status;
    pickle_sequence *made = NULL;
    TRY(charge(m, 2 + capacity, error));
    TRY(arena_take(m->out->memory, 1, sizeof *made, &made, error));
    *made = (pickle_sequence){.capacity = capacity, .depth = 1};
    TRY(arena_take(m->out->memory, capacity, sizeof *made->items, &made->items, error));
    *out = (pickle_value){.kind = (uint32_t)kind, .as.sequence = made};
done:
    return status;
}

static spur_status grow_sequence(machine *m, pickle_sequence *grown, size_t more,
                                 spur_error *error)
{
    spur_status status = SPUR_OK;
    pickle_value *items = NULL;
    size_t wanted = grown->count + more; /* both below STACK_LIMIT + SLOT_LIMIT */
    if (wanted <= grown->capacity) {
        return SPUR_OK;
    }
    wanted = wanted < 2 * grown->capacity ? 2 * grown->capacity : wanted;
    TRY(charge(m, wanted, error));
    TRY(arena_take(m->out->memory, wanted, sizeof *items, &items, error));
    if (grown->count > 0) {
        memcpy(items, grown->items, grown->count * sizeof *items);
    }
    grown->items = items;
    grown->capacity = wanted;
done:
    return status;
}

/* Moves the values from stack index `first` up to the end of a container. */
static spur_status move_items(machine *m, pickle_sequence *into, size_t first,
                              spur_error *error)
{
    spur_status status;
    size_t more = m->count - first;
    TRY(grow_sequence(m, into, more, error));
    for (size_t i = 0; i < more; i++) {
        const pickle_value *value = &m->stack[first + i];
        unsigned depth = depth_of(value) + 1;
        if (depth > DEPTH_LIMIT) {
            FAIL(SPUR_MODEL, "the pickle nests deeper than %d levels", DEPTH_LIMIT);
        }
        into->depth = depth > into->depth ? depth : into->depth;
        into->items[into->count++] = *value;
    }
    m->count = first;
done:
    return status;
}

/* ---- memo ------------------------------------------------------------------------------- */

static memo_slot *memo_place(memo_slot *memo, size_t size, uint32_t key)
{
    uint32_t hash = key * 2654435761u;
    size_t at = hash & (size - 1); /* Knuth's multiplicative hash */
    while (memo[at].is_used && memo[at].key != key) {
        at = (at + 1) & (size - 1);
    }
    return &memo[at];
}

static spur_status memo_make_room(machine *m, spur_error *error)
{
    spur_status status;
    memo_slot *larger = NULL;
    size_t size = m->memo_size == 0 ? 64 : 2 * m->memo_size;
    if (m->memo_count < m->memo_size / 2) {
        return SPUR_OK;
    }
    if (m->memo_count == MEMO_LIMIT) {
        FAIL(SPUR_MODEL, "the pickle remembers more than %d values", MEMO_LIMIT);
    }
    TRY(memory_new_zeroed(size, sizeof *larger, &larger, error));
    for (size_t i = 0; i < m->memo_size; i++) {
        if (m->memo[i].is_used) {
            *memo_place(larger, size, m->memo[i].key) = m->memo[i];
        }
    }
    memory_free(m->memo);
    m->memo = larger;
    m->memo_size = size;
done:
    return status;
}

static spur_status memo_put(machine *m, uint32_t key, spur_error *error)
{
    spur_status status;
    TRY(need_values(m, 1, error));
    TRY(memo_make_room(m, error));
    memo_slot *slot = memo_place(m->memo, m->memo_size, key);
    m->memo_count += slot->is_used ? 0 : 1;
    *slot = (memo_slot){m->stack[m->count - 1], key, true};
done:
    return status;
}

static spur_status memo_get(machine *m, uint32_t key, spur_error *error)
{
    const memo_slot *slot = m->memo == NULL ? NULL : memo_place(m->memo, m->memo_size, key);
    if (slot == NULL || !slot->is_used) {
        return error_set(error, SPUR_MODEL, "the pickle asks for value %u, which it never kept",
                         (unsigned)key);
    }
    return push(m, slot->value, error);
}

/* ---- refusing --------------------------------------------------------------------------- */

static int shown(size_t length)
{
    return length > NAME_SHOWN ? NAME_SHOWN : (int)length;
}

static spur_status refuse_global(const pickle_global *global, spur_error *error)
{
    const char *reason = pickle_global_is_model(global)
                             ? "the file holds a whole pickled model, not a state dict"
                             : "the file holds more than tensors, and nothing in it is run";
    return error_set(error, SPUR_MODEL,
                     "refuses global '%.*s.%.*s': %s; re-save the weights alone where you "
                     "trust the file: torch.save(model.state_dict(), FILE)",
                     shown(global->module_length), global->module, shown(global->name_length),
                     global->name, reason);
}

static spur_status refuse_call(const pickle_value *callee, const char *what, spur_error *error)
{
    if (callee->kind == PICKLE_GLOBAL) {
        return refuse_global(callee->as.global, error);
    }
    return error_set(error, SPUR_MODEL, "the pickle uses %s on a value that has no such use",
                     what);
}

/* ---- opcodes: atoms --------------------------------------------------------------------- */

static spur_status run_proto(machine *m, spur_error *error)
{
    spur_status status;
    uint32_t protocol;
    bool is_first = m->at == 1;
    TRY(take_natural(m, 1, &protocol, error));
    if (!is_first || protocol < 2 || protocol > 5) {
        FAIL(SPUR_MODEL, "pickle protocol %u, expected 2 to 5 at the front",
             (unsigned)protocol);
    }
done:
    return status;
}

static spur_status push_integer(machine *m, pickle_kind kind, int64_t integer,
                                spur_error *error)
{
    return push(m, (pickle_value){.kind = (uint32_t)kind, .as.integer = integer}, error);
}

static spur_status run_none(machine *m, spur_error *error)
{
    return push_integer(m, PICKLE_NONE, 0, error);
}

static spur_status run_true(machine *m, spur_error *error)
{
    return push_integer(m, PICKLE_BOOL, 1, error);
}

static spur_status run_false(machine *m, spur_error *error)
{
    return push_integer(m, PICKLE_BOOL, 0, error);
}

static spur_status run_natural(machine *m, size_t width, spur_error *error)
{
    uint32_t value;
    spur_status status = take_natural(m, width, &value, error);
    return status == SPUR_OK ? push_integer(m, PICKLE_INTEGER, value, error) : status;
}

static spur_status run_binint1(machine *m, spur_error *error)
{
    return run_natural(m, 1, error);
}

static spur_status run_binint2(machine *m, spur_error *error)
{
    return run_natural(m, 2, error);
}

static spur_status run_binint(machine *m, spur_error *error)
{
    uint32_t value;
    spur_status status = take_natural(m, 4, &value, error);
    int64_t wide = value >= 0x80000000u ? (int64_t)value - 0x100000000 : (int64_t)value;
    return status == SPUR_OK ? push_integer(m, PICKLE_INTEGER, wide, error) : status;
}

/* n bytes, little-endian two's complement. */
static spur_status run_long1(machine *m, spur_error *error)
{
    uint32_t length;
    spur_status status;
    TRY(take_natural(m, 1, &length, error));
    const unsigned char *bytes = take_bytes(m, length, error);
    if (bytes == NULL) {
        return SPUR_MODEL;
    }
    if (length > 8) {
        return push(m,
                    (pickle_value){
                        .kind = PICKLE_LONG, .length = length, .as.text = (const char *)bytes},
                    error);
    }
    uint64_t value = length > 0 && bytes[length - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = length; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    int64_t integer;
    memcpy(&integer, &value, sizeof integer);
    TRY(push_integer(m, PICKLE_INTEGER, integer, error));
done:
    return status;
}

/* Big-endian, unlike everything else. */
static spur_status run_binfloat(machine *m, spur_error *error)
{
    const unsigned char *bytes = take_bytes(m, 8, error);
    if (bytes == NULL) {
        return SPUR_MODEL;
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++) {
        bits = bits << 8 | bytes[i];
    }
    pickle_value value = {.kind = PICKLE_FLOAT};
    memcpy(&value.as.number, &bits, sizeof bits);
    return push(m, value, error);
}

static spur_status run_text(machine *m, size_t width, pickle_kind kind, spur_error *error)
{
    spur_status status;
    uint32_t length;
    TRY(take_natural(m, width, &length, error));
    const char *text = (const char *)take_bytes(m, length, error);
    if (text == NULL) {
        return SPUR_MODEL;
    }
    if (kind == PICKLE_TEXT && !text_is_utf8(text, length)) {
        FAIL(SPUR_MODEL, "a text is not UTF-8");
    }
    TRY(push(m, (pickle_value){.kind = (uint32_t)kind, .length = length, .as.text = text},
             error));
done:
    return status;
}

static spur_status run_binunicode(machine *m, spur_error *error)
{
    return run_text(m, 4, PICKLE_TEXT, error);
}

static spur_status run_short_binstring(machine *m, spur_error *error)
{
    return run_text(m, 1, PICKLE_BYTES, error);
}

/* One line; the newline is consumed. */
static spur_status take_line(machine *m, const char **line, size_t *length, spur_error *error)
{
    const char *start = (const char *)m->bytes + m->at;
    const char *end = memchr(start, '\n', m->length - m->at);
    if (end == NULL) {
        return error_set(error, SPUR_MODEL, "the pickle ends early");
    }
    *line = start;
    *length = (size_t)(end - start);
    m->at += *length + 1;
    return SPUR_OK;
}

static spur_status run_global(machine *m, spur_error *error)
{
    spur_status status;
    pickle_global *global = NULL;
    TRY(charge(m, 4, error));
    TRY(arena_take(m->out->memory, 1, sizeof *global, &global, error));
    TRY(take_line(m, &global->module, &global->module_length, error));
    TRY(take_line(m, &global->name, &global->name_length, error));
    pickle_global_classify(global);
    TRY(push(m, (pickle_value){.kind = PICKLE_GLOBAL, .as.global = global}, error));
done:
    return status;
}

/* ---- opcodes: memo and marks ------------------------------------------------------------ */

static spur_status run_memo(machine *m, size_t width, bool is_put, spur_error *error)
{
    uint32_t key;
    spur_status status = take_natural(m, width, &key, error);
    if (status != SPUR_OK) {
        return status;
    }
    return is_put ? memo_put(m, key, error) : memo_get(m, key, error);
}

static spur_status run_binput(machine *m, spur_error *error)
{
    return run_memo(m, 1, true, error);
}

static spur_status run_long_binput(machine *m, spur_error *error)
{
    return run_memo(m, 4, true, error);
}

static spur_status run_binget(machine *m, spur_error *error)
{
    return run_memo(m, 1, false, error);
}

static spur_status run_long_binget(machine *m, spur_error *error)
{
    return run_memo(m, 4, false, error);
}

static spur_status run_mark(machine *m, spur_error *error)
{
    spur_status status;
    if (m->mark_count == MARK_LIMIT) {
        FAIL(SPUR_MODEL, "the pickle opens more than %d lists at once", MARK_LIMIT);
    }
    TRY(memory_grow(&m->marks, &m->mark_capacity, m->mark_count + 1, sizeof *m->marks, error));
    m->marks[m->mark_count++] = m->count;
done:
    return status;
}

/* ---- opcodes: containers ---------------------------------------------------------------- */

static spur_status push_empty(machine *m, pickle_kind kind, spur_error *error)
{
    pickle_value made;
    spur_status status = make_sequence(m, kind, 0, &made, error);
    return status == SPUR_OK ? push(m, made, error) : status;
}

static spur_status run_empty_dict(machine *m, spur_error *error)
{
    return push_empty(m, PICKLE_DICT, error);
}

static spur_status run_empty_list(machine *m, spur_error *error)
{
    return push_empty(m, PICKLE_LIST, error);
}

static spur_status run_empty_tuple(machine *m, spur_error *error)
{
    return push_empty(m, PICKLE_TUPLE, error);
}

static spur_status run_empty_set(machine *m, spur_error *error)
{
    return push_empty(m, PICKLE_SET, error);
}

static spur_status tuple_from(machine *m, size_t first, spur_error *error)
{
    spur_status status;
    pickle_value made;
    TRY(make_sequence(m, PICKLE_TUPLE, m->count - first, &made, error));
    TRY(move_items(m, made.as.sequence, first, error));
    TRY(push(m, made, error));
done:
    return status;
}

static spur_status run_tuple(machine *m, spur_error *error)
{
    size_t first = 0;
    spur_status status = pop_mark(m, &first, error);
    return status == SPUR_OK ? tuple_from(m, first, error) : status;
}

static spur_status run_tuple_of(machine *m, size_t count, spur_error *error)
{
    spur_status status = need_values(m, count, error);
    return status == SPUR_OK ? tuple_from(m, m->count - count, error) : status;
}

static spur_status run_tuple1(machine *m, spur_error *error)
{
    return run_tuple_of(m, 1, error);
}

static spur_status run_tuple2(machine *m, spur_error *error)
{
    return run_tuple_of(m, 2, error);
}

static spur_status run_tuple3(machine *m, spur_error *error)
{
    return run_tuple_of(m, 3, error);
}

/* The value below stack index `first`, or NULL when none stands there above the last mark. */
static const pickle_value *target_below(const machine *m, size_t first)
{
    return m->count - first < above_mark(m) ? &m->stack[first - 1] : NULL;
}

static spur_status fail_no_target(spur_error *error)
{
    return error_set(error, SPUR_MODEL, "the pickle fills a container that is not there");
}

static spur_status append_from(machine *m, size_t first, spur_error *error)
{
    spur_status status;
    const pickle_value *target = target_below(m, first);
    if (target == NULL) {
        return fail_no_target(error);
    }
    if (target->kind != PICKLE_LIST) {
        return refuse_call(target, "APPEND", error);
    }
    TRY(move_items(m, target->as.sequence, first, error));
done:
    return status;
}

static spur_status run_append(machine *m, spur_error *error)
{
    spur_status status = need_values(m, 1, error);
    return status == SPUR_OK ? append_from(m, m->count - 1, error) : status;
}

static spur_status run_appends(machine *m, spur_error *error)
{
    size_t first = 0;
    spur_status status = pop_mark(m, &first, error);
    return status == SPUR_OK ? append_from(m, first, error) : status;
}

static bool can_be_key(const pickle_value *value)
{
    switch (value->kind) {
    case PICKLE_LIST:
    case PICKLE_SET:
    case PICKLE_DICT:
    case PICKLE_ORDERED_DICT:
        return false;
    default:
        return true;
    }
}

static spur_status set_from(machine *m, size_t first, spur_error *error)
{
    spur_status status;
    const pickle_value *target = target_below(m, first);
    if (target == NULL) {
        return fail_no_target(error);
    }
    if (!pickle_is_dict(target)) {
        return refuse_call(target, "SETITEM", error);
    }
    if ((m->count - first) % 2 != 0) {
        FAIL(SPUR_MODEL, "the pickle sets a key without a value");
    }
    for (size_t i = first; i < m->count; i += 2) {
        if (!can_be_key(&m->stack[i])) {
            FAIL(SPUR_MODEL, "the pickle uses a list, set or dict as a key");
        }
    }
    TRY(move_items(m, target->as.sequence, first, error));
done:
    return status;
}

static spur_status run_setitem(machine *m, spur_error *error)
{
    spur_status status = need_values(m, 2, error);
    return status == SPUR_OK ? set_from(m, m->count - 2, error) : status;
}

static spur_status run_setitems(machine *m, spur_error *error)
{
    size_t first = 0;
    spur_status status = pop_mark(m, &first, error);
    return status == SPUR_OK ? set_from(m, first, error) : status;
}

/* ---- opcodes: calls --------------------------------------------------------------------- */

/* OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it. */
static spur_status make_ordered_dict(machine *m, const pickle_sequence *arguments,
                                     pickle_value *out, spur_error *error)
{
    static const char form[] = "OrderedDict is made from something that is not pairs";
    spur_status status;
    if (arguments->count == 0) {
        return make_sequence(m, PICKLE_ORDERED_DICT, 0, out, error);
    }
    if (arguments->count != 1 || arguments->items[0].kind != PICKLE_LIST) {
        return error_set(error, SPUR_MODEL, "%s", form);
    }
    const pickle_sequence *pairs = arguments->items[0].as.sequence;
    TRY(make_sequence(m, PICKLE_ORDERED_DICT, 2 * pairs->count, out, error));
    pickle_sequence *made = out->as.sequence;
    made->depth = pairs->depth;
    for (size_t i = 0; i < pairs->count; i++) {
        const pickle_value *pair = &pairs->items[i];
        if ((pair->kind != PICKLE_LIST && pair->kind != PICKLE_TUPLE) ||
            pair->as.sequence->count != 2 || !can_be_key(&pair->as.sequence->items[0])) {
            FAIL(SPUR_MODEL, "%s", form);
        }
        made->items[made->count++] = pair->as.sequence->items[0];
        made->items[made->count++] = pair->as.sequence->items[1];
    }
done:
    return status;
}

/* set([...]): nothing looks into it, so it stays the list's values. */
static spur_status take_set(const pickle_sequence *arguments, pickle_value *out,
                            spur_error *error)
{
    if (arguments->count != 1 || arguments->items[0].kind != PICKLE_LIST) {
        return error_set(error, SPUR_MODEL, "a set is made from something that is not a list");
    }
    *out = arguments->items[0];
    out->kind = PICKLE_SET;
    return SPUR_OK;
}

/* _rebuild_parameter(tensor, requires_grad, hooks[, state]) is its tensor. */
static spur_status take_parameter(const pickle_sequence *arguments, pickle_value *out,
                                  spur_error *error)
{
    if (arguments->count < 3 || arguments->items[0].kind != PICKLE_TENSOR) {
        return error_set(error, SPUR_MODEL,
                         "a parameter is made from something that is not a "
                         "tensor");
    }
    *out = arguments->items[0];
    return SPUR_OK;
}

static spur_status call_global(machine *m, const pickle_global *callee,
                               const pickle_value *arguments, pickle_value *out,
                               spur_error *error)
{
    spur_status status;
    switch (callee->meaning) {
    case GLOBAL_ORDERED_DICT:
        return make_ordered_dict(m, arguments->as.sequence, out, error);
    case GLOBAL_SET:
        return take_set(arguments->as.sequence, out, error);
    case GLOBAL_REBUILD_TENSOR:
    case GLOBAL_REBUILD_TENSOR_V3:
        TRY(charge(m, 24, error)); /* a tensor with its sizes and strides */
        out->kind = PICKLE_TENSOR;
        TRY(pickle_make_tensor(m->out->memory, arguments,
                               callee->meaning == GLOBAL_REBUILD_TENSOR_V3, &out->as.tensor,
                               error));
        break;
    case GLOBAL_REBUILD_PARAMETER:
        return take_parameter(arguments->as.sequence, out, error);
    default:
        return refuse_global(callee, error);
    }
done:
    return status;
}

static spur_status run_reduce(machine *m, spur_error *error)
{
    spur_status status;
    pickle_value made = {.kind = PICKLE_NONE};
    TRY(need_values(m, 2, error));
    const pickle_value *callee = &m->stack[m->count - 2];
    const pickle_value *arguments = &m->stack[m->count - 1];
    if (callee->kind != PICKLE_GLOBAL) {
        return refuse_call(callee, "REDUCE", error);
    }
    if (arguments->kind != PICKLE_TUPLE) {
        FAIL(SPUR_MODEL, "the pickle calls with arguments that are not a tuple");
    }
    TRY(call_global(m, callee->as.global, arguments, &made, error));
    m->count -= 2;
    TRY(push(m, made, error));
done:
    return status;
}

static spur_status run_newobj(machine *m, spur_error *error)
{
    spur_status status;
    pickle_value made = {.kind = PICKLE_NONE};
    TRY(need_values(m, 2, error));
    const pickle_value *callee = &m->stack[m->count - 2];
    const pickle_value *arguments = &m->stack[m->count - 1];
    if (callee->kind != PICKLE_GLOBAL || callee->as.global->meaning != GLOBAL_ORDERED_DICT ||
        arguments->kind != PICKLE_TUPLE) {
        return refuse_call(callee, "NEWOBJ", error);
    }
    TRY(make_ordered_dict(m, arguments->as.sequence, &made, error));
    m->count -= 2;
    TRY(push(m, made, error));
done:
    return status;
}

/* Attributes of an OrderedDict ('_metadata' of a state dict) are dropped. */
static spur_status run_build(machine *m, spur_error *error)
{
    spur_status status = need_values(m, 2, error);
    if (status != SPUR_OK) {
        return status;
    }
    const pickle_value *target = &m->stack[m->count - 2];
    if (target->kind != PICKLE_ORDERED_DICT) {
        return refuse_call(target, "BUILD", error);
    }
    m->count--;
    return SPUR_OK;
}

static spur_status run_binpersid(machine *m, spur_error *error)
{
    spur_status status;
    pickle_storage *storage = NULL;
    TRY(need_values(m, 1, error));
    TRY(charge(m, 6, error));
    TRY(pickle_make_storage(m->out->memory, &m->stack[m->count - 1], m->has_views, &storage,
                            error));
    storage->next = m->out->storages;
    m->out->storages = storage;
    m->stack[m->count - 1] = (pickle_value){.kind = PICKLE_STORAGE, .as.storage = storage};
done:
    return status;
}

static spur_status run_stop(machine *m, spur_error *error)
{
    if (m->count != 1 || m->mark_count != 0) {
        return error_set(error, SPUR_MODEL, "the pickle ends with %zu values, expected one",
                         m->count);
    }
    m->out->root = m->stack[0];
    m->is_done = true;
    return SPUR_OK;
}

/* ---- the machine ------------------------------------------------------------------------ */

static spur_status (*const operations[256])(machine *m, spur_error *error) = {
    ['('] = run_mark,
    [')'] = run_empty_tuple,
    ['.'] = run_stop,
    ['G'] = run_binfloat,
    ['J'] = run_binint,
    ['K'] = run_binint1,
    ['M'] = run_binint2,
    ['N'] = run_none,
    ['Q'] = run_binpersid,
    ['R'] = run_reduce,
    ['U'] = run_short_binstring,
    ['X'] = run_binunicode,
    [']'] = run_empty_list,
    ['a'] = run_append,
    ['b'] = run_build,
    ['c'] = run_global,
    ['e'] = run_appends,
    ['h'] = run_binget,
    ['j'] = run_long_binget,
    ['q'] = run_binput,
    ['r'] = run_long_binput,
    ['s'] = run_setitem,
    ['t'] = run_tuple,
    ['u'] = run_setitems,
    ['}'] = run_empty_dict,
    [0x80] = run_proto,
    [0x81] = run_newobj,
    [0x85] = run_tuple1,
    [0x86] = run_tuple2,
    [0x87] = run_tuple3,
    [0x88] = run_true,
    [0x89] = run_false,
    [0x8a] = run_long1,
    [0x8f] = run_empty_set,
};

/* Opcodes that can run code name their class in the pickle or on the stack: say it. */
static spur_status refuse_opcode(machine *m, unsigned char opcode, spur_error *error)
{
    spur_status status;
    pickle_global global = {.meaning = GLOBAL_FOREIGN};
    if (opcode == 'i') { /* INST: two lines */
        TRY(take_line(m, &global.module, &global.module_length, error));
        TRY(take_line(m, &global.name, &global.name_length, error));
        return refuse_global(&global, error);
    }
    if (opcode == 0x93 && above_mark(m) >= 2) { /* STACK_GLOBAL: two texts */
        const pickle_value *names = &m->stack[m->count - 2];
        if (names[0].kind == PICKLE_TEXT && names[1].kind == PICKLE_TEXT) {
            global.module = names[0].as.text;
            global.module_length = names[0].length;
            global.name = names[1].as.text;
            global.name_length = names[1].length;
            return refuse_global(&global, error);
        }
    }
    if (opcode == 'o' && above_mark(m) >= 1) { /* OBJ: the class stands on the mark */
        const pickle_value *callee = &m->stack[m->count - above_mark(m)];
        return refuse_call(callee, "OBJ", error);
    }
    FAIL(SPUR_MODEL, "opcode 0x%02x, which no PyTorch state dict uses", opcode);
done:
    return status;
}

static spur_status run_opcode(machine *m, spur_error *error)
{
    bool is_first = m->at == 0;
    const unsigned char *opcode = take_bytes(m, 1, error);
    if (opcode == NULL) {
        return SPUR_MODEL;
    }
    if (is_first && *opcode != 0x80) {
        return error_set(error, SPUR_MODEL, "not a pickle of protocol 2 or later");
    }
    return operations[*opcode] == NULL ? refuse_opcode(m, *opcode, error)
                                       : operations[*opcode](m, error);
}

static spur_status run_pickle(machine *m, spur_error *error)
{
    while (!m->is_done) {
        size_t start = m->at;
        spur_status status = run_opcode(m, error);
        if (status != SPUR_OK) {
            error_prefix(error, "pickle byte %zu", start);
            return status;
        }
    }
    return SPUR_OK;
}

spur_status pickle_read(const unsigned char *bytes, size_t length, bool has_views, pickle **out,
                        size_t *used, spur_error *error)
{
    spur_status status;
    machine m = {.bytes = bytes, .length = length, .has_views = has_views};
    TRY(memory_new_zeroed(1, sizeof *m.out, &m.out, error));
    TRY(arena_new(&m.out->memory, error));
    TRY(run_pickle(&m, error));
    *used = m.at;
    *out = m.out;
    m.out = NULL;
done:
    memory_free(m.stack);
    memory_free(m.marks);
    memory_free(m.memo);
    pickle_free(m.out);
    return status;
}

void pickle_free(pickle *block)
{
    if (block != NULL) {
        arena_free(block->memory);
        memory_free(block);
    }
}

/* ---- the result ------------------------------------------------------------------------- */

const pickle_value *pickle_root(const pickle *from)
{
    return &from->root;
}

pickle_storage *pickle_storages(const pickle *from)
{
    return from->storages;
}

bool pickle_is_dict(const pickle_value *value)
{
    return value->kind == PICKLE_DICT || value->kind == PICKLE_ORDERED_DICT;
}

const pickle_value *pickle_dict_get(const pickle_value *dict, const char *key)
{
    const pickle_sequence *items = dict->as.sequence;
    size_t length = strlen(key);
    for (size_t i = items->count; i > 0; i -= 2) {
        const pickle_value *name = &items->items[i - 2];
        if ((name->kind == PICKLE_TEXT || name->kind == PICKLE_BYTES) &&
            name->length == length && memcmp(name->as.text, key, length) == 0) {
            return &items->items[i - 1];
        }
    }
    return NULL;
}
