#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "base/time.h"

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

static void put_json_field(struct hg_buf *line, const char *name, const char *value)
{
    hg_buf_putc(line, line->len > 0 ? ',' : '{');
    hg_json_quote(line, name);
    hg_buf_putc(line, ':');
    hg_json_quote(line, value);
}

static void put_text_field(struct hg_buf *line, const char *name, const char *value)
{
    bool plain = value[0] != '\0' && !strpbrk(value, " \"=\n\r\t");
    hg_buf_putc(line, ' ');
    hg_buf_puts(line, name);
    hg_buf_putc(line, '=');
    if (plain) {
        hg_buf_puts(line, value);
    } else {
        hg_json_quote(line, value);
    }
}

static void put_fields(struct hg_buf *line, bool json, va_list args)
{
    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (value) {
            (json ? put_json_field : put_text_field)(line, name, value);
        }
    }
}

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
    va_start(args, message);
    put_fields(&line, json, args);
    va_end(args);
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
