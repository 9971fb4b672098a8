/*
 * Logs of jobs: `<data_dir>/logs/<run>/<job>.<attempt>.jsonl` while the attempt is under way, an
 * archive of it afterwards (logfile_index.h). The host writes them, for a worker may die at any
 * moment. All [any] thread, but for opening and closing.
 */
#ifndef HG_JOBLOG_JOB_LOG_H
#define HG_JOBLOG_JOB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/uuid.h"

struct hg_job_logs; /* those of a host */

enum { HG_JOB_ID = 64 }; /* bytes of a job's id, with the NUL */

struct hg_job_log_name {
    char run_id[HG_UUID_TEXT];
    char job[HG_JOB_ID];
    int attempt;
};

/* All borrowed until hg_job_logs_close returns. */
struct hg_job_logs_options {
    const char *data_dir;
    void *arg;
    /* Whether an attempt of this host will still end the log. No lock of ours is held meanwhile. */
    bool (*is_under_way)(void *arg, const struct hg_job_log_name *name);
    /* Told of each line, without its end, that was written or should have been. Never waits. */
    void (*on_line)(void *arg, const struct hg_job_log_name *name, const char *line, size_t n);
};

/*
 * Starts the archiver, which looks first through what an earlier life of the host has left: logs
 * that are torn and not under way are ended, and those that have ended archived.
 */
int hg_job_logs_open(const struct hg_job_logs_options *options,
                     struct hg_job_logs **ret,
                     struct hg_error *err);
/* What is to be archived is, for a while; the rest when they are opened next. NULL is fine. */
void hg_job_logs_close(struct hg_job_logs *logs);

/* Job ids are slugs, run ids are UUIDs. */
struct hg_job_log_name hg_job_log_name(const char *run_id, const char *job, int attempt);

/*
 * Appends what an attempt says, unless its log is full. Failures are said in the host's log once,
 * when they begin; the job's log says how many lines are missing.
 */
void hg_job_log_append(struct hg_job_logs *logs,
                       const struct hg_job_log_name *name,
                       int level,
                       int64_t at_us,
                       const char *message);
/* Appends what the host has to say of an attempt, also to a log that is full. */
void hg_job_log_say(struct hg_job_logs *logs,
                    const struct hg_job_log_name *name,
                    int level,
                    const char *message);
/* The attempt has ended: the log gets no more lines and is archived. */
void hg_job_log_end(struct hg_job_logs *logs, const struct hg_job_log_name *name);
/*
 * An attempt ended without being ended: the last line of its job's log says so, if it does not yet,
 * and the log has ended.
 */
void hg_job_log_lost(struct hg_job_logs *logs,
                     const struct hg_job_log_name *name,
                     const char *message);
/* What is told of an attempt that ended with this host; see hg_job_log_lost. */
#define HG_JOB_LOG_DEAD                                                                    \
    "this attempt ended with its host, which was killed, crashed or lost its machine; how" \
    " far it came is not in this log"

struct hg_job_log_query {
    int limit;          /* lines, 1..500 */
    const char *cursor; /* NULL: from the begin, or the end */
    int attempt;        /* 0: all of them, one after the other */
    int level;          /* enum hg_log_level: lines of this and what is worse; HG_LOG_DEBUG: all */
    int64_t line;       /* the first one, from 1, of an attempt; 0: from the begin */
    bool tail;          /* the last lines, in their order; the next page has those before them */
};
/*
 * A page of the logs of the job `of`, whose attempt is its last one: {"items": [{"at", "level",
 * "message", "attempt"}], "attempt", "next_cursor"}, owned by the caller. `attempt` is the last
 * one's number. HG_EINVAL for a cursor that is none, and for `line` without `attempt` or with
 * `tail`.
 */
int hg_job_log_page(const struct hg_job_logs *logs,
                    const struct hg_job_log_name *of,
                    const struct hg_job_log_query *query,
                    json_t **ret,
                    struct hg_error *err);

/* Removes the logs of runs begun before that, as far as nobody has written to them since. */
int hg_job_logs_drop_old(const struct hg_job_logs *logs, int64_t before_us, struct hg_error *err);

#endif
