#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* Length of the valid sequence at `s`, or 0. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
    static const struct {
        unsigned char first_lo, first_hi, second_lo, second_hi;
        size_t length;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3},
        {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (s[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first_lo || s[0] > forms[i].first_hi) {
            continue;
        }
        if (forms[i].length > n || s[1] < forms[i].second_lo || s[1] > forms[i].second_hi) {
            return 0;
        }
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((s[k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

size_t hg_utf8_valid(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;
    while (at < n) {
        size_t length = utf8_sequence(s + at, n - at);
        if (length == 0) {
            break;
        }
        at += length;
    }
    return at;
}

static void quote_byte(struct hg_buf *buf, unsigned char c)
{
    static const char short_escapes[128] = {
        ['"'] = '"',
        ['\\'] = '\\',
        ['\n'] = 'n',
        ['\r'] = 'r',
        ['\t'] = 't',
        ['\b'] = 'b',
        ['\f'] = 'f',
    };
    if (c < 0x80 && short_escapes[c]) {
        char escape[2] = {'\\', short_escapes[c]};
        hg_buf_append(buf, escape, 2);
    } else if (c < 0x20 || c == 0x7F) {
        hg_buf_printf(buf, "\\u%04x", c);
    } else {
        hg_buf_append(buf, &c, 1);
    }
}

void hg_json_quote_n(struct hg_buf *buf, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    hg_buf_putc(buf, '"');
    for (size_t at = 0; at < n;) {
        size_t length = utf8_sequence(s + at, n - at);
        if (length == 1) {
            quote_byte(buf, s[at]);
        } else if (length == 2 && s[at] == 0xC2 && s[at + 1] < 0xA0) {
            hg_buf_printf(buf, "\\u%04x", s[at + 1]); /* C1 controls: a terminal obeys them, too */
        } else if (length > 1) {
            hg_buf_append(buf, s + at, length);
        } else {
            hg_buf_puts(buf, "\xEF\xBF\xBD");
            length = 1;
        }
        at += length;
    }
    hg_buf_putc(buf, '"');
}

void hg_json_quote(struct hg_buf *buf, const char *text)
{
    hg_json_quote_n(buf, text, strlen(text));
}

json_t *hg_json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json) {
        return json;
    }
    struct hg_buf quoted = HG_BUF_INIT;
    hg_json_quote(&quoted, text);
    if (!hg_buf_failed(&quoted)) {
        json = hg_json_read(quoted.data, quoted.len, JSON_DECODE_ANY, NULL);
    }
    hg_buf_free(&quoted);
    return json;
}

void hg_pointer_escape(struct hg_buf *buf, const char *key)
{
    for (; *key; key++) {
        if (*key == '~' || *key == '/') {
            hg_buf_puts(buf, *key == '~' ? "~0" : "~1");
        } else {
            hg_buf_putc(buf, *key);
        }
    }
}

enum { NEAREST_MAX = 64 };

/* Optimal string alignment distance; both texts are shorter than NEAREST_MAX. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_MAX + 1];
    size_t la = strlen(a);
    size_t lb = strlen(b);
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= lb; j++) {
        before[j] = last[j] = j;
    }
    for (size_t i = 1; i <= la; i++) {
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            row[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[lb];
}

const char *hg_nearest(const char *name, const char *const *names)
{
    size_t length = strlen(name);
    if (length == 0 || length > NEAREST_MAX) {
        return NULL;
    }
    const char *best = NULL;
    size_t best_distance = length / 3 + 2;
    for (; *names; names++) {
        if (strlen(*names) > NEAREST_MAX) {
            continue;
        }
        size_t distance = edit_distance(name, *names);
        if (distance < best_distance && distance < strlen(*names)) {
            best_distance = distance;
            best = *names;
        }
    }
    return best;
}

bool hg_is_slug(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n >= 1 && n <= 63 && text[n] == '\0';
}

bool hg_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool hg_ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text);
    size_t m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

char *hg_path_join(const char *folder, const char *path)
{
    if (path[0] == '/') {
        return strdup(path);
    }
    struct hg_buf joined = HG_BUF_INIT;
    hg_buf_puts(&joined, folder);
    if (joined.len > 0 && joined.data[joined.len - 1] != '/') {
        hg_buf_putc(&joined, '/');
    }
    hg_buf_puts(&joined, path);
    return hg_buf_take(&joined);
}

/* Takes the last step off what is there. */
static void step_up(struct hg_buf *path)
{
    while (path->len > 0 && path->data[--path->len] != '/') {
    }
    if (path->data) {
        path->data[path->len] = '\0';
    }
}

char *hg_path_resolve(const char *folder, const char *path)
{
    char *joined = hg_path_join(folder, path);
    if (!joined || joined[0] != '/') {
        return joined;
    }
    struct hg_buf clean = HG_BUF_INIT;
    for (const char *at = joined; *at;) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        if (n == 2 && memcmp(at, "..", 2) == 0) {
            step_up(&clean);
        } else if (n > 0 && !(n == 1 && *at == '.')) {
            hg_buf_putc(&clean, '/');
            hg_buf_append(&clean, at, n);
        }
        at += n;
    }
    free(joined);
    if (clean.len == 0) {
        hg_buf_putc(&clean, '/');
    }
    return hg_buf_take(&clean);
}

char *hg_path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}
