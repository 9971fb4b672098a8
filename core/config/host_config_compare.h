/*
 * What has changed between two readings of the host's configuration.
 */
#ifndef HG_CONFIG_HOST_CONFIG_COMPARE_H
#define HG_CONFIG_HOST_CONFIG_COMPARE_H

#include "base/buf.h"
#include "config/host_config.h"

/* Appends the keys whose values differ, as "workers, files.roots", but `except`. No value is shown.
 */
void hg_host_config_differences(const struct hg_host_config *a,
                                const struct hg_host_config *b,
                                const char *except,
                                struct hg_buf *ret);

#endif
