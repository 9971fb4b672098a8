/*
 * The host's HTTP interface: /api/v1, /healthz, /readyz and the web pages, over the services.
 */
#ifndef HG_API_API_H
#define HG_API_API_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "config/host_config.h"

struct hg_alerts;
struct hg_api;
struct hg_events;
struct hg_file_user;
struct hg_pipelines;
struct hg_plugin_registry;
struct hg_pool;
struct hg_vault;

/* All borrowed until hg_api_stop returns. */
struct hg_api_options {
    const struct hg_host_config *config; /* listen_*, public_url, data_dir, web_dir */
    struct hg_pipelines *pipelines;
    struct hg_alerts *alerts;
    struct hg_vault *vault; /* what is to be said of it; NULL: nothing */
    struct hg_pool *metadata;
    struct hg_pool *warehouse; /* whose datasets are served */
    const struct hg_plugin_registry *plugins;
    struct hg_events *events;   /* of /api/v1/events; NULL: there are no live updates */
    const char *version;        /* of the program */
    const char *admin_password; /* of the first user (HEADGATE_ADMIN_PASSWORD); NULL: one is made */
    FILE *terminal; /* where that one is printed; NULL: no terminal, it goes to a file */
    const struct hg_file_user *users; /* those of the host's files; borrowed until it has started */
    size_t n_users;
};

/*
 * Makes the first user where there is none, applies those of the files, and serves. HG_ECONFLICT
 * when the address is taken.
 */
int hg_api_start(const struct hg_api_options *options, struct hg_api **ret, struct hg_error *err);
/* The port it listens on (config->listen_port may be 0). */
int hg_api_port(const struct hg_api *api);
/* Reads the certificate again; the old one stays after a failure. [any] thread. */
int hg_api_reload(struct hg_api *api, struct hg_error *err);
/* What the host's files say of users by now (auth/file_users.h). [any] thread. */
int hg_api_apply_users(struct hg_api *api,
                       const struct hg_file_user *users,
                       size_t n,
                       struct hg_error *err);
/* Stop it before the services: requests finish within `grace_ms`, the rest get 503. */
void hg_api_stop(struct hg_api *api, int64_t grace_ms);

#endif
