/*
 * What `headgate run` shows: a line while the run goes on, a table at its end.
 */
#ifndef HG_COMMAND_RUN_REPORT_H
#define HG_COMMAND_RUN_REPORT_H

#include <stdbool.h>

#include <jansson.h>

struct hg_run_progress {
    bool on;    /* a terminal is there */
    bool shown; /* a line stands on it */
};

/* `run` is a Run of the contract. NULL is a run that has not ended. */
bool hg_run_has_ended(const json_t *run);
bool hg_run_succeeded(const json_t *run);

/* Replaces the line on stderr. */
void hg_run_progress_show(struct hg_run_progress *progress, const json_t *run);
void hg_run_progress_end(struct hg_run_progress *progress);

/* The table, or the Run as JSON, on stdout. */
void hg_run_report(const json_t *run, bool json);

#endif
