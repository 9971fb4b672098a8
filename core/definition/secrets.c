#include "definition/secrets.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "config/fill.h"

static bool is_secret(const json_t *property)
{
    return json_is_true(json_object_get(property, "writeOnly"));
}

static const json_t *properties_of(const struct hg_plugin_info *plugin)
{
    return json_object_get(plugin->config_schema, "properties");
}

static void keep_of(const struct hg_plugin_registry *plugins, const struct hg_yaml_node *extract)
{
    const char *source = hg_yaml_text(hg_yaml_get(extract, "source"));
    const struct hg_plugin_info *plugin =
        source ? hg_plugin_find(plugins, HG_KIND_CONNECTOR, source) : NULL;
    const char *key;
    json_t *property;
    if (!plugin) {
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)properties_of(plugin), key, property) {
        const struct hg_yaml_pair *pair = hg_yaml_pair(hg_yaml_get(extract, "config"), key);
        if (pair && is_secret(property)) {
            pair->value->kept = true;
        }
    }
}

void hg_secrets_keep(const struct hg_plugin_registry *plugins, const struct hg_yaml_node *root)
{
    const struct hg_yaml_node *jobs = hg_yaml_get(root, "jobs");
    for (size_t i = 0; jobs && jobs->type == HG_YAML_LIST && i < jobs->n; i++) {
        keep_of(plugins, hg_yaml_get(jobs->items[i], "extract"));
    }
}

/* HG_EINVAL with what is wrong about a secret's name. */
static int check(const struct hg_plugin_info *plugin,
                 const char *key,
                 const char *text,
                 const char *folder,
                 struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf filled = HG_BUF_INIT;
    if (!plugin->may_hold_secrets) {
        (void)hg_error_set(err,
                           HG_EINVAL,
                           "\"%s\" is a secret, which the plugin %s is not given",
                           key,
                           plugin->id);
        return hg_error_hint(err,
                             "Only plugins that say needs_secret, and ship with Headgate or stand "
                             "in plugins.pin, are given one.");
    }
    if (!text || !hg_fill_has_reference(text)) {
        (void)hg_error_set(
            err, HG_EINVAL, "\"%s\" is a secret, and pipeline files are stored in the clear", key);
        return hg_error_hint(err,
                             "Write ${NAME} for an environment variable of the host, or "
                             "${file:PATH}.");
    }
    int r = hg_fill_text(text, folder, &filled, err);
    return r < 0 ? hg_error_wrap(err, "\"%s\"", key) : r;
}

/* ---- passwords where an address is asked for ---- */

static bool ends_in_password(const char *key, size_t n)
{
    static const char word[] = "password";
    size_t length = sizeof word - 1;
    return n >= length && strncasecmp(key + n - length, word, length) == 0;
}

/* The name in front of an '=', with %XX undone; what does not fit is none that is looked for. */
static size_t plain_name(const char *text, size_t n, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < n && used < room; i++) {
        int byte = text[i] == '%' && n - i > 2 ? hg_hex_byte(text + i + 1) : -1;
        out[used++] = byte < 0 ? text[i] : (char)byte;
        i += byte < 0 ? 0 : 2;
    }
    return used;
}

/* scheme://user:PASSWORD@host, scheme://host?password=PASSWORD */
static bool url_holds_password(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    if (n == 0 || strncmp(text + n, "://", 3) != 0) {
        return false;
    }
    const char *authority = text + n + 3;
    const char *user_end = authority + strcspn(authority, "/@");
    const char *colon = memchr(authority, ':', (size_t)(user_end - authority));
    if (*user_end == '@' && colon && colon + 1 < user_end) {
        return true;
    }
    const char *pair = strchr(authority, '?');
    while (pair) {
        char name[64];
        pair++;
        size_t length = strcspn(pair, "=&");
        size_t used = plain_name(pair, length, name, sizeof name);
        if (pair[length] == '=' && pair[length + 1] && pair[length + 1] != '&' &&
            ends_in_password(name, used)) {
            return true;
        }
        pair = strchr(pair, '&');
    }
    return false;
}

