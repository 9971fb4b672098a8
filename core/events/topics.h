/*
 * What events are about. A client asks for topics, and each event has one.
 */
#ifndef HG_EVENTS_TOPICS_H
#define HG_EVENTS_TOPICS_H

#include <stdint.h>

#include "base/error.h"

enum hg_topic {
    HG_TOPIC_RUNS = 0,
    HG_TOPIC_LOGS,
    HG_TOPIC_WEBHOOKS,
    HG_TOPIC_QUALITY,
    HG_TOPIC_PROVIDERS,
    HG_TOPIC_CONNECTORS,
    HG_TOPIC_ALERTS,
    HG_TOPICS, /* how many there are */
};

#define HG_TOPIC_BIT(topic) (UINT32_C(1) << (topic))
#define HG_TOPICS_ALL       (HG_TOPIC_BIT(HG_TOPICS) - 1)

/* "runs" and so on. Static. */
const char *hg_topic_name(enum hg_topic topic);
/*
 * "runs,logs" as a set of bits; NULL or an empty text are all topics. HG_EINVAL naming the first
 * that there is not, with a hint at what was meant.
 */
int hg_topics_parse(const char *text, uint32_t *ret, struct hg_error *err);

#endif
