/*
 * Alert channels that pipelines name under on_failure and that there are not. That is no error: a
 * channel may be made later. Until then the log of alerts says that nobody was told.
 */
#ifndef HG_COMMAND_CHECK_CHANNELS_H
#define HG_COMMAND_CHECK_CHANNELS_H

#include "alerts/alerts.h"
#include "config/host_config.h"

/*
 * For a command without a host of its own: prints them on stderr, with their places. Channels are
 * those of the files, and those that the running host of the data folder knows, else the database
 * that the configuration names by URL.
 */
void hg_check_channels(const struct hg_host_config *config);
/* For a host: puts them into the log. */
void hg_check_channels_of(const struct hg_host_config *config, struct hg_alerts *alerts);

#endif
