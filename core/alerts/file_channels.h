/*
 * Alert channels that the host's files name.
 *
 * A file's word goes over what was there, as with users (auth/file_users.h): a channel of that name
 * is taken over. One whose entry is gone is switched off and keeps its row and its log; it comes
 * back with the entry. What is as the file says already stays untouched, its secrets too.
 */
#ifndef HG_ALERTS_FILE_CHANNELS_H
#define HG_ALERTS_FILE_CHANNELS_H

#include "alerts/alerts.h"

struct hg_file_channel {
    struct hg_channel_wish wish; /* as of a new one */
    const char *file;            /* as the API names it: "channels/ops.yaml"; borrowed */
};

/*
 * HG_EINVAL with a pointer for what it may not be; also a webhook without a secret, which nobody
 * would ever see. Asks no database.
 */
int hg_file_channel_check(const struct hg_host_config *config,
                          const struct hg_file_channel *channel,
                          struct hg_error *err);
/*
 * Makes the channels of files what `channels` says, all of them or none; each is right by
 * hg_file_channel_check and each name stands once. [any] thread.
 */
int hg_file_channels_apply(struct hg_alerts *alerts,
                           const struct hg_file_channel *channels,
                           size_t n,
                           struct hg_error *err);

#endif
