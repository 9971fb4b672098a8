#include "definition/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- flows ---- */

/* The job behind this one in its flow, or -1. */
static long next_of(const struct hg_definition_context *context, long job)
{
    return context->jobs[job].staged ? -1 : context->jobs[job].reader;
}

/* The job that a job's task is named after: the first of its flow, else itself. */
static size_t head_of(const struct hg_definition_context *context, size_t job)
{
    long from = context->jobs[job].from;
    while (from >= 0 && !context->jobs[from].staged) {
        job = (size_t)from;
        from = context->jobs[job].from;
    }
    return job;
}

static size_t tail_of(const struct hg_definition_context *context, size_t head)
{
    long tail = (long)head;
    for (long at = tail; at >= 0; at = next_of(context, at)) {
        tail = at;
    }
    return (size_t)tail;
}

/* ---- cuts ---- */

/*
 * Tasks may wait for each other although their jobs do not: a flow runs as a whole, and one job of
 * it may wait for what waits for another. Found by going along the needs of tasks, depth first.
 */
enum colour { NEW = 0, OPEN, DONE };

struct step {
    size_t task;
    size_t entered; /* the job of it that the task before waits for */
    size_t left;    /* the job of it that waits for the task behind */
};

struct walk {
    struct hg_definition_context *context;
    unsigned char *colours; /* enum colour a job that heads a task */
    struct step *path;      /* the open tasks */
    size_t n;
};

static bool comes_before(const struct hg_definition_context *context, size_t first, size_t job)
{
    size_t head = context->jobs[job].task;
    while (job != head) {
        job = (size_t)context->jobs[job].from;
        if (job == first) {
            return true;
        }
    }
    return false;
}

/*
 * The tasks of the path from `first` on wait for each other in a ring. Since their jobs do not,
 * there is one that is waited for at a job before the one that waits: it is cut between the two.
 */
static void cut_ring(struct walk *walk, size_t first)
{
    struct hg_definition_context *context = walk->context;
    for (size_t i = first; i < walk->n; i++) {
        const struct step *step = &walk->path[i];
        if (comes_before(context, step->entered, step->left)) {
            context->jobs[context->jobs[step->left].from].staged = true;
            return;
        }
    }
}

static bool visit(struct walk *walk, size_t task, size_t entered);

/* True once a ring has been cut. */
static bool go_on(struct walk *walk, size_t job)
{
    const struct hg_job_needs *needs = &walk->context->jobs[job].needs;
    size_t depth = walk->n - 1;
    walk->path[depth].left = job;
    for (size_t i = 0; i < needs->n; i++) {
        size_t need = needs->items[i];
        size_t other = walk->context->jobs[need].task;
        if (other == walk->path[depth].task || walk->colours[other] == DONE) {
            continue;
        }
        if (walk->colours[other] == NEW && visit(walk, other, need)) {
            return true;
        }
        if (walk->colours[other] == OPEN) {
            size_t first = depth;
            while (walk->path[first].task != other) {
                first--;
            }
            walk->path[first].entered = need;
            cut_ring(walk, first);
            return true;
        }
    }
    return false;
}

static bool visit(struct walk *walk, size_t task, size_t entered)
{
    bool cut = false;
    walk->colours[task] = OPEN;
    walk->path[walk->n++] = (struct step){task, entered, task};
    for (long at = (long)task; at >= 0 && !cut; at = next_of(walk->context, at)) {
        cut = go_on(walk, (size_t)at);
    }
    walk->n--;
    walk->colours[task] = DONE;
    return cut;
}

static bool cut_one(struct walk *walk)
{
    size_t n_jobs = walk->context->n_jobs;
    memset(walk->colours, NEW, n_jobs);
    walk->n = 0;
    for (size_t i = 0; i < n_jobs; i++) {
        if (walk->context->jobs[i].task == i && walk->colours[i] == NEW && visit(walk, i, i)) {
            return true;
        }
    }
    return false;
}

static void find_tasks(struct hg_definition_context *context)
{
    HG_CLEANUP(hg_freep) unsigned char *colours = calloc(context->n_jobs + 1, 1);
    HG_CLEANUP(hg_freep) struct step *path = calloc(context->n_jobs + 1, sizeof *path);
    struct walk walk = {context, colours, path, 0};
    if (!colours || !path) {
        context->no_memory = true;
        return;
    }
    do {
        for (size_t i = 0; i < context->n_jobs; i++) {
            context->jobs[i].task = head_of(context, i);
        }
    } while (cut_one(&walk));
}

