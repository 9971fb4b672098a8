/*
 * What an alert channel may be. No database is asked.
 */
#ifndef HG_ALERTS_CHANNEL_RULES_H
#define HG_ALERTS_CHANNEL_RULES_H

#include "alerts/alerts.h"
#include "net/url.h"

/* HG_EINVAL with a pointer, as those below; NULL is fine. */
int hg_channel_check_name(const char *name, struct hg_error *err);
/* A new one, as a whole; `name` and `kind` are given. *ret_origin is that of its URL, or "". */
int hg_channel_check_new(const struct hg_host_config *config,
                         const struct hg_channel_wish *wish,
                         char ret_origin[HG_ORIGIN_TEXT],
                         struct hg_error *err);
/* What is given of one of that kind; *ret_origin is set where a URL is. */
int hg_channel_check_change(const char *kind,
                            const struct hg_channel_wish *wish,
                            char ret_origin[HG_ORIGIN_TEXT],
                            struct hg_error *err);

/* What the row says of where it goes. Owned by the caller; NULL without memory. */
char *hg_channel_config_text(const struct hg_channel_wish *wish, const char *origin);

#endif
