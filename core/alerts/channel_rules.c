#include "alerts/channel_rules.h"

#include <string.h>

#include "alerts/sign.h"
#include "base/mail.h"
#include "base/mem.h"
#include "base/str.h"

enum { URL_MAX = 2000, TO_MAX = 20 };

int hg_channel_check_name(const char *name, struct hg_error *err)
{
    if (name && !hg_is_slug(name)) {
        (void)hg_error_set(
            err, HG_EINVAL, "the name is not 1 to 63 of the characters a to z, 0 to 9 and -");
        return hg_error_at(err, "/name");
    }
    return HG_OK;
}

static int check_kind(const struct hg_host_config *config, const char *kind, struct hg_error *err)
{
    static const char *const kinds[] = {"webhook", "slack", "email", NULL};
    size_t i = 0;
    while (kinds[i] && strcmp(kind, kinds[i]) != 0) {
        i++;
    }
    if (!kinds[i]) {
        const char *nearest = hg_nearest(kind, kinds);
        (void)hg_error_set(err, HG_EINVAL, "there is no kind of channels \"%.32s\"", kind);
        (void)hg_error_hint(err,
                            nearest ? "Did you mean \"%s\"?"
                                    : "Kinds are webhook, slack and email.%s",
                            nearest ? nearest : "");
        return hg_error_at(err, "/kind");
    }
    if (strcmp(kind, "email") == 0 && !config->smtp_host) {
        (void)hg_error_set(err, HG_EINVAL, "no mail server is configured");
        (void)hg_error_hint(err, "Set alerts.smtp in the host's file.");
        return hg_error_at(err, "/kind");
    }
    return HG_OK;
}

static int check_url(const char *url, char ret_origin[HG_ORIGIN_TEXT], struct hg_error *err)
{
    int r = strlen(url) > URL_MAX
                ? hg_error_set(err, HG_EINVAL, "the URL has more than %d bytes", URL_MAX)
                : hg_url_origin(url, ret_origin, err);
    if (r < 0) {
        (void)hg_error_at(err, "/url");
    }
    return r;
}

static int check_secret(const char *kind, const char *secret, struct hg_error *err)
{
    if (secret && strcmp(kind, "webhook") != 0) {
        (void)hg_error_set(err, HG_EINVAL, "a channel of kind %s signs nothing", kind);
        return hg_error_at(err, "/secret");
    }
    return secret ? hg_sign_check_secret(secret, err) : HG_OK;
}

static int check_to(const json_t *to, struct hg_error *err)
{
    size_t i;
    const json_t *item;
    size_t n = json_array_size(to);
    if (n < 1 || n > TO_MAX) {
        (void)hg_error_set(err, HG_EINVAL, "there are not 1 to %d recipients", TO_MAX);
        return hg_error_at(err, "/to");
    }
    json_array_foreach (to, i, item) {
        const char *text = json_string_value(item);
        if (!text || !hg_mail_is_address(text)) {
            (void)hg_error_set(
                err, HG_EINVAL, "a recipient is not an address like name@example.com");
            return hg_error_at(err, "/to/%zu", i);
        }
    }
    return HG_OK;
}

/* Whether a kind goes to an address of the web or of mail, and no channel to both. */
static int check_place(const char *kind, const struct hg_channel_wish *wish, struct hg_error *err)
{
    bool is_mail = strcmp(kind, "email") == 0;
    if (is_mail ? wish->url != NULL : wish->to != NULL) {
        (void)hg_error_set(err,
                           HG_EINVAL,
                           "a channel of kind %s goes to %s",
                           kind,
                           is_mail ? "\"to\"" : "\"url\"");
        return hg_error_at(err, is_mail ? "/url" : "/to");
    }
    return wish->to ? check_to(wish->to, err) : HG_OK;
}

static int check_given(const struct hg_channel_wish *wish, struct hg_error *err)
{
    if (wish->url || wish->to) {
        return HG_OK;
    }
    bool is_mail = strcmp(wish->kind, "email") == 0;
    (void)hg_error_set(err, HG_EINVAL, "\"%s\" is missing", is_mail ? "to" : "url");
    return hg_error_at(err, is_mail ? "/to" : "/url");
}

int hg_channel_check_change(const char *kind,
                            const struct hg_channel_wish *wish,
                            char ret_origin[HG_ORIGIN_TEXT],
                            struct hg_error *err)
{
    int r = check_place(kind, wish, err);
    r = r < 0 || !wish->url ? r : check_url(wish->url, ret_origin, err);
    return r < 0 ? r : check_secret(kind, wish->secret, err);
}

int hg_channel_check_new(const struct hg_host_config *config,
                         const struct hg_channel_wish *wish,
                         char ret_origin[HG_ORIGIN_TEXT],
                         struct hg_error *err)
{
    ret_origin[0] = '\0';
    int r = hg_channel_check_name(wish->name, err);
    r = r < 0 ? r : check_kind(config, wish->kind, err);
    r = r < 0 ? r : check_given(wish, err);
    return r < 0 ? r : hg_channel_check_change(wish->kind, wish, ret_origin, err);
}

char *hg_channel_config_text(const struct hg_channel_wish *wish, const char *origin)
{
    HG_CLEANUP(hg_json_decrefp)
    json_t *config = wish->to ? json_pack("{s:O}", "to", (json_t *)(uintptr_t)wish->to)
                              : json_pack("{s:s}", "origin", origin);
    return config ? json_dumps(config, JSON_COMPACT) : NULL;
}