/* ---- their form ---- */

static const char *kind_of(const struct hg_definition_job *head)
{
    if (head->type == HG_JOB_TRANSFORM) {
        return "transform";
    }
    return head->checks_table ? "check_table" : "flow";
}

static void add_text(struct hg_definition_context *context, json_t *list, const char *text)
{
    context->no_memory = context->no_memory || json_array_append_new(list, json_string(text)) < 0;
}

/* The jobs of a task in the order in which rows pass them. */
static json_t *jobs_of(struct hg_definition_context *context, size_t head)
{
    json_t *ids = json_array();
    for (long job = (long)head; job >= 0; job = next_of(context, job)) {
        add_text(context, ids, context->jobs[job].id);
    }
    return ids;
}

static bool holds(const json_t *ids, const char *id)
{
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)ids, i, item) {
        if (strcmp(json_string_value(item), id) == 0) {
            return true;
        }
    }
    return false;
}

/* The keys of the tasks that a task waits for. */
static json_t *needs_of(struct hg_definition_context *context, size_t head)
{
    json_t *keys = json_array();
    for (long at = (long)head; at >= 0; at = next_of(context, at)) {
        const struct hg_job_needs *needs = &context->jobs[at].needs;
        for (size_t i = 0; i < needs->n; i++) {
            size_t other = context->jobs[needs->items[i]].task;
            const char *key = context->jobs[other].id;
            if (other != head && !holds(keys, key)) {
                add_text(context, keys, key);
            }
        }
    }
    return keys;
}

/* How the rows of a job end up: a bit for each mode of the loads behind it. */
static unsigned modes_behind(const struct hg_definition_context *context, size_t job)
{
    static const char *const modes[] = {"replace", "append", "merge"};
    unsigned found = 0;
    const json_t *load = json_object_get(context->jobs[job].canonical, "load");
    const char *mode = json_string_value(json_object_get(load, "mode"));
    for (size_t i = 0; mode && i < HG_COUNT(modes); i++) {
        found |= strcmp(mode, modes[i]) == 0 ? 1u << i : 0;
    }
    for (size_t i = 0; !load && i < context->n_jobs; i++) {
        found |= context->jobs[i].from == (long)job ? modes_behind(context, i) : 0;
    }
    return found;
}

/* One that replaces needs all rows; else one that appends must have none of them twice. */
static json_t *stage_form(struct hg_definition_context *context, size_t tail)
{
    unsigned modes = modes_behind(context, tail);
    json_t *readers = json_array();
    for (size_t i = 0; i < context->n_jobs; i++) {
        if (context->jobs[i].from == (long)tail) {
            add_text(context, readers, context->jobs[i].id);
        }
    }
    return json_pack("{s:o, s:s, s:b}",
                     "readers",
                     readers,
                     "mode",
                     modes & 1   ? "replace"
                     : modes & 2 ? "append"
                                 : "merge",
                     "mixed",
                     (modes & 1) && modes != 1);
}

static json_t *task_form(struct hg_definition_context *context, size_t head)
{
    size_t tail = tail_of(context, head);
    long from = context->jobs[head].from;
    json_t *form = json_pack("{s:s, s:s, s:o, s:o}",
                             "key",
                             context->jobs[head].id,
                             "kind",
                             kind_of(&context->jobs[head]),
                             "jobs",
                             jobs_of(context, head),
                             "needs",
                             needs_of(context, head));
    if (from >= 0) {
        const char *writer = context->jobs[context->jobs[from].task].id;
        hg_definition_put(context, form, "reads", json_string(writer));
    }
    if (context->jobs[tail].staged) {
        hg_definition_put(context, form, "stage", stage_form(context, tail));
    }
    return form;
}

json_t *hg_definition_make_tasks(struct hg_definition_context *context)
{
    HG_CLEANUP(hg_json_decrefp) json_t *tasks = json_array();
    find_tasks(context);
    for (size_t i = 0; !context->no_memory && i < context->n_jobs; i++) {
        if (context->jobs[i].task == i && json_array_append_new(tasks, task_form(context, i)) < 0) {
            context->no_memory = true;
        }
    }
    return context->no_memory ? NULL : HG_TAKE(tasks);
}
