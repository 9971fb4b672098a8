#include "alerts/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alerts/fold.h"
#include "alerts/post.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"

enum {
    NUMBER_TEXT = 24,
    BATCH = 50, /* of one claim; then others have their turn */
    BACKOFF_MS = 5000,
    BACKOFF_MAX_MS = 600000, /* of a delivery */
    PAUSE_MAX_MS = 300000,   /* of a channel */
    HOLD_MAX_MS = 3600000,   /* of what Retry-After asks for */
    WRITE_WAIT_MS = 500,
    STORM_WINDOW_MS = 600000,
};

struct claim {
    char id[HG_UUID_TEXT];
    char *name;
    char *kind;
    json_t *config;
    char fence[NUMBER_TEXT];
    int64_t failures;
};

static void free_claim(struct claim *claim)
{
    free(claim->name);
    free(claim->kind);
    json_decref(claim->config);
}

/* ---- statements ---- */

/*
 * Times that lie further ahead than any that is written are of a clock that was set back since:
 * they are taken for over, or nobody would be told for as long as that. HOLD_MAX_MS and its jitter.
 */
#define IS_DUE(time) "(" time " <= now() or " time " > now() + interval '70 minutes')"
/* HG_ALERT_LEASE_MS. */
#define IS_OVER(lease) "(" lease " < now() or " lease " > now() + interval '5 minutes')"

/* clang-format off */

static const struct hg_statement release_own = {
    "alert_release_own",
    "update alert_channel set host = null, lease_until = null where host = $1",
    1};

/* Those that take what they are sent come first. */
static const struct hg_statement claim_channel = {
    "alert_claim",
    "update alert_channel set host = $1, fence = fence + 1,"
    " lease_until = now() + $2::bigint * interval '1 millisecond' where id = ("
    " select c.id from alert_channel c cross join lateral (select min(next_at) as at"
    " from alert_delivery where channel_id = c.id and status = 'pending') due"
    " where " IS_DUE("due.at") " and (c.lease_until is null or " IS_OVER("c.lease_until") ")"
    " and (c.retry_at is null or " IS_DUE("c.retry_at") ") and (not $3::boolean or c.failures = 0)"
    " order by c.failures > 0, due.at limit 1 for update of c skip locked)"
    " returning id, name, kind, config, fence, failures",
    3};

/*
 * Counts the attempt before it is made: whoever dies in it has made one. What came due since a storm
 * was looked for is held back all the same.
 */
static const struct hg_statement next_delivery = {
    "alert_next",
    "with held as (update alert_channel set lease_until = now() + $4::bigint * interval '1 millisecond'"
    " where id = $1 and host = $2 and fence = $3::bigint returning id),"
    " next as (select d.id from alert_delivery d join held on held.id = d.channel_id"
    " where d.status = 'pending' and " IS_DUE("d.next_at") " and (d.is_notice or"
    " (select count(*) from alert_delivery s where s.channel_id = $1 and s.status = 'sent'"
    " and not s.is_notice and s.sent_at <= now() and s.sent_at > now() - $6::bigint * interval '1 millisecond') < $5::int)"
    " order by d.is_notice desc, d.next_at, d.id limit 1 for update of d skip locked)"
    " update alert_delivery d set attempts = d.attempts + 1 from next, alert a"
    " where d.id = next.id and a.id = d.alert_id"
    " returning d.id, d.attempts, " HG_ALERT_CONTENT,
    6};

static const struct hg_statement hold_back = {
    "alert_hold_back",
    "update alert_delivery d set status = 'suppressed', next_at = null,"
    " error = 'held back: the channel had got ' || $4 || ' within ten minutes'"
    " from alert_channel c where c.id = $1 and c.host = $2 and c.fence = $3::bigint"
    " and d.channel_id = c.id and d.status = 'pending' and not d.is_notice and " IS_DUE("d.next_at")
    " and (select count(*) from alert_delivery s where s.channel_id = c.id and s.status = 'sent'"
    " and not s.is_notice and s.sent_at <= now() and s.sent_at > now() - $5::bigint * interval '1 millisecond') >= $4::int"
    " returning d.id",
    5};

/*
 * Under the fence of its claim. What could not be sent for a day is given up. Whoever ended it
 * meanwhile is seen by the last condition alone: the first part is not looked at again.
 */
