/*
 * The shared page by which the supervisor knows whom to name when a worker dies: before each call
 * into a plugin the worker writes the plugin's id there, and takes it away when the call returned.
 */
#ifndef HG_WORKER_BLAME_H
#define HG_WORKER_BLAME_H

#include "base/error.h"

enum { HG_BLAME_TEXT = 64 };

struct hg_blame;

/* What the page says; each "" when unknown. */
struct hg_blame_note {
    char plugin[HG_BLAME_TEXT]; /* that was running */
    char job[HG_BLAME_TEXT];    /* that was at work, for which a plugin ran or ran last */
};

/* Makes the page. *ret_fd is a memfd for the child, owned by the caller. */
int hg_blame_new(struct hg_blame **ret, int *ret_fd, struct hg_error *err);
/* Maps the page that `fd` refers to. */
int hg_blame_open(int fd, struct hg_blame **ret, struct hg_error *err);
void hg_blame_free(struct hg_blame *blame);
/* `job` NULL: no task is running; `plugin_id` NULL: no plugin is. One thread. */
void hg_blame_set(struct hg_blame *blame, const char *job, const char *plugin_id);
/* Copies the page. Call when the writer is dead or idle. */
void hg_blame_get(const struct hg_blame *blame, struct hg_blame_note *ret);

#endif