/* "host=h user=u password=PASSWORD", which no query begins like. */
static bool pairs_hold_password(const char *text)
{
    static const char blank[] = " \t\r\n\f\v";
    bool first = true;
    for (;;) {
        text += strspn(text, " \t\r\n\f\v;");
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        const char *value = text + n + strspn(text + n, blank);
        if (n == 0 || *value != '=') {
            if (first || !*text) {
                return false;
            }
            text += n > 0 ? n : 1;
            continue;
        }
        value++;
        value += strspn(value, blank);
        if (ends_in_password(text, n) && *value && *value != ';' && strncmp(value, "''", 2) != 0) {
            return true;
        }
        text = value;
        first = false;
    }
}

static bool holds_password(const json_t *value)
{
    const char *text = json_string_value(value);
    if (text) {
        return url_holds_password(text) || pairs_hold_password(text);
    }
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
        if (holds_password(item)) {
            return true;
        }
    }
    const char *key;
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        if (holds_password(item)) {
            return true;
        }
    }
    return false;
}

/* Where the plugin takes its secret, or NULL. */
static const char *name_of_secret(const struct hg_plugin_info *plugin)
{
    const char *key;
    json_t *property;
    json_object_foreach ((json_t *)(uintptr_t)properties_of(plugin), key, property) {
        if (is_secret(property)) {
            return key;
        }
    }
    return NULL;
}

/* HG_EINVAL for a password in a text that is no secret, which would be stored as it is. */
static int check_open(const struct hg_plugin_info *plugin,
                      const char *key,
                      const json_t *value,
                      struct hg_error *err)
{
    if (plugin->kind != HG_KIND_CONNECTOR || !holds_password(value)) {
        return HG_OK;
    }
    const char *secret = name_of_secret(plugin);
    (void)hg_error_set(
        err, HG_EINVAL, "the %s holds a password, and pipeline files are stored in the clear", key);
    return secret ? hg_error_hint(err, "Give it as %s: ${VAR} or ${file:PATH}.", secret)
                  : HG_EINVAL;
}

void hg_secrets_check(const struct hg_plugin_info *plugin,
                      const json_t *config,
                      const char *folder,
                      hg_secret_complaint *complain,
                      void *arg)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)config, key, value) {
        struct hg_error err = HG_ERROR_INIT;
        int r = is_secret(json_object_get(properties_of(plugin), key))
                    ? check(plugin, key, json_string_value(value), folder, &err)
                    : check_open(plugin, key, value, &err);
        if (r < 0) {
            complain(arg, key, err.hint, err.message);
        }
    }
}

static int fill_one(json_t *config, const char *key, const char *folder, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf filled = HG_BUF_INIT;
    const char *text = json_string_value(json_object_get(config, key));
    int r = hg_fill_text(text ? text : "", folder, &filled, err);
    if (r < 0) {
        return hg_error_wrap(err, "\"%s\"", key);
    }
    return json_object_set_new(config, key, json_string(hg_buf_text(&filled))) < 0
               ? hg_error_nomem(err)
               : HG_OK;
}

int hg_secrets_fill(const struct hg_plugin_info *plugin,
                    const char *folder,
                    json_t *config,
                    struct hg_error *err)
{
    const char *key;
    json_t *property;
    json_object_foreach ((json_t *)(uintptr_t)properties_of(plugin), key, property) {
        if (!json_object_get(config, key) || !is_secret(property)) {
            continue;
        }
        /* The plugin may be another file than the one the definition was checked against. */
        if (!plugin->may_hold_secrets) {
            return hg_error_set(err,
                                HG_EFORBIDDEN,
                                "\"%s\" is a secret, which the plugin %s is not given",
                                key,
                                plugin->id);
        }
        int r = fill_one(config, key, folder, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}
