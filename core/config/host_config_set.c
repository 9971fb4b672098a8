#include "config/host_config_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mail.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/time.h"
#include "config/file_list.h"

static void complain(const struct hg_config_setting *setting,
                     const char *hint,
                     const char *fmt,
                     ...) HG_PRINTF(3, 4);
static void complain(const struct hg_config_setting *setting,
                     const char *hint,
                     const char *fmt,
                     ...)
{
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(setting->diagnostics,
                        setting->place,
                        setting->value->line,
                        setting->value->column,
                        hint,
                        fmt,
                        args);
    va_end(args);
}

/* How errors call the setting. */
static const char *name_of(const struct hg_config_setting *setting)
{
    return setting->key->path ? setting->key->path : setting->key->environment;
}

/* What was found, unless it was filled in and so may be a secret. */
static const char *found(const struct hg_config_setting *setting)
{
    static const char *const words[] = {
        [HG_YAML_NULL] = "nothing", [HG_YAML_LIST] = "a list", [HG_YAML_MAP] = "a map"};
    const struct hg_yaml_node *value = setting->value;
    if (value->type == HG_YAML_NULL || value->type == HG_YAML_LIST || value->type == HG_YAML_MAP) {
        return words[value->type];
    }
    return value->filled ? "what was filled in" : value->text;
}

static int wrong(const struct hg_config_setting *setting)
{
    complain(setting,
             NULL,
             "%s: found %s, expected %s",
             name_of(setting),
             found(setting),
             setting->key->type);
    return HG_OK;
}

/* The text of any scalar, NULL for what is none. */
static const char *scalar(const struct hg_config_setting *setting)
{
    const struct hg_yaml_node *value = setting->value;
    bool is_scalar =
        value->type != HG_YAML_LIST && value->type != HG_YAML_MAP && value->type != HG_YAML_NULL;
    return is_scalar ? value->text : NULL;
}

static char **text_field(const struct hg_config_setting *setting)
{
    return (char **)(void *)((char *)setting->config + setting->key->offset);
}

static int replace(char **field, char *text)
{
    if (!text) {
        return HG_ENOMEM;
    }
    free(*field);
    *field = text;
    return HG_OK;
}

int hg_config_set_listen(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    const char *colon = text ? strrchr(text, ':') : NULL;
    int64_t port;
    if (!colon || colon == text || hg_parse_int64(colon + 1, 0, 65535, &port, NULL) < 0) {
        return wrong(setting);
    }
    size_t n = (size_t)(colon - text);
    bool bracketed = text[0] == '[' && n > 2 && text[n - 1] == ']';
    if (!bracketed && (memchr(text, ':', n) || text[0] == '[')) {
        complain(setting,
                 "Put an IPv6 address in brackets: [::1]:8080.",
                 "%s: found %s, expected host:port",
                 name_of(setting),
                 text);
        return HG_OK;
    }
    setting->config->listen_port = (int)port;
    return replace(&setting->config->listen_host,
                   bracketed ? strndup(text + 1, n - 2) : strndup(text, n));
}

int hg_config_set_url(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    if (!text || !(hg_starts_with(text, "http://") || hg_starts_with(text, "https://"))) {
        complain(setting,
                 NULL,
                 "%s: found %s, expected a URL that begins with http:// or https://",
                 name_of(setting),
                 found(setting));
        return HG_OK;
    }
    size_t n = strlen(text);
    return replace(text_field(setting), strndup(text, text[n - 1] == '/' ? n - 1 : n));
}

int hg_config_set_path(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    if (!text || text[0] == '\0') {
        return wrong(setting);
    }
    return replace(text_field(setting), hg_path_resolve(setting->folder, text));
}

int hg_config_set_database(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    char **field = text_field(setting);
    if (text && strcmp(text, "embedded") == 0) {
        free(*field);
        *field = NULL;
        return HG_OK;
    }
    if (!text || !(hg_starts_with(text, "postgresql://") || hg_starts_with(text, "postgres://"))) {
        /* What is there instead may hold a password, so it is not quoted. */
        complain(setting,
                 "For example postgresql://user:${DB_PASSWORD}@host:5432/headgate.",
                 "%s: found something else, expected embedded or a postgresql:// URL",
                 name_of(setting));
        return HG_OK;
    }
    return replace(field, strdup(text));
}

/* Makes the text of an item, owned by the caller; NULL with *ret_r HG_OK when it complained. */
typedef char *make_item(const struct hg_config_setting *item, int *ret_r);

static char *make_path(const struct hg_config_setting *item, int *ret_r)
{
    const struct hg_yaml_node *value = item->value;
    if (value->type != HG_YAML_TEXT || value->text[0] == '\0') {
        *ret_r = wrong(item);
        return NULL;
    }
    char *path = hg_path_resolve(item->folder, value->text);
    *ret_r = path ? HG_OK : HG_ENOMEM;
    return path;
}

static char *make_network(const struct hg_config_setting *item, int *ret_r)
{
    const char *text = scalar(item);
    const char *const one[] = {text, NULL};
    struct hg_networks *networks = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int r = text ? hg_networks_new(one, &networks, &err) : HG_EINVAL;
    hg_networks_free(networks);
    if (r == HG_EINVAL) {
        complain(item,
                 err.hint[0] ? err.hint : NULL,
                 "%s: found %s, expected %s",
                 name_of(item),
                 found(item),
                 item->key->type);
        *ret_r = HG_OK;
        return NULL;
    }
    char *copy = r == HG_OK ? strdup(text) : NULL;
    *ret_r = copy ? HG_OK : HG_ENOMEM;
    return copy;
}

