#include "definition/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "definition/jobs.h"

static void complain(struct hg_definition_context *context,
                     size_t job,
                     const char *step,
                     const char *hint,
                     const char *fmt,
                     ...) HG_PRINTF(5, 6);
static void complain(struct hg_definition_context *context,
                     size_t job,
                     const char *step,
                     const char *hint,
                     const char *fmt,
                     ...)
{
    char pointer[HG_DEFINITION_POINTER];
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)snprintf(pointer, sizeof pointer, "/jobs/%zu%s", job, step);
    hg_definition_complain(
        context, pointer, false, hint, "job \"%s\": %s", context->jobs[job].id, text);
}

/* Needs -------------------------------------------------------------------------------------- */

/* Index of a job by its id, or -1. */
static long find_job(const struct hg_definition_context *context, const char *id)
{
    for (size_t i = 0; i < context->n_jobs; i++) {
        if (strcmp(context->jobs[i].id, id) == 0) {
            return (long)i;
        }
    }
    return -1;
}

static void complain_of_name(struct hg_definition_context *context,
                             size_t job,
                             const char *step,
                             const char *name)
{
    char hint[128] = "A job is named by its id.";
    HG_CLEANUP(hg_freep) const char **names = calloc(context->n_jobs + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; names && i < context->n_jobs; i++) {
        if (i != job) {
            names[n++] = context->jobs[i].id;
        }
    }
    const char *nearest = names ? hg_nearest(name, names) : NULL;
    if (nearest) {
        (void)snprintf(hint, sizeof hint, "Did you mean \"%s\"?", nearest);
    }
    complain(context, job, step, hint, "there is no job \"%.100s\"", name);
}

static void add_need(struct hg_definition_context *context, size_t job, size_t need)
{
    struct hg_job_needs *needs = &context->jobs[job].needs;
    for (size_t i = 0; i < needs->n; i++) {
        if (needs->items[i] == need) {
            return;
        }
    }
    needs->items[needs->n++] = need;
}

static void resolve_needs(struct hg_definition_context *context, size_t index)
{
    struct hg_definition_job *job = &context->jobs[index];
    const json_t *needs = json_object_get(job->source, "needs");
    /* One more for a `from` that is not among them. */
    job->needs.items = calloc(json_array_size(needs) + 1, sizeof *job->needs.items);
    if (!job->needs.items) {
        context->no_memory = true;
        return;
    }
    size_t i;
    json_t *item;
    json_array_foreach (needs, i, item) {
        const char *name = json_string_value(item);
        char step[64];
        (void)snprintf(step, sizeof step, "/needs/%zu", i);
        long need = name ? find_job(context, name) : (long)index;
        if (need < 0) {
            complain_of_name(context, index, step, name);
        } else if (name && (size_t)need == index) {
            complain(context, index, step, "Remove it.", "it needs itself");
        } else if (name) {
            add_need(context, index, (size_t)need);
        }
    }
}

/* Data inputs -------------------------------------------------------------------------------- */

static bool takes_rows(const struct hg_definition_job *job)
{
    return job->type == HG_JOB_LOAD || (job->type == HG_JOB_CHECK && !job->checks_table);
}

static bool gives_rows(const struct hg_definition_job *job)
{
    return job->type == HG_JOB_EXTRACT || (job->type == HG_JOB_CHECK && !job->checks_table);
}

/* The default: the only extract or check among the needs. -1 after it complained. */
static long default_from(struct hg_definition_context *context, size_t index)
{
    const struct hg_definition_job *job = &context->jobs[index];
    long found = -1;
    for (size_t i = 0; i < job->needs.n; i++) {
        size_t need = job->needs.items[i];
        if (!gives_rows(&context->jobs[need])) {
            continue;
        }
        if (found >= 0) {
            complain(context,
                     index,
                     "/needs",
                     "Say which one with from: JOB.",
                     "both \"%s\" and \"%s\" could be its data input",
                     context->jobs[found].id,
                     context->jobs[need].id);
            return -1;
        }
        found = (long)need;
    }
    /* A job whose needs are wrong has been complained of. */
    if (found < 0 && job->needs.n >= json_array_size(json_object_get(job->source, "needs"))) {
        complain(context,
                 index,
                 json_object_get(job->source, "needs") ? "/needs" : "",
                 "Name an extract or check job under needs.",
                 "a %s needs a data input, and there is no extract or check among its needs",
                 hg_definition_type_name(job->type));
    }
    return found;
}

static long given_from(struct hg_definition_context *context, size_t index, const char *name)
{
    long from = find_job(context, name);
    if (from < 0) {
        complain_of_name(context, index, "/from", name);
        return -1;
    }
    if ((size_t)from == index) {
        complain(context, index, "/from", NULL, "it takes its rows from itself");
        return -1;
    }
    const struct hg_definition_job *source = &context->jobs[from];
    if (source->type != 0 && !gives_rows(source)) {
        complain(context,
                 index,
                 "/from",
                 "Name an extract, or a check of rows.",
                 "\"%s\" is a %s%s, which hands no rows on",
                 source->id,
                 hg_definition_type_name(source->type),
                 source->checks_table ? " of a table" : "");
        return -1;
    }
    return from;
}

