#include "events/topics.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *const names[HG_TOPICS + 1] = {
    [HG_TOPIC_RUNS] = "runs",
    [HG_TOPIC_LOGS] = "logs",
    [HG_TOPIC_WEBHOOKS] = "webhooks",
    [HG_TOPIC_QUALITY] = "quality",
    [HG_TOPIC_PROVIDERS] = "providers",
    [HG_TOPIC_CONNECTORS] = "connectors",
    [HG_TOPIC_ALERTS] = "alerts",
    [HG_TOPICS] = NULL,
};

const char *hg_topic_name(enum hg_topic topic)
{
    return names[topic];
}

static int refuse(const char *word, struct hg_error *err)
{
    const char *nearest = hg_nearest(word, names);
    (void)hg_error_set(err, HG_EINVAL, "there is no topic \"%s\"", word);
    if (nearest) {
        return hg_error_hint(err, "Did you mean \"%s\"?", nearest);
    }
    return hg_error_hint(
        err, "Topics are runs, logs, webhooks, quality, providers, connectors and alerts.");
}

int hg_topics_parse(const char *text, uint32_t *ret, struct hg_error *err)
{
    uint32_t topics = 0;
    if (!text || !*text) {
        *ret = HG_TOPICS_ALL;
        return HG_OK;
    }
    while (text) {
        char word[32];
        size_t n = strcspn(text, ",");
        int topic = 0;
        (void)snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word), text);
        while (topic < HG_TOPICS && strcmp(names[topic], word) != 0) {
            topic++;
        }
        if (topic == HG_TOPICS) {
            return refuse(word, err);
        }
        topics |= HG_TOPIC_BIT(topic);
        text = text[n] ? text + n + 1 : NULL;
    }
    *ret = topics;
    return HG_OK;
}