static int set_list(const struct hg_config_setting *setting, make_item *make)
{
    const struct hg_yaml_node *value = setting->value;
    const struct hg_yaml_node *const *items = (const struct hg_yaml_node *const *)value->items;
    size_t n = value->n;
    if (value->type == HG_YAML_TEXT) {
        items = &setting->value;
        n = 1;
    } else if (value->type != HG_YAML_LIST) {
        return wrong(setting);
    }
    char **list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        struct hg_config_setting item = *setting;
        item.value = items[i];
        int r;
        list[i] = make(&item, &r);
        if (!list[i]) {
            hg_file_list_free(list);
            return r;
        }
    }
    if (!list) {
        return HG_ENOMEM;
    }
    char ***field = (char ***)(void *)((char *)setting->config + setting->key->offset);
    hg_file_list_free(*field);
    *field = list;
    return HG_OK;
}

int hg_config_set_paths(const struct hg_config_setting *setting)
{
    return set_list(setting, make_path);
}

int hg_config_set_networks(const struct hg_config_setting *setting)
{
    return set_list(setting, make_network);
}

/* A number within the key's bounds; false after it complained. */
static bool number(const struct hg_config_setting *setting, int64_t *ret)
{
    const char *text = scalar(setting);
    if (!text || hg_parse_int64(text, setting->key->min, setting->key->max, ret, NULL) < 0) {
        (void)wrong(setting);
        return false;
    }
    return true;
}

int hg_config_set_int(const struct hg_config_setting *setting)
{
    int64_t value;
    if (number(setting, &value)) {
        *(int *)(void *)((char *)setting->config + setting->key->offset) = (int)value;
    }
    return HG_OK;
}

int hg_config_set_text(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    size_t n = 0;
    while (text && text[n] && (unsigned char)text[n] >= ' ' && text[n] != 127) {
        n++;
    }
    return n == 0 || text[n] ? wrong(setting) : replace(text_field(setting), strdup(text));
}

int hg_config_set_mail(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    return text && hg_mail_is_address(text) ? replace(text_field(setting), strdup(text))
                                            : wrong(setting);
}

const char *const hg_config_smtp_tls[] = {"starttls", "implicit", "none", NULL};

int hg_config_set_smtp_tls(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    for (int i = 0; text && hg_config_smtp_tls[i]; i++) {
        if (strcmp(hg_config_smtp_tls[i], text) == 0) {
            setting->config->smtp_tls = i;
            return HG_OK;
        }
    }
    return wrong(setting);
}

int hg_config_set_duration(const struct hg_config_setting *setting)
{
    int64_t value;
    const char *text = scalar(setting);
    if (!text || hg_duration_parse(text, &value, NULL) < 0 ||
        value < setting->key->min * INT64_C(1000) || value > setting->key->max * INT64_C(1000)) {
        return wrong(setting);
    }
    *(int64_t *)(void *)((char *)setting->config + setting->key->offset) = value;
    return HG_OK;
}

static bool is_sha256(const char *text)
{
    return text && strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

int hg_config_set_pins(const struct hg_config_setting *setting)
{
    const struct hg_yaml_node *map = setting->value;
    if (map->type != HG_YAML_MAP) {
        return wrong(setting);
    }
    for (size_t i = 0; i < map->n; i++) {
        struct hg_config_setting pin = *setting;
        pin.value = map->pairs[i].value;
        const char *text = scalar(&pin);
        if (!is_sha256(text)) {
            complain(&pin,
                     "sha256sum FILE.so prints it.",
                     "plugins.pin: found %s for %s, expected a SHA-256 of 64 hex digits",
                     found(&pin),
                     map->pairs[i].key);
        } else if (json_object_set_new(
                       setting->config->plugin_pins, map->pairs[i].key, json_string(text)) < 0) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

int hg_config_set_days(const struct hg_config_setting *setting)
{
    int64_t days;
    const char *kind = strchr(setting->key->path, '.') + 1;
    if (number(setting, &days) &&
        json_object_set_new(setting->config->retention, kind, json_integer(days)) < 0) {
        return HG_ENOMEM;
    }
    return HG_OK;
}

int hg_config_set_objects(const struct hg_config_setting *setting)
{
    const char *slash = strrchr(setting->place, '/');
    void *objects = (char *)setting->config + setting->key->offset;
    if (setting->value->type != HG_YAML_LIST) {
        return wrong(setting);
    }
    return hg_objects_add(objects,
                          setting->place,
                          slash ? slash + 1 : setting->place,
                          setting->value,
                          setting->key->path,
                          setting->diagnostics);
}

int hg_config_set_log_level(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    if (!text || hg_log_level_parse(text, &setting->config->log_level, NULL) < 0) {
        return wrong(setting);
    }
    return HG_OK;
}

int hg_config_set_log_format(const struct hg_config_setting *setting)
{
    const char *text = scalar(setting);
    if (!text || (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)) {
        return wrong(setting);
    }
    setting->config->log_json = strcmp(text, "json") == 0;
    return HG_OK;
}

int hg_config_set_later(const struct hg_config_setting *setting)
{
    complain(setting,
             "Remove the key; it would do nothing yet.",
             "\"%s\" comes with a later version of Headgate",
             setting->key->path);
    return HG_OK;
}
