#include "command/run_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

bool hg_run_has_ended(const json_t *run)
{
    const char *status = text_of(run, "status");
    return run && strcmp(status, "queued") != 0 && strcmp(status, "running") != 0;
}

bool hg_run_succeeded(const json_t *run)
{
    return strcmp(text_of(run, "status"), "succeeded") == 0;
}

void hg_run_progress_show(struct hg_run_progress *progress, const json_t *run)
{
    if (!progress->on) {
        return;
    }
    (void)fprintf(stderr,
                  "\r\033[K%s: %s, %lld rows read, %lld loaded, %lld rejected",
                  text_of(run, "pipeline_id"),
                  text_of(run, "status"),
                  number_of(run, "rows_extracted"),
                  number_of(run, "rows_loaded"),
                  number_of(run, "rows_rejected"));
    (void)fflush(stderr);
    progress->shown = true;
}

void hg_run_progress_end(struct hg_run_progress *progress)
{
    if (progress->shown) {
        (void)fputs("\r\033[K", stderr);
        progress->shown = false;
    }
}

static void report_job(const json_t *job)
{
    char duration[32] = "-";
    if (json_is_integer(json_object_get(job, "duration_ms"))) {
        (void)snprintf(
            duration, sizeof duration, "%.2f s", (double)number_of(job, "duration_ms") / 1000);
    }
    (void)printf("%-20s %-10s %-10s %10lld %10lld %10lld %10s\n",
                 text_of(job, "id"),
                 text_of(job, "type"),
                 text_of(job, "status"),
                 number_of(job, "rows_in"),
                 number_of(job, "rows_out"),
                 number_of(job, "rows_rejected"),
                 duration);
}

static void report_error(const json_t *error, const char *job)
{
    if (!json_is_object(error)) {
        return;
    }
    (void)printf("%s%s%s\n", job, job[0] ? ": " : "", text_of(error, "message"));
    if (text_of(error, "hint")[0] != '\0') {
        (void)printf("    %s\n", text_of(error, "hint"));
    }
    if (text_of(error, "first_attempt")[0] != '\0') {
        (void)printf("    The first attempt said: %s\n", text_of(error, "first_attempt"));
    }
}

void hg_run_report(const json_t *run, bool json)
{
    if (json) {
        (void)json_dumpf(run, stdout, JSON_INDENT(2));
        (void)putchar('\n');
        return;
    }
    (void)printf("%-20s %-10s %-10s %10s %10s %10s %10s\n",
                 "job",
                 "type",
                 "status",
                 "rows in",
                 "rows out",
                 "rejected",
                 "time");
    size_t i;
    const json_t *job;
    const json_t *warning;
    json_array_foreach (json_object_get(run, "jobs"), i, job) {
        report_job(job);
    }
    (void)printf("%s: %s, %lld rows read, %lld loaded, %lld rejected, %.2f s, run %s\n",
                 text_of(run, "pipeline_id"),
                 text_of(run, "status"),
                 number_of(run, "rows_extracted"),
                 number_of(run, "rows_loaded"),
                 number_of(run, "rows_rejected"),
                 (double)number_of(run, "duration_ms") / 1000,
                 text_of(run, "id"));
    json_array_foreach (json_object_get(run, "warnings"), i, warning) {
        (void)printf("warning: %s: %s\n", text_of(warning, "job"), text_of(warning, "message"));
    }
    const json_t *error = json_object_get(run, "error");
    report_error(error, text_of(error, "job"));
    if (strcmp(text_of(run, "status"), "succeeded") != 0 && number_of(run, "rows_loaded") > 0) {
        (void)printf(
            "%lld rows were committed before it ended and stay; a retry of the run goes on "
            "behind them\n",
            number_of(run, "rows_loaded"));
    }
}