static const struct hg_statement end_delivery = {
    "alert_end",
    "with given as (select d.id, case when $4 = 'pending' and d.created_at < now() - interval '1 day'"
    " then 'failed' else $4 end as status from alert_delivery d join alert_channel c"
    " on c.id = d.channel_id where d.id = $1 and d.status = 'pending' and c.host = $2"
    " and c.fence = $3::bigint)"
    " update alert_delivery d set status = g.status, next_at = case when g.status = 'pending'"
    " then now() + $5::bigint * interval '1 millisecond' end,"
    " sent_at = case when g.status = 'sent' then now() end, http_status = $6::int, error = $7"
    " from given g where d.id = g.id and d.status = 'pending' returning d.status",
    7};

static const struct hg_statement release = {
    "alert_release",
    "update alert_channel set host = null, lease_until = null, failures = $4::int,"
    " retry_at = case when $5::bigint > 0 then now() + $5::bigint * interval '1 millisecond' end"
    " where id = $1 and host = $2 and fence = $3::bigint",
    5};

/* clang-format on */

static const char *number(char text[NUMBER_TEXT], int64_t value)
{
    (void)snprintf(text, NUMBER_TEXT, "%" PRId64, value);
    return text;
}

/* One statement on a connection that is given back at once: none is held while something is sent.
 */
static int ask(struct hg_alerts *alerts,
               const struct hg_statement *statement,
               const char *const *params,
               PGresult **ret,
               struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    return r < 0 ? r : hg_db_exec(db, statement, params, ret, err);
}

/*
 * The same for what must be written down: while the database is away it is waited for, as long as
 * the claim may hold. What was sent would be sent again, and a claim that is not given back keeps
 * its channel waiting.
 */
static int insist(struct hg_alerts *alerts,
                  const struct hg_statement *statement,
                  const char *const *params,
                  PGresult **ret,
                  struct hg_error *err)
{
    int64_t until_ms = hg_time_monotonic_ms() + HG_ALERT_LEASE_MS;
    int r = ask(alerts, statement, params, ret, err);
    while (r == HG_EUNAVAILABLE && hg_time_monotonic_ms() < until_ms &&
           !atomic_load(&alerts->cancelled)) {
        hg_time_pause_ms(WRITE_WAIT_MS);
        r = ask(alerts, statement, params, ret, err);
    }
    return r;
}

int hg_alert_release_own(struct hg_alerts *alerts, struct hg_error *err)
{
    const char *const params[] = {alerts->host};
    return ask(alerts, &release_own, params, NULL, err);
}

/* ---- delays ---- */

/* Doubles from try to try; a tenth of jitter keeps many apart. */
static int64_t backoff_ms(int64_t tries, int64_t max_ms)
{
    uint64_t random = 0;
    int64_t delay = BACKOFF_MS;
    for (int64_t i = 1; i < tries && delay < max_ms; i++) {
        delay *= 2;
    }
    delay = delay > max_ms ? max_ms : delay;
    (void)hg_random_bytes(&random, sizeof random, NULL);
    return delay + (int64_t)(random % 100) * delay / 1000;
}

static int64_t at_least(int64_t delay_ms, int64_t retry_after_ms)
{
    int64_t asked = retry_after_ms > HOLD_MAX_MS ? HOLD_MAX_MS : retry_after_ms;
    return asked > delay_ms ? asked : delay_ms;
}

/* ---- one delivery ---- */

int hg_alert_content(struct hg_alerts *alerts,
                     const PGresult *alert,
                     json_t **ret,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *content = hg_result_json(alert, 0, "message");
    HG_CLEANUP(hg_json_decrefp) json_t *detail = hg_result_json(alert, 0, "detail");
    const char *base = alerts->options.config->public_url;
    const char *pipeline =
        json_string_value(json_object_get(json_object_get(detail, "pipeline"), "id"));
    const char *run = json_string_value(json_object_get(json_object_get(detail, "run"), "id"));
    if (!content || !detail || json_object_update(content, detail) < 0) {
        return hg_error_nomem(err);
    }
    if (base && pipeline && run &&
        json_object_set_new(
            content, "url", json_sprintf("%s/pipelines/%s?run=%s", base, pipeline, run)) < 0) {
        return hg_error_nomem(err);
    }
    *ret = HG_TAKE(content);
    return HG_OK;
}