static void resolve_from(struct hg_definition_context *context, size_t index)
{
    struct hg_definition_job *job = &context->jobs[index];
    const char *name = hg_definition_text(job->source, "from");
    if (job->type == 0 || !job->needs.items) {
        return;
    }
    if (!takes_rows(job)) {
        if (name) {
            complain(context,
                     index,
                     "/from",
                     "Use needs to say what it waits for.",
                     "a %s%s has no data input",
                     hg_definition_type_name(job->type),
                     job->checks_table ? " of a table" : "");
        }
        return;
    }
    job->from = name ? given_from(context, index, name) : default_from(context, index);
    if (job->from < 0) {
        return;
    }
    add_need(context, index, (size_t)job->from);
    struct hg_definition_job *source = &context->jobs[job->from];
    source->staged = source->reader >= 0;
    source->reader = source->staged ? source->reader : (long)index;
}

/* Every extract must end in a load. */
static void check_ends(struct hg_definition_context *context, bool complete)
{
    for (size_t i = 0; complete && i < context->n_jobs; i++) {
        const struct hg_definition_job *job = &context->jobs[i];
        if (gives_rows(job) && job->reader < 0) {
            complain(context,
                     i,
                     "",
                     "Add a job that needs it: load: {table: schema.table, mode: append}.",
                     "nothing loads its rows");
        }
    }
}

/* Cycles ------------------------------------------------------------------------------------- */

enum colour { NEW = 0, OPEN, DONE };

struct walk {
    struct hg_definition_context *context;
    unsigned char *colours; /* enum colour a job */
    size_t *path;           /* open jobs, outermost first */
    size_t n;
};

static void complain_of_cycle(struct walk *walk, size_t job)
{
    struct hg_definition_context *context = walk->context;
    HG_CLEANUP(hg_buf_free) struct hg_buf text = HG_BUF_INIT;
    size_t first = 0;
    while (walk->path[first] != job) {
        first++;
    }
    for (size_t i = first; i < walk->n; i++) {
        hg_buf_printf(&text, "%s -> ", context->jobs[walk->path[i]].id);
    }
    hg_buf_puts(&text, context->jobs[job].id);
    complain(context,
             job,
             "/needs",
             "Take one of these needs out.",
             "jobs wait for each other: %.300s",
             hg_buf_text(&text));
}

/* False once a cycle has been found. */
static bool visit(struct walk *walk, size_t job)
{
    if (walk->colours[job] == DONE) {
        return true;
    }
    if (walk->colours[job] == OPEN) {
        complain_of_cycle(walk, job);
        return false;
    }
    walk->colours[job] = OPEN;
    walk->path[walk->n++] = job;
    const struct hg_job_needs *needs = &walk->context->jobs[job].needs;
    bool ok = true;
    for (size_t i = 0; ok && i < needs->n; i++) {
        ok = visit(walk, needs->items[i]);
    }
    walk->n--;
    walk->colours[job] = DONE;
    return ok;
}

static void find_cycles(struct hg_definition_context *context)
{
    HG_CLEANUP(hg_freep) unsigned char *colours = calloc(context->n_jobs + 1, 1);
    HG_CLEANUP(hg_freep) size_t *path = calloc(context->n_jobs + 1, sizeof *path);
    if (!colours || !path) {
        context->no_memory = true;
        return;
    }
    struct walk walk = {context, colours, path, 0};
    for (size_t i = 0; i < context->n_jobs; i++) {
        walk.n = 0;
        (void)visit(&walk, i);
    }
}

static void put_links(struct hg_definition_context *context, const struct hg_definition_job *job)
{
    json_t *needs = json_array();
    for (size_t i = 0; i < job->needs.n; i++) {
        const char *id = context->jobs[job->needs.items[i]].id;
        context->no_memory =
            context->no_memory || json_array_append_new(needs, json_string(id)) < 0;
    }
    hg_definition_put(context, job->canonical, "needs", needs);
    hg_definition_put(context,
                      job->canonical,
                      "from",
                      job->from >= 0 ? json_string(context->jobs[job->from].id) : json_null());
}

void hg_definition_link_jobs(struct hg_definition_context *context)
{
    size_t before = hg_diagnostics_count(context->diagnostics);
    bool complete = true;
    for (size_t i = 0; i < context->n_jobs; i++) {
        complete = complete && context->jobs[i].type != 0;
        resolve_needs(context, i);
    }
    for (size_t i = 0; i < context->n_jobs; i++) {
        resolve_from(context, i);
    }
    find_cycles(context);
    check_ends(context, complete && hg_diagnostics_count(context->diagnostics) == before);
    for (size_t i = 0; i < context->n_jobs; i++) {
        if (context->jobs[i].canonical) {
            put_links(context, &context->jobs[i]);
        }
    }
}
