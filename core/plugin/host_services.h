/*
 * What a process that opens plugins offers to them: a struct hg_host and the extensions behind it.
 * headgate.file/1 is implemented here; others, such as headgate.reject/1 and headgate.state/1, are
 * offered by whoever runs the plugin.
 */
#ifndef HG_PLUGIN_HOST_SERVICES_H
#define HG_PLUGIN_HOST_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hg_host_services;

/* Copied, but `arg`. */
struct hg_host_services_options {
    void *arg; /* goes to the functions below, which may each be NULL; called from any thread */
    void (*log)(void *arg, int level, const char *text);
    bool (*is_cancelled)(void *arg);
    void (*progress)(void *arg, int64_t rows, int64_t rows_total);
    /* Absolute folder that relative paths are taken from. */
    const char *base_folder;
    /* Absolute folders that open_read and glob may reach, ended by NULL. NULL: none. */
    const char *const *file_roots;
};

/* A root that does not exist allows nothing. *ret is owned by the caller. */
int hg_host_services_new(const struct hg_host_services_options *options,
                         struct hg_host_services **ret,
                         struct hg_error *err);
/* Takes NULL. No instance that knows the host is alive. */
void hg_host_services_free(struct hg_host_services *services);

/* Offers an extension; `id` and `table` live as long as `services`. Before any plugin is called. */
int hg_host_services_offer(struct hg_host_services *services,
                           const char *id,
                           const void *table,
                           struct hg_error *err);
/* Borrowed until hg_host_services_free. */
const struct hg_host *hg_host_services_host(const struct hg_host_services *services);
/* The `arg` of the options, for an extension's function, which is given the host. */
void *hg_host_services_arg(const struct hg_host *host);

#endif
