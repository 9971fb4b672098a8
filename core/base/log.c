#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

enum { FIELDS_MAX = 24 };

static _Atomic int log_level = HG_LOG_INFO;
static _Atomic bool log_json = false;

static const char *const level_names[] = {
    [HG_LOG_DEBUG] = "debug",
    [HG_LOG_INFO] = "info",
    [HG_LOG_WARNING] = "warning",
    [HG_LOG_ERROR] = "error",
};

void hg_log_configure(int level, bool json)
{
    atomic_store(&log_level, level);
    atomic_store(&log_json, json);
}

int hg_log_level_parse(const char *text, int *ret_level, struct hg_error *err)
{
    for (int level = HG_LOG_DEBUG; level <= HG_LOG_ERROR; level++) {
        if (strcmp(text, level_names[level]) == 0) {
            *ret_level = level;
            return HG_OK;
        }
    }
    return hg_error_set(
        err, HG_EINVAL, "\"%s\" is not a log level: debug, info, warning, error", text);
}

const char *hg_log_level_name(int level)
{
    return level >= HG_LOG_DEBUG && level <= HG_LOG_ERROR ? level_names[level] : "info";
}

/* ---- fields ---- */

static _Thread_local struct hg_log_scope *innermost;

void hg_log_enter(struct hg_log_scope *scope, const char *name, const char *value)
{
    *scope = (struct hg_log_scope){name, value, innermost};
    innermost = scope;
}

void hg_log_leave(struct hg_log_scope *scope)
{
    innermost = scope->outer;
}

/* The names that begin every line are its own: a field of such a name gets another. */
static const char *name_beside_the_line(const char *name)
{
    static const char *const names[][2] = {
        {"at", "field_at"},
        {"level", "field_level"},
        {"message", "field_message"},
    };
    for (size_t i = 0; i < HG_COUNT(names); i++) {
        if (strcmp(name + (name[0] == '#'), names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return name;
}

/* "#status" is the number "status". */
static const char *name_of(const char *name)
{
    return name[0] == '#' ? name + 1 : name;
}

/* As JSON has numbers, and no longer than a double keeps exactly. */
static bool is_number(const char *value)
{
    const char *digits = value[0] == '-' ? value + 1 : value;
    size_t n = strspn(digits, "0123456789");
    return n > 0 && n <= 15 && digits[n] == '\0' && (digits[0] != '0' || n == 1);
}

/* Where a value is cut: not within a character, if it has any. */
static size_t cut_at(const char *value, size_t n)
{
    size_t n_valid = hg_utf8_valid(value, n < HG_LOG_VALUE_MAX ? n : HG_LOG_VALUE_MAX);
    return n_valid > HG_LOG_VALUE_MAX - 4 ? n_valid : HG_LOG_VALUE_MAX;
}

static void quote(struct hg_buf *line, const char *value)
{
    size_t n = strlen(value);
    if (n <= HG_LOG_VALUE_MAX) {
        hg_json_quote_n(line, value, n);
        return;
    }
    struct hg_buf cut = HG_BUF_INIT;
    hg_buf_append(&cut, value, cut_at(value, n));
    hg_buf_printf(&cut, "... (%zu bytes in all)", n);
    hg_json_quote_n(line, hg_buf_text(&cut), cut.len);
    hg_buf_free(&cut);
}

static void put_json_field(struct hg_buf *line, const char *name, const char *value)
{
    hg_buf_putc(line, line->len > 0 ? ',' : '{');
    hg_json_quote(line, name_of(name));
    hg_buf_putc(line, ':');
    if (name[0] == '#' && is_number(value)) {
        hg_buf_puts(line, value);
    } else {
        quote(line, value);
    }
}

/* Nothing that a terminal or a reader of fields would take for more than a character. */
static bool is_plain(const char *value)
{
    size_t n = 0;
    while (value[n] > ' ' && value[n] < 0x7F && !strchr("\"=\\", value[n])) {
        n++;
    }
    return n > 0 && n <= HG_LOG_VALUE_MAX && value[n] == '\0';
}

static void put_text_field(struct hg_buf *line, const char *name, const char *value)
{
    hg_buf_putc(line, ' ');
    hg_buf_puts(line, name_of(name));
    hg_buf_putc(line, '=');
    if (is_plain(value)) {
        hg_buf_puts(line, value);
    } else {
        quote(line, value);
    }
}

/* What a call gives. */
struct fields {
    struct {
        const char *name;
        const char *value;
    } items[FIELDS_MAX];
    size_t n;
};

static void add_field(struct fields *fields, const char *name, const char *value)
{
    if (value && fields->n < FIELDS_MAX) {
        fields->items[fields->n].name = name_beside_the_line(name);
        fields->items[fields->n].value = value;
        fields->n++;
    }
}

static bool is_given(const struct fields *fields, const char *name)
{
    size_t i = 0;
    name = name_of(name_beside_the_line(name));
    while (i < fields->n && strcmp(name_of(fields->items[i].name), name) != 0) {
        i++;
    }
    return i < fields->n;
}

static void put_fields(struct hg_buf *line, bool json, struct fields *fields)
{
    for (const struct hg_log_scope *scope = innermost; scope; scope = scope->outer) {
        if (!is_given(fields, scope->name)) {
            add_field(fields, scope->name, scope->value);
        }
    }
    for (size_t i = 0; i < fields->n; i++) {
        (json ? put_json_field
              : put_text_field)(line, fields->items[i].name, fields->items[i].value);
    }
}

/* ---- lines ---- */

void hg_log(int level, const char *message, ...)
{
    if (level < atomic_load(&log_level)) {
        return;
    }
    bool json = atomic_load(&log_json);
    char at[HG_TIME_TEXT];
    hg_time_format(hg_time_now_us(), at);
    struct hg_buf line = HG_BUF_INIT;
    if (json) {
        put_json_field(&line, "at", at);
        put_json_field(&line, "level", hg_log_level_name(level));
        put_json_field(&line, "message", message);
    } else {
        hg_buf_printf(&line, "%s %-7s %s", at, hg_log_level_name(level), message);
    }
    va_list args;
    struct fields fields = {.n = 0};
    va_start(args, message);
    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        add_field(&fields, name, va_arg(args, const char *));
    }
    va_end(args);
    put_fields(&line, json, &fields);
    hg_buf_puts(&line, json ? "}\n" : "\n");
    if (!hg_buf_failed(&line)) {
        /* One write a line keeps lines of several threads and processes apart. */
        ssize_t written = write(STDERR_FILENO, line.data, line.len);
        (void)written;
    }
    hg_buf_free(&line);
}

void hg_log_error(const char *what, const struct hg_error *err)
{
    hg_log(HG_LOG_ERROR,
           what,
           "error",
           err->message,
           "code",
           hg_code_name(err->code),
           "hint",
           err->hint[0] ? err->hint : NULL,
           NULL);
}
