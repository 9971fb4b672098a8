#include "alerts/post.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alerts/mail.h"
#include "alerts/sign.h"
#include "base/scrub.h"
#include "base/time.h"
#include "net/smtp.h"

enum { RECIPIENTS = 20, ANSWER_MAX = 1 << 20, HEADERS = 5, HEADER_TEXT = 192 };

/* What a kind of channel sends, made of a message. */
struct parts {
    char *body;
    char lines[HEADERS][HEADER_TEXT];
    size_t n_lines;
};

static void add_line(struct parts *parts, const char *name, const char *value)
{
    (void)snprintf(parts->lines[parts->n_lines++], HEADER_TEXT, "%s: %s", name, value);
}

/* ---- webhook ---- */

static int make_webhook(const struct hg_alert_message *message,
                        const struct hg_secret *secret,
                        struct parts *ret,
                        struct hg_error *err)
{
    char signature[HG_SIGN_TEXT];
    char seconds[24];
    int64_t now_s = hg_time_now_us() / 1000000;
    ret->body = json_dumps(message->content, JSON_COMPACT);
    if (!ret->body) {
        return hg_error_nomem(err);
    }
    int r = hg_sign(secret, message->id, now_s, ret->body, signature, err);
    if (r == HG_OK) {
        (void)snprintf(seconds, sizeof seconds, "%" PRId64, now_s);
        add_line(ret, "webhook-id", message->id);
        add_line(ret, "webhook-timestamp", seconds);
        add_line(ret, "webhook-signature", signature);
    }
    return r;
}

/* ---- Slack, and what understands the same: Mattermost, Rocket.Chat, Discord's /slack ---- */

/* Their three control characters, and others that would break a line in two. */
static void put_slack_text(struct hg_buf *buf, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        const char *escaped = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
        if (escaped) {
            hg_buf_puts(buf, escaped);
        } else {
            hg_buf_putc(buf, (char)(c < ' ' || c == 127 ? ' ' : c));
        }
    }
}

static void put_slack(struct hg_buf *buf, const json_t *content)
{
    const char *summary = json_string_value(json_object_get(content, "summary"));
    const char *url = json_string_value(json_object_get(content, "url"));
    json_int_t count = json_integer_value(json_object_get(content, "count"));
    put_slack_text(buf, summary ? summary : "");
    if (count > 1) {
        hg_buf_printf(buf, " (%" JSON_INTEGER_FORMAT " times)", count);
    }
    if (url) {
        hg_buf_puts(buf, " ");
        put_slack_text(buf, url);
    }
}

static int make_slack(const struct hg_alert_message *message,
                      const struct hg_secret *secret,
                      struct parts *ret,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    (void)secret;
    put_slack(&text, message->content);
    HG_CLEANUP(hg_json_decrefp)
    json_t *body = hg_buf_failed(&text) ? NULL : json_pack("{s:s}", "text", hg_buf_text(&text));
    ret->body = body ? json_dumps(body, JSON_COMPACT) : NULL;
    return ret->body ? HG_OK : hg_error_nomem(err);
}

/* ---- all ---- */

static const struct {
    const char *kind;
    bool has_secret;
    int (*make)(const struct hg_alert_message *message,
                const struct hg_secret *secret,
                struct parts *ret,
                struct hg_error *err);
} kinds[] = {{"webhook", true, make_webhook}, {"slack", false, make_slack}};

struct secrets {
    struct hg_secret *url;
    struct hg_secret *key; /* NULL: the kind has none */
};

static void free_secrets(struct secrets *secrets)
{
    hg_secret_free(secrets->url);
    hg_secret_free(secrets->key);
}

static int get_secret(struct hg_alerts *alerts,
                      struct hg_db *db,
                      const struct hg_alert_target *target,
                      const char *field,
                      struct hg_secret **ret,
                      struct hg_error *err)
{
    const char *origin = json_string_value(json_object_get(target->config, "origin"));
    const char *const origins[] = {origin, NULL};
    const struct hg_secret_name name = {HG_CHANNEL_TABLE, target->id, field, origins};
    return hg_vault_get(alerts->options.vault, db, &name, ret, err);
}

static int get_secrets(struct hg_alerts *alerts,
                       const struct hg_alert_target *target,
                       bool has_key,
                       struct secrets *ret,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : get_secret(alerts, db, target, HG_CHANNEL_URL, &ret->url, err);
    return r < 0 || !has_key ? r
                             : get_secret(alerts, db, target, HG_CHANNEL_SECRET, &ret->key, err);
}

static bool is_cancelled(void *arg)
{
    struct hg_alerts *alerts = arg;
    return atomic_load(&alerts->cancelled);
}

static int send_parts(struct hg_alerts *alerts,
                      const struct secrets *secrets,
                      struct parts *parts,
                      struct hg_alert_posted *ret,
                      struct hg_error *err)
{
    const char *headers[HEADERS + 1] = {NULL};
    HG_CLEANUP(hg_net_response_free) struct hg_net_response response = HG_NET_RESPONSE_INIT;
    add_line(parts, "Content-Type", "application/json");
    for (size_t i = 0; i < parts->n_lines; i++) {
        headers[i] = parts->lines[i];
    }
    const struct hg_net_request request = {
        .method = "POST",
        .url = secrets->url->value,
        .headers = headers,
        .body = parts->body,
        .n_body = strlen(parts->body),
        .plain = true,
        .timeout_ms = HG_ALERT_TIMEOUT_MS,
        .body_max = ANSWER_MAX,
        .is_cancelled = is_cancelled,
        .arg = alerts,
    };
    int64_t begun_ms = hg_time_monotonic_ms();
    int r = hg_net_send(alerts->client, &request, &response, err);
    ret->latency_ms = hg_time_monotonic_ms() - begun_ms;
    if (r == HG_OK) {
        ret->http_status = response.status;
        ret->retry_after_ms = response.retry_after_ms;
        r = hg_net_check(&response, err);
    }
    return r;
}

