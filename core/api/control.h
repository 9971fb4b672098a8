/*
 * The control socket, <data_dir>/control.sock: how `headgate run` and `headgate key rotate` reach
 * the running host.
 *
 * The client sends one line, {"call": "run", "pipeline", "params"}; the host answers a line
 * {"run": Run, "ended": bool} each time the run has moved on and at its end, or
 * {"error": {"code", "message", "hint", "pointer"}}. {"call": "pause" | "resume", "pipeline"}
 * is answered by a line {"done": true}; {"call": "rotate_key", "prepare"} by {"rotation": Rotation,
 * "ended": bool}, as a run is; {"call": "channels"} by {"channels": {name: true}}. Only the host's
 * own user and root get in. A run or rotation goes on when its client leaves.
 */
#ifndef HG_API_CONTROL_H
#define HG_API_CONTROL_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "vault/rotate.h"

struct hg_alerts;
struct hg_pipelines;
struct hg_control;

/* ---- the host's side ---- */

/*
 * Listens, on a thread of its own. HG_EEXIST when another host serves this data folder. `service`,
 * `alerts` and `vault` are borrowed until hg_control_stop, which has to come before these stop.
 */
int hg_control_start(const char *data_dir,
                     struct hg_pipelines *service,
                     struct hg_alerts *alerts,
                     struct hg_vault *vault,
                     struct hg_control **ret,
                     struct hg_error *err);
/* Tells clients that the host stops, removes the socket. */
void hg_control_stop(struct hg_control *control);

/* ---- the command line's side ---- */

/* Whether a host serves this data folder. */
bool hg_control_is_running(const char *data_dir);

/* `run` is borrowed until the call returns. */
typedef void hg_control_progress(void *arg, const json_t *run);

/*
 * Triggers a pipeline on the running host and waits for its run to end. `params` and `on_progress`
 * may be NULL. *ret_run is the Run as it ended, owned by the caller; look at its status.
 * HG_ENOTFOUND for an unknown pipeline or when no host runs (ask hg_control_is_running first),
 * HG_EINVAL for params, HG_ECONFLICT when a run is under way (the message names it), HG_EFORBIDDEN
 * for another user, HG_EUNAVAILABLE when the host goes away meanwhile.
 */
int hg_control_run_pipeline(const char *data_dir,
                            const char *pipeline,
                            const json_t *params,
                            hg_control_progress *on_progress,
                            void *arg,
                            json_t **ret_run,
                            struct hg_error *err);

/*
 * Pauses or resumes all hosts on the running host's database, or the schedule of a pipeline (NULL:
 * all). HG_ENOTFOUND for an unknown pipeline, HG_EFORBIDDEN for another user.
 */
int hg_control_pause(const char *data_dir, bool paused, const char *pipeline, struct hg_error *err);

/* The names of the alert channels that the running host knows: hg_channel_names. */
int hg_control_channel_names(const char *data_dir, json_t **ret, struct hg_error *err);

/*
 * Has the running host rotate the master key (vault/rotate.h) and waits until it has.
 * `on_progress` may be NULL. Errors are those of hg_vault_rotate; HG_ENOTFOUND when no host runs,
 * HG_EUNAVAILABLE when the host goes away meanwhile: the next rotation goes on with what is left.
 */
int hg_control_rotate_key(const char *data_dir,
                          bool only_prepare,
                          hg_rotation_progress *on_progress,
                          void *arg,
                          struct hg_rotation *ret,
                          struct hg_error *err);

#endif
