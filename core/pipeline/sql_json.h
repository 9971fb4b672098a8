/*
 * Pieces of SQL that give the contract's JSON, so that a row is put into its form in one place.
 */
#ifndef HG_PIPELINE_SQL_JSON_H
#define HG_PIPELINE_SQL_JSON_H

#include "store/sql_time.h"

/* One line of SQL a line of C: clang-format would break them in the middle of words. */
/* clang-format off */

/* A row `j` of job_run. */
#define HG_SQL_JOB_RUN                                                                             \
    "json_build_object('id', j.job_id, 'type', j.type, 'status', j.status, 'attempt', j.attempt,"  \
    " 'max_attempts', j.max_attempts, 'started_at', " HG_SQL_TIME("j.started_at") ","              \
    " 'finished_at', " HG_SQL_TIME("j.finished_at") ","                                            \
    " 'duration_ms', " HG_SQL_MS("j.started_at", "j.finished_at") ","                              \
    " 'rows_in', j.rows_in, 'rows_out', j.rows_out, 'rows_rejected', j.rows_rejected,"             \
    " 'warnings', coalesce(j.warnings, '[]'::jsonb),"                                              \
    " 'error', case when j.status not in ('queued', 'running') then j.error end)"

/* A row `r` of run. Rows are those of its jobs, so that they are live while it runs. */
#define HG_SQL_RUN                                                                                 \
    "(select json_build_object('id', r.id, 'pipeline_id', r.pipeline_id, 'status', r.status,"      \
    " 'trigger', r.trigger, 'params', r.params,"                                                   \
    " 'version', r.version, 'backfill_id', r.backfill_id,"                                         \
    " 'scheduled_for', " HG_SQL_TIME("r.scheduled_for") ","                                        \
    " 'interval_start', " HG_SQL_TIME("r.interval_start") ","                                      \
    " 'interval_end', case when r.interval_start is not null then"                                 \
    " " HG_SQL_TIME("r.scheduled_for") " end,"                                                     \
    " 'queued_at', " HG_SQL_TIME("r.queued_at") ", 'started_at', " HG_SQL_TIME("r.started_at") "," \
    " 'finished_at', " HG_SQL_TIME("r.finished_at") ","                                            \
    " 'duration_ms', " HG_SQL_MS("r.started_at", "r.finished_at") ","                              \
    " 'retry_count', r.retry_count,"                                                               \
    " 'rows_extracted', coalesce(sum(j.rows_in) filter (where j.type = 'extract'), 0)::bigint,"    \
    " 'rows_loaded', coalesce(sum(j.rows_out)"                                                     \
    " filter (where j.type = 'load'), 0)::bigint,"                                                 \
    " 'rows_rejected', coalesce(sum(j.rows_rejected), 0)::bigint,"                                 \
    " 'warnings', (select coalesce(json_agg(x.warning), '[]'::json) from (select"                  \
    " json_build_object('job', w.job_id, 'message', m) as warning from job_run w,"                 \
    " jsonb_array_elements_text(w.warnings) with ordinality t (m, n) where w.run_id = r.id"        \
    " order by w.position, n limit 50) x),"                                                        \
    " 'error', r.error,"                                                                           \
    " 'jobs', coalesce(json_agg(" HG_SQL_JOB_RUN " order by j.position)"                           \
    " filter (where j.run_id is not null), '[]'::json))"                                           \
    " from (select) one left join job_run j on j.run_id = r.id)"

/* clang-format on */

#endif
