#include "http/target.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "base/str.h"

/* One decoded byte at raw[*at], moving on; -1 for a percent sign that is no escape. */
static int next_byte(const char *raw, size_t n, size_t *at)
{
    size_t i = (*at)++;
    if (raw[i] != '%') {
        return (unsigned char)raw[i];
    }
    *at = i + 3;
    return n - i > 2 ? hg_hex_byte(raw + i + 1) : -1;
}

/* Decodes n bytes into the arena; `plus` makes "+" a space, as queries have it. */
static int decode(struct hg_arena *arena,
                  const char *raw,
                  size_t n,
                  bool plus,
                  const char **ret,
                  struct hg_error *err)
{
    char *text = hg_arena_alloc(arena, n + 1);
    size_t len = 0;
    if (!text) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n;) {
        bool space = plus && raw[i] == '+';
        int byte = next_byte(raw, n, &i);
        if (byte < 0) {
            return hg_error_set(err, HG_EINVAL, "the address has a \"%%\" that begins no escape");
        }
        if (byte < 0x20 || byte == 0x7f) {
            return hg_error_set(err, HG_EINVAL, "the address has a control character");
        }
        text[len++] = space ? ' ' : (char)byte;
    }
    if (hg_utf8_valid(text, len) != len) {
        return hg_error_set(err, HG_EINVAL, "the address is not UTF-8");
    }
    *ret = text;
    return HG_OK;
}

static int check_segment(const char *segment, struct hg_error *err)
{
    if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0) {
        return hg_error_set(err, HG_EINVAL, "the path has a \"%s\" segment", segment);
    }
    if (strchr(segment, '/') || strchr(segment, '\\')) {
        return hg_error_set(err, HG_EINVAL, "the path has an escaped slash or a backslash");
    }
    return HG_OK;
}

/* The path, n bytes that begin with "/". */
static int parse_path(struct hg_arena *arena,
                      const char *raw,
                      size_t n,
                      struct hg_http_target *target,
                      struct hg_error *err)
{
    int r = decode(arena, raw, n, false, &target->path, err);
    for (size_t start = 1; r == HG_OK && start < n;) {
        const char *slash = memchr(raw + start, '/', n - start);
        size_t end = slash ? (size_t)(slash - raw) : n;
        if (end == start) {
            return hg_error_set(err, HG_EINVAL, "the path has an empty segment (\"//\")");
        }
        if (target->n_segments == HG_HTTP_SEGMENTS_MAX) {
            return hg_error_set(err, HG_ETOOBIG, "the path has too many segments");
        }
        const char **segment = &target->segments[target->n_segments];
        r = decode(arena, raw + start, end - start, false, segment, err);
        r = r < 0 ? r : check_segment(*segment, err);
        target->n_segments++;
        start = end + 1;
    }
    return r;
}

static const struct hg_http_field *find_field(const struct hg_http_target *target, const char *name)
{
    for (size_t i = 0; i < target->n_query; i++) {
        if (strcmp(target->query[i].name, name) == 0) {
            return &target->query[i];
        }
    }
    return NULL;
}

static int parse_field(struct hg_arena *arena,
                       const char *raw,
                       size_t n,
                       struct hg_http_target *target,
                       struct hg_error *err)
{
    const char *equals = memchr(raw, '=', n);
    size_t n_name = equals ? (size_t)(equals - raw) : n;
    struct hg_http_field field = {"", ""};
    int r = decode(arena, raw, n_name, true, &field.name, err);
    if (r == HG_OK && equals) {
        r = decode(arena, equals + 1, n - n_name - 1, true, &field.value, err);
    }
    if (r < 0) {
        return r;
    }
    if (find_field(target, field.name)) {
        return hg_error_set(err, HG_EINVAL, "the parameter \"%.64s\" is given twice", field.name);
    }
    if (target->n_query == HG_HTTP_QUERY_MAX) {
        return hg_error_set(err, HG_ETOOBIG, "the address has too many parameters");
    }
    target->query[target->n_query++] = field;
    return HG_OK;
}

static int parse_query(struct hg_arena *arena,
                       const char *raw,
                       struct hg_http_target *target,
                       struct hg_error *err)
{
    target->query = hg_arena_alloc(arena, HG_HTTP_QUERY_MAX * sizeof target->query[0]);
    if (!target->query) {
        return hg_error_nomem(err);
    }
    int r = HG_OK;
    while (r == HG_OK && *raw) {
        size_t n = strcspn(raw, "&");
        if (n > 0) {
            r = parse_field(arena, raw, n, target, err);
        }
        raw += n;
        raw += *raw == '&';
    }
    return r;
}

/* The part from the path on; NULL when `raw` is neither form. */
static const char *from_path(const char *raw)
{
    if (*raw == '/') {
        return raw;
    }
    size_t scheme = hg_starts_with(raw, "http://") ? 7 : hg_starts_with(raw, "https://") ? 8 : 0;
    if (scheme == 0) {
        return NULL;
    }
    const char *rest = raw + scheme + strcspn(raw + scheme, "/?");
    return *rest == '/' ? rest : *rest == '\0' ? "/" : NULL;
}

int hg_http_target_parse(struct hg_arena *arena,
                         const char *raw,
                         struct hg_http_target *ret,
                         struct hg_error *err)
{
    struct hg_http_target target = {.path = "/"};
    if (strlen(raw) > HG_HTTP_TARGET_MAX) {
        return hg_error_set(
            err, HG_ETOOBIG, "the address has more than %d bytes", HG_HTTP_TARGET_MAX);
    }
    raw = from_path(raw);
    if (!raw) {
        return hg_error_set(err, HG_EINVAL, "the address does not begin with \"/\"");
    }
    size_t n_path = strcspn(raw, "?#");
    if (raw[n_path + strcspn(raw + n_path, "#")] == '#') {
        return hg_error_set(err, HG_EINVAL, "the address has a \"#\"");
    }
    int r = parse_path(arena, raw, n_path, &target, err);
    if (r == HG_OK) {
        r = parse_query(arena, raw[n_path] == '?' ? raw + n_path + 1 : "", &target, err);
    }
    if (r == HG_OK) {
        *ret = target;
    }
    return r;
}
