/*
 * An instance of a connector outside of any flow, for `plugin check` and `plugin run`: its
 * configuration from a file, a host that allows what the user may read, and counts of what it
 * rejects.
 */
#ifndef HG_PLUGIN_SESSION_H
#define HG_PLUGIN_SESSION_H

#include <stdio.h>

#include <jansson.h>

#include "base/error.h"
#include "plugin/host_services.h"

struct hg_plugin_session {
    const struct hg_plugin *plugin;
    const struct hg_connector_vtable *vtable;
    struct hg_host_services *services;
    FILE *log; /* log lines and rejected rows; NULL: none */
    int64_t n_rejected;
    char *state; /* put last, or NULL */
    void *inst;  /* NULL while not open */
};

/*
 * The configuration in a JSON file (NULL: an empty one), checked against the plugin's schema with
 * the defaults filled in. HG_EINVAL with each violation in the message. *ret is owned by the
 * caller.
 */
int hg_session_read_config(const struct hg_plugin *plugin,
                           const char *config_file,
                           json_t **ret,
                           struct hg_error *err);
/*
 * Makes the host. Relative paths start in the config file's folder (NULL: the working folder); any
 * file that the user may read is allowed. The session must not move. Free it whatever is returned.
 */
int hg_session_init(struct hg_plugin_session *session,
                    const struct hg_plugin *plugin,
                    const char *config_file,
                    FILE *log,
                    struct hg_error *err);
void hg_session_free(struct hg_plugin_session *session);
/* Opens and closes the instance. */
int hg_session_open(struct hg_plugin_session *session, const json_t *config, struct hg_error *err);
void hg_session_close(struct hg_plugin_session *session);
/* Starts a read; *ret_stream is owned by the caller. */
int hg_session_read(struct hg_plugin_session *session,
                    const char *stream,
                    struct ArrowArrayStream *ret_stream,
                    struct hg_error *err);
/* Puts the whole error of the stream's last failure into *err; returns its code. */
int hg_session_stream_error(struct hg_plugin_session *session,
                            struct ArrowArrayStream *stream,
                            int errno_value,
                            struct hg_error *err);

#endif