/*
 * An answer is for good only where it says that it is about this message or that nothing is there
 * any more; an address that is missing or forbidden may be put right by somebody. Without an answer
 * it is for good when we will not ask at all. A secret that does not open is not: the channel may
 * have been given another address just now. Whoever answers without an end has most likely got it.
 */
static void judge(int code, struct hg_alert_posted *ret)
{
    static const int final_statuses[] = {400, 410, 413, 422};
    static const int final_codes[] = {HG_EINVAL, HG_EFORBIDDEN, HG_ENOTSUP, HG_ETOOBIG};
    static const int of_channel[] = {
        HG_EUNAVAILABLE, HG_ETIMEDOUT, HG_ERATELIMITED, HG_EUNAUTHENTICATED};
    for (size_t i = 0; ret->http_status && i < HG_COUNT(final_statuses); i++) {
        ret->is_final |= ret->http_status == final_statuses[i];
    }
    for (size_t i = 0; !ret->http_status && i < HG_COUNT(final_codes); i++) {
        ret->is_final |= code == final_codes[i];
    }
    for (size_t i = 0; i < HG_COUNT(of_channel); i++) {
        ret->is_channels |= code == of_channel[i];
    }
}

/* ---- mail ---- */

static void put_recipients(const json_t *to, const char *ret[RECIPIENTS + 1])
{
    size_t i;
    const json_t *item;
    size_t n = 0;
    json_array_foreach (to, i, item) {
        if (n < RECIPIENTS && json_is_string(item)) {
            ret[n++] = json_string_value(item);
        }
    }
    ret[n] = NULL;
}

static int send_mail(struct hg_alerts *alerts,
                     const struct hg_alert_target *target,
                     const struct hg_alert_message *message,
                     struct hg_alert_posted *ret,
                     struct hg_error *err)
{
    const struct hg_host_config *config = alerts->options.config;
    const char *to[RECIPIENTS + 1];
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    if (!config->smtp_host) {
        return hg_error_set(
            err, HG_ECONFLICT, "the host's file names no mail server (alerts.smtp)");
    }
    put_recipients(json_object_get(target->config, "to"), to);
    const struct hg_mail_head head = {message->id, config->smtp_from, to, hg_time_now_us()};
    hg_mail_put(&text, &head, message->content);
    if (hg_buf_failed(&text)) {
        return hg_error_nomem(err);
    }
    /* The numbers are those of hg_config_smtp_tls. */
    const struct hg_smtp_server server = {.host = config->smtp_host,
                                          .port = config->smtp_port,
                                          .tls = (enum hg_smtp_tls)config->smtp_tls,
                                          .username = config->smtp_username,
                                          .password = config->smtp_password,
                                          .ca_file = config->smtp_ca_file};
    const struct hg_smtp_mail mail = {.from = config->smtp_from,
                                      .to = to,
                                      .text = text.data,
                                      .n_text = text.len,
                                      .timeout_ms = HG_ALERT_TIMEOUT_MS,
                                      .is_cancelled = is_cancelled,
                                      .arg = alerts};
    int status = 0; /* stands in the error's text where it matters */
    int64_t begun_ms = hg_time_monotonic_ms();
    int r = hg_smtp_send(&server, &mail, &status, err);
    ret->latency_ms = hg_time_monotonic_ms() - begun_ms;
    return r;
}

static int post(struct hg_alerts *alerts,
                const struct hg_alert_target *target,
                const struct hg_alert_message *message,
                struct secrets *secrets,
                struct hg_alert_posted *ret,
                struct hg_error *err)
{
    size_t i = 0;
    struct parts parts = {.body = NULL};
    if (strcmp(target->kind, "email") == 0) {
        return send_mail(alerts, target, message, ret, err);
    }
    while (i < HG_COUNT(kinds) && strcmp(kinds[i].kind, target->kind) != 0) {
        i++;
    }
    if (i == HG_COUNT(kinds)) {
        return hg_error_set(
            err, HG_ENOTSUP, "this version does not know channels of kind %s", target->kind);
    }
    int r = get_secrets(alerts, target, kinds[i].has_secret, secrets, err);
    r = r < 0 ? r : kinds[i].make(message, secrets->key, &parts, err);
    r = r < 0 ? r : send_parts(alerts, secrets, &parts, ret, err);
    free(parts.body);
    return r;
}

/* The log and the page show one text. */
static void add_hint(struct hg_error *why)
{
    size_t n = strlen(why->message);
    if (why->hint[0]) {
        (void)snprintf(why->message + n, sizeof why->message - n, ". %s", why->hint);
    }
}

int hg_alert_post(struct hg_alerts *alerts,
                  const struct hg_alert_target *target,
                  const struct hg_alert_message *message,
                  struct hg_alert_posted *ret,
                  struct hg_error *err)
{
    HG_CLEANUP(free_secrets) struct secrets secrets = {NULL, NULL};
    struct hg_scrubber scrubber = {.n = 0};
    struct hg_error why = HG_ERROR_INIT;
    *ret = (struct hg_alert_posted){.retry_after_ms = -1};
    int r = post(alerts, target, message, &secrets, ret, &why);
    if (r == HG_OK) {
        return r;
    }
    judge(r, ret);
    if (secrets.url && hg_scrub_add(&scrubber, secrets.url, NULL) == HG_OK && secrets.key) {
        (void)hg_scrub_add(&scrubber, secrets.key, NULL);
    }
    add_hint(&why);
    hg_scrub_error(&scrubber, &why);
    if (err) {
        hg_error_copy(err, &why);
    }
    return r;
}
