/*
 * The name of a host among those of a database. It keeps one name for life, so that after a crash
 * it knows its own tasks at once instead of waiting for their leases to run out.
 */
#ifndef HG_CONFIG_HOST_NAME_H
#define HG_CONFIG_HOST_NAME_H

#include "base/error.h"

enum { HG_HOST_NAME = 80 }; /* bytes of a host's name, with the NUL */

/* The name of the host of this data folder, made when there is none. */
int hg_host_name(const char *data_dir, char ret[HG_HOST_NAME], struct hg_error *err);

#endif