static const char *status_of(int r, const struct hg_alert_posted *posted)
{
    return r == HG_OK ? "sent" : posted->is_final ? "failed" : "pending";
}

static void count_end(struct hg_alerts *alerts, const char *status)
{
    enum hg_alert_outcome outcome = strcmp(status, "sent") == 0     ? HG_ALERT_SENT
                                    : strcmp(status, "failed") == 0 ? HG_ALERT_FAILED
                                                                    : HG_ALERT_RETRIED;
    (void)atomic_fetch_add(&alerts->n[outcome], 1);
}

static int write_end(struct hg_alerts *alerts,
                     const struct claim *claim,
                     const char *const *params,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *written = NULL;
    int r = insist(alerts, &end_delivery, params, &written, err);
    if (r < 0 || PQntuples(written) == 0) {
        return r; /* without a row the claim was lost: whoever has it now sends it again */
    }
    const char *status = hg_result_text(written, 0, "status");
    count_end(alerts, status);
    if (strcmp(status, "failed") == 0) {
        hg_log(HG_LOG_WARNING,
               "an alert could not be delivered",
               "channel",
               claim->name,
               "delivery",
               params[0],
               "error",
               params[6],
               NULL);
    }
    return HG_OK;
}

/* Sends what `next` holds and writes down what came of it. */
static int send_next(struct hg_alerts *alerts,
                     const struct claim *claim,
                     const PGresult *next,
                     struct hg_alert_posted *ret_posted,
                     int *ret_sent,
                     struct hg_error *err)
{
    struct hg_error why = HG_ERROR_INIT;
    struct hg_alert_message message = {.content = NULL};
    HG_CLEANUP(hg_json_decrefp) json_t *content = NULL;
    const struct hg_alert_target target = {claim->id, claim->kind, claim->config};
    int r = hg_alert_content(alerts, next, &content, err);
    if (r < 0) {
        return r;
    }
    message.content = content;
    (void)snprintf(message.id, sizeof message.id, "%s", hg_result_text(next, 0, "id"));
    int sent = hg_alert_post(alerts, &target, &message, ret_posted, &why);
    if (sent == HG_ECANCELLED) {
        return hg_error_set(err, HG_ECANCELLED, "the host stops");
    }
    char delay[NUMBER_TEXT];
    char http_status[NUMBER_TEXT];
    int64_t delay_ms = backoff_ms(hg_result_int64(next, 0, "attempts", 1), BACKOFF_MAX_MS);
    const char *const params[] = {
        message.id,
        alerts->host,
        claim->fence,
        status_of(sent, ret_posted),
        number(delay, at_least(delay_ms, ret_posted->retry_after_ms)),
        ret_posted->http_status ? number(http_status, ret_posted->http_status) : NULL,
        sent < 0 ? why.message : NULL};
    *ret_sent = sent;
    return write_end(alerts, claim, params, err);
}

/* ---- a storm ---- */

static int tell_of_storm(struct hg_alerts *alerts,
                         const struct claim *claim,
                         int n,
                         struct hg_db *db,
                         struct hg_error *err)
{
    char key[128];
    char summary[256];
    char channels[80];
    int limit = alerts->options.config->alert_storm_limit;
    (void)snprintf(key, sizeof key, "alerts.held_back:%s", claim->id);
    (void)snprintf(channels, sizeof channels, "{%s}", claim->name);
    (void)snprintf(
        summary,
        sizeof summary,
        "More than %d alerts within ten minutes: further ones are held back and stand in "
        "the log of alerts only",
        limit);
    const struct hg_alert_new alert = {.key = key,
                                       .window_ms = STORM_WINDOW_MS,
                                       .type = "alerts.held_back",
                                       .channels = channels,
                                       .summary = summary,
                                       .detail = "{}",
                                       .count = n,
                                       .is_notice = true};
    return hg_alert_raise(db, &alert, NULL, err);
}

