#include "config/host_config_compare.h"

#include <string.h>

#include "base/mem.h"
#include "config/host_config_keys.h"
#include "config/host_config_set.h"

typedef bool equals(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset);

#define FIELD_OF(type, config, offset) \
    (*(type const *)(const void *)((const char *)(config) + (offset)))

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool texts(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    return same_text(FIELD_OF(char *, a, offset), FIELD_OF(char *, b, offset));
}

static bool lists(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    char *const *x = FIELD_OF(char **, a, offset);
    char *const *y = FIELD_OF(char **, b, offset);
    for (; x && y && *x && *y; x++, y++) {
        if (strcmp(*x, *y) != 0) {
            return false;
        }
    }
    return !(x && *x) && !(y && *y);
}

static bool ints(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    return FIELD_OF(int, a, offset) == FIELD_OF(int, b, offset);
}

static bool times(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    return FIELD_OF(int64_t, a, offset) == FIELD_OF(int64_t, b, offset);
}

static bool listens(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    (void)offset;
    return same_text(a->listen_host, b->listen_host) && a->listen_port == b->listen_port;
}

static bool smtp_tls(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    (void)offset;
    return a->smtp_tls == b->smtp_tls;
}

static bool pins(const struct hg_host_config *a, const struct hg_host_config *b, size_t offset)
{
    (void)offset;
    return json_equal(a->plugin_pins, b->plugin_pins);
}

/* By how a key is set; what is not here is set by the environment alone, or not yet. */
static const struct {
    int (*set)(const struct hg_config_setting *setting);
    equals *are_equal;
} kinds[] = {
    {hg_config_set_listen, listens},
    {hg_config_set_url, texts},
    {hg_config_set_path, texts},
    {hg_config_set_text, texts},
    {hg_config_set_mail, texts},
    {hg_config_set_smtp_tls, smtp_tls},
    {hg_config_set_database, texts},
    {hg_config_set_paths, lists},
    {hg_config_set_networks, lists},
    {hg_config_set_int, ints},
    {hg_config_set_duration, times},
    {hg_config_set_pins, pins},
};

static bool is_equal(const struct hg_config_key *key,
                     const struct hg_host_config *a,
                     const struct hg_host_config *b)
{
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        if (kinds[i].set == key->set) {
            return kinds[i].are_equal(a, b, key->offset);
        }
    }
    return true;
}

void hg_host_config_differences(const struct hg_host_config *a,
                                const struct hg_host_config *b,
                                const char *except,
                                struct hg_buf *ret)
{
    for (const struct hg_config_key *key = hg_config_keys; key->path || key->environment; key++) {
        if (key->path && strcmp(key->path, except) != 0 && !is_equal(key, a, b)) {
            hg_buf_printf(ret, "%s%s", ret->len > 0 ? ", " : "", key->path);
        }
    }
    if (!json_equal(a->retention, b->retention)) {
        hg_buf_printf(ret, "%sretention", ret->len > 0 ? ", " : "");
    }
}
