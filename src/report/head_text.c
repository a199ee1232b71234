/*
 * head_text.c - numbers with nine significant digits: enough for every float to come back.
 */
#include "report/head_text.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/file.h"

enum {
    ROW_NUMBERS = 6 /* on a line */
};

typedef struct text_writer {
    file_writer *file;
    text_buffer line;
} text_writer;

static spur_status flush(text_writer *to, spur_error *error)
{
    spur_status status = file_write(to->file, to->line.data, to->line.length, error);
    to->line.length = 0;
    return status;
}

/* Nothing in it may end the comment. */
static spur_status add_comment(text_buffer *into, const char *text, spur_error *error)
{
    spur_status status;
    char *safe = NULL;
    size_t capacity = 4 * strlen(text) + 1;
    TRY(memory_new(capacity, 1, &safe, error));
    text_escape(text, strlen(text), safe, capacity);
    for (char *at = safe; (at = strstr(at, "*/")) != NULL; at++) {
        at[1] = '|';
    }
    TRY(text_add(into, safe, strlen(safe), error));
done:
    memory_free(safe);
    return status;
}

static spur_status write_notes(text_writer *to, const head_file *from, spur_error *error)
{
    spur_status status;
    TRY(text_format(
        &to->line, error,
        "/*\n * A last layer: logits[k] = sum over j of weight[k][j] * feature[j] + "
        "bias[k].\n"));
    for (size_t i = 0; i < head_file_note_count(from); i++) {
        const char *key;
        const char *value;
        head_file_note_at(from, i, &key, &value);
        TRY(text_format(&to->line, error, " * "));
        TRY(add_comment(&to->line, key, error));
        TRY(text_format(&to->line, error, ": "));
        TRY(add_comment(&to->line, value, error));
        TRY(text_format(&to->line, error, "\n"));
    }
    TRY(text_format(&to->line, error, " */\n"));
    TRY(flush(to, error));
done:
    return status;
}

/* A literal of type float: "1" alone would be an int. */
static spur_status add_number(text_buffer *into, float value, spur_error *error)
{
    char number[TEXT_NUMBER_SIZE];
    text_from_float(value, number);
    bool is_whole = strpbrk(number, ".e") == NULL;
    return text_format(into, error, "%s%sF", number, is_whole ? ".0" : "");
}

static spur_status write_numbers(text_writer *to, const float *values, size_t count,
                                 const char *indent, spur_error *error)
{
    spur_status status;
    for (size_t i = 0; i < count; i++) {
        TRY(text_format(&to->line, error, "%s", i % ROW_NUMBERS == 0 ? indent : " "));
        TRY(add_number(&to->line, values[i], error));
        bool ends = i + 1 == count || i % ROW_NUMBERS == ROW_NUMBERS - 1;
        TRY(text_format(&to->line, error, "%s%s", i + 1 == count ? "" : ",", ends ? "\n" : ""));
    }
    TRY(flush(to, error));
done:
    return status;
}

static spur_status write_arrays(text_writer *to, const char *name, const head *own,
                                spur_error *error)
{
    spur_status status;
    TRY(text_format(&to->line, error,
                    "enum {\n    %s_classes = %zu,\n    %s_features = %zu\n};\n\n"
                    "static const float %s_weight[%zu][%zu] = {\n",
                    name, own->classes, name, own->features, name, own->classes,
                    own->features));
    for (size_t k = 0; k < own->classes; k++) {
        TRY(text_format(&to->line, error, "    {\n"));
        TRY(write_numbers(to, own->weight + k * own->features, own->features, "        ",
                          error));
        TRY(text_format(&to->line, error, k + 1 == own->classes ? "    }\n" : "    },\n"));
    }
    TRY(text_format(&to->line, error, "};\n\nstatic const float %s_bias[%zu] = {\n", name,
                    own->classes));
    TRY(write_numbers(to, own->bias, own->classes, "    ", error));
    TRY(text_format(&to->line, error, "};\n"));
    TRY(flush(to, error));
done:
    return status;
}

static spur_status make_name(const char *name, char **out, spur_error *error)
{
    spur_status status;
    text_buffer made = {NULL, 0, 0};
    bool needs_letter = name[0] == '\0' || isdigit((unsigned char)name[0]) != 0;
    TRY(text_add(&made, "head_", needs_letter ? 5 : 0, error));
    TRY(text_add(&made, name, strlen(name), error));
    for (char *at = made.data; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                        (*at >= '0' && *at <= '9');
        *at = is_plain ? *at : '_';
    }
    *out = made.data;
    made.data = NULL;
done:
    text_buffer_free(&made);
    return status;
}

spur_status head_text_write(const char *path, const char *name, const head_file *from,
                            spur_error *error)
{
    spur_status status;
    text_writer to = {NULL, {NULL, 0, 0}};
    char *safe = NULL;
    TRY(make_name(name, &safe, error));
    TRY(file_create(path, &to.file, error));
    TRY(write_notes(&to, from, error));
    TRY(write_arrays(&to, safe, head_file_head(from), error));
    TRY(file_commit(to.file, error));
done:
    file_writer_close(to.file);
    text_buffer_free(&to.line);
    memory_free(safe);
    return status;
}