/* Where a channel has got what it may get in a while, what is due is held back, and it is said. */
static int stop_storm(struct hg_alerts *alerts, const struct claim *claim, struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *held = NULL;
    char limit[NUMBER_TEXT];
    char window[NUMBER_TEXT];
    const char *const params[] = {claim->id,
                                  alerts->host,
                                  claim->fence,
                                  number(limit, alerts->options.config->alert_storm_limit),
                                  number(window, STORM_WINDOW_MS)};
    int r = hg_pool_borrow(alerts->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_exec(db, &hold_back, params, &held, err);
    int n = r == HG_OK ? PQntuples(held) : 0;
    r = r < 0 || n == 0 ? r : tell_of_storm(alerts, claim, n, db, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r == HG_OK) {
        (void)atomic_fetch_add(&alerts->n[HG_ALERT_SUPPRESSED], (uint_fast64_t)n);
    }
    return r;
}

/* ---- a channel ---- */

static int claim_one(struct hg_alerts *alerts,
                     bool healthy_only,
                     struct claim *ret,
                     bool *ret_found,
                     struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *row = NULL;
    char lease[NUMBER_TEXT];
    const char *const params[] = {
        alerts->host, number(lease, HG_ALERT_LEASE_MS), healthy_only ? "true" : "false"};
    int r = ask(alerts, &claim_channel, params, &row, err);
    *ret_found = r == HG_OK && PQntuples(row) > 0;
    if (!*ret_found) {
        return r;
    }
    (void)snprintf(ret->id, sizeof ret->id, "%s", hg_result_text(row, 0, "id"));
    (void)snprintf(ret->fence, sizeof ret->fence, "%s", hg_result_text(row, 0, "fence"));
    ret->failures = hg_result_int64(row, 0, "failures", 0);
    ret->name = strdup(hg_result_text(row, 0, "name"));
    ret->kind = strdup(hg_result_text(row, 0, "kind"));
    ret->config = hg_result_json(row, 0, "config");
    return ret->name && ret->kind && ret->config ? HG_OK : hg_error_nomem(err);
}

/* Goes on as long as the channel takes things; *ret_pause_ms > 0 when it is away. */
static int send_due(struct hg_alerts *alerts,
                    struct claim *claim,
                    int64_t *ret_pause_ms,
                    struct hg_error *err)
{
    char lease[NUMBER_TEXT];
    char limit[NUMBER_TEXT];
    char window[NUMBER_TEXT];
    const char *const params[] = {claim->id,
                                  alerts->host,
                                  claim->fence,
                                  number(lease, HG_ALERT_LEASE_MS),
                                  number(limit, alerts->options.config->alert_storm_limit),
                                  number(window, STORM_WINDOW_MS)};
    for (int i = 0; i < BATCH && *ret_pause_ms == 0; i++) {
        HG_CLEANUP(hg_resultp) PGresult *next = NULL;
        struct hg_alert_posted posted = {.http_status = 0};
        int sent = HG_OK;
        int r = stop_storm(alerts, claim, err);
        r = r < 0 ? r : ask(alerts, &next_delivery, params, &next, err);
        if (r < 0 || PQntuples(next) == 0) {
            return r;
        }
        r = send_next(alerts, claim, next, &posted, &sent, err);
        if (r < 0) {
            return r;
        }
        if (sent == HG_OK) {
            claim->failures = 0;
        } else if (posted.is_channels) {
            claim->failures++;
            *ret_pause_ms =
                at_least(backoff_ms(claim->failures, PAUSE_MAX_MS), posted.retry_after_ms);
        }
    }
    return HG_OK;
}

int hg_alert_deliver(struct hg_alerts *alerts,
                     bool healthy_only,
                     bool *ret_found,
                     struct hg_error *err)
{
    HG_CLEANUP(free_claim) struct claim claim = {.name = NULL};
    bool found = false;
    int64_t pause_ms = 0;
    int r = claim_one(alerts, healthy_only, &claim, &found, err);
    if (!found) {
        *ret_found = false;
        return r;
    }
    r = r < 0 ? r : send_due(alerts, &claim, &pause_ms, err);
    char failures[NUMBER_TEXT];
    char pause[NUMBER_TEXT];
    const char *const params[] = {claim.id,
                                  alerts->host,
                                  claim.fence,
                                  number(failures, claim.failures),
                                  number(pause, pause_ms)};
    int released = insist(alerts, &release, params, NULL, r < 0 ? NULL : err);
    *ret_found = true;
    return r < 0 ? r : released;
}
