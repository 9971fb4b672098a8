/*
 * How each kind of setting gets into struct hg_host_config. See struct hg_config_key.
 */
#ifndef HG_CONFIG_HOST_CONFIG_SET_H
#define HG_CONFIG_HOST_CONFIG_SET_H

#include "config/host_config_keys.h"

int hg_config_set_listen(const struct hg_config_setting *setting);
int hg_config_set_url(const struct hg_config_setting *setting);
int hg_config_set_path(const struct hg_config_setting *setting);
int hg_config_set_database(const struct hg_config_setting *setting);
int hg_config_set_paths(const struct hg_config_setting *setting);
/* Addresses or prefixes of them: base/address.h. */
int hg_config_set_networks(const struct hg_config_setting *setting);
int hg_config_set_int(const struct hg_config_setting *setting);
/* A text that is not empty and has no control characters. */
int hg_config_set_text(const struct hg_config_setting *setting);
/* An address of mail: base/mail.h. */
int hg_config_set_mail(const struct hg_config_setting *setting);
int hg_config_set_smtp_tls(const struct hg_config_setting *setting);
/* A duration; the bounds are in seconds. */
int hg_config_set_duration(const struct hg_config_setting *setting);
int hg_config_set_pins(const struct hg_config_setting *setting);
/* Maps, which stay in the tree they were read to: config/objects.h. */
int hg_config_set_objects(const struct hg_config_setting *setting);
int hg_config_set_days(const struct hg_config_setting *setting);
int hg_config_set_log_level(const struct hg_config_setting *setting);
int hg_config_set_log_format(const struct hg_config_setting *setting);
/* Refuses a key that this version knows of but does nothing with. */
int hg_config_set_later(const struct hg_config_setting *setting);

#endif
