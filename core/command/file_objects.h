/*
 * What the objects of the host's files say, as the services take it.
 */
#ifndef HG_COMMAND_FILE_OBJECTS_H
#define HG_COMMAND_FILE_OBJECTS_H

#include "alerts/file_channels.h"
#include "auth/file_users.h"
#include "config/host_config.h"

/* Borrows from the configuration that it was made of, until its objects are forgotten. */
struct hg_file_objects {
    struct hg_file_user *users;
    size_t n_users;
    struct hg_file_channel *channels;
    size_t n_channels;
    bool *enabled; /* what those point to, as many */
};

/*
 * All that is wrong goes to `diagnostics` with its place, also a name that stands twice; HG_EINVAL
 * when there was something. *ret is the caller's in any case, hg_file_objects_free.
 */
int hg_file_objects_read(const struct hg_host_config *config,
                         struct hg_file_objects *ret,
                         struct hg_diagnostics *diagnostics,
                         struct hg_error *err);
void hg_file_objects_free(struct hg_file_objects *objects);

#endif
