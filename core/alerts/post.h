/*
 * One attempt to send one message to one channel.
 */
#ifndef HG_ALERTS_POST_H
#define HG_ALERTS_POST_H

#include "alerts/state.h"
#include "base/uuid.h"

/* The table and fields of a channel's secrets in the vault. */
#define HG_CHANNEL_TABLE  "alert_channel"
#define HG_CHANNEL_URL    "url"
#define HG_CHANNEL_SECRET "secret"

struct hg_alert_message {
    char id[HG_UUID_TEXT]; /* of the delivery: the same in each attempt */
    const json_t *content; /* an object: type, summary, count, ... */
};

/* Where it goes, all borrowed. */
struct hg_alert_target {
    const char *id; /* of the channel */
    const char *kind;
    const json_t *config;
};

struct hg_alert_posted {
    int http_status; /* 0: there was no answer */
    int64_t latency_ms;
    bool is_final;          /* trying again cannot change it */
    bool is_channels;       /* the channel is away or overloaded: others would fare alike */
    int64_t retry_after_ms; /* -1: not said */
};

/* HG_OK when it was taken. The error holds no secret. *ret is set also after a failure. */
int hg_alert_post(struct hg_alerts *alerts,
                  const struct hg_alert_target *target,
                  const struct hg_alert_message *message,
                  struct hg_alert_posted *ret,
                  struct hg_error *err);

#endif
