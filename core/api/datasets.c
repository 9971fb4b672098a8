#include "api/datasets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/context.h"
#include "base/mem.h"
#include "datasets/datasets.h"
#include "http/router.h"

int hg_api_datasets_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_datasets_list(hg_api_of(request)->options.warehouse, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* "schema.table", one dot with something on both sides; what is none names nothing. */
static int check_name(const char *name, struct hg_error *err)
{
    const char *dot = strchr(name, '.');
    if (!dot || dot == name || !dot[1] || strchr(dot + 1, '.')) {
        (void)hg_error_set(err, HG_ENOTFOUND, "there is no dataset \"%.128s\"", name);
        return hg_error_hint(err, "A dataset is named schema.table.");
    }
    return HG_OK;
}

static struct hg_rows_query query_of(const struct hg_http_request *request)
{
    return (struct hg_rows_query){
        .columns = hg_http_query(request, "columns"),
        .order = hg_http_query(request, "order"),
        .from = hg_http_query(request, "from"),
        .to = hg_http_query(request, "to"),
    };
}

int hg_api_datasets_rows(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_rows_query query = query_of(request);
    json_t *answer = NULL;
    const char *name = hg_http_param(request, 0);
    int r = check_name(name, err);
    r = r < 0 ? r : hg_api_page(request, &query.page, err);
    r = r < 0 ? r
              : hg_datasets_rows(hg_api_of(request)->options.warehouse, name, &query, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* ---- all of them ---- */

static const struct format {
    const char *name;
    enum hg_rows_format format;
    const char *content_type;
} formats[] = {
    {"csv", HG_ROWS_CSV, "text/csv; charset=utf-8; header=present"},
    {"jsonl", HG_ROWS_JSONL, "application/x-ndjson"},
};

/* What is to be exported; its texts are its own, for the request may end before. */
struct export
{
    struct hg_pool *warehouse;
    struct hg_arena arena;
    const char *name;
    struct hg_rows_query query;
    enum hg_rows_format format;
    struct hg_auth *auth;
    struct hg_principal who; /* without what is the request's */
    enum hg_role needed;
};

static void export_free(void *arg)
{
    struct export *export = arg;
    hg_arena_free(&export->arena);
    free(export);
}

static const char *copy(struct export *export, const char *text, bool *failed)
{
    const char *ret = text ? hg_arena_strdup(&export->arena, text) : NULL;
    *failed = *failed || (text && !ret);
    return ret;
}

static struct export *export_new(struct hg_http_request *request, const struct format *format)
{
    struct hg_rows_query query = query_of(request);
    struct export *export = calloc(1, sizeof *export);
    bool failed = false;
    if (!export) {
        return NULL;
    }
    export->warehouse = hg_api_of(request)->options.warehouse;
    export->format = format->format;
    export->auth = hg_api_of(request)->auth;
    export->who = request->principal;
    export->who.address = export->who.request_id = NULL;
    export->needed = request->route->role;
    export->name = copy(export, hg_http_param(request, 0), &failed);
    export->query.columns = copy(export, query.columns, &failed);
    export->query.order = copy(export, query.order, &failed);
    export->query.from = copy(export, query.from, &failed);
    export->query.to = copy(export, query.to, &failed);
    if (failed) {
        export_free(export);
        return NULL;
    }
    return export;
}

static int export_write(void *stream, const void *bytes, size_t n, struct hg_error *err)
{
    return hg_http_stream_write(stream, bytes, n, err);
}

static bool export_is_wanted(void *stream)
{
    return hg_http_stream_is_wanted(stream);
}

static int export_make(void *arg, struct hg_http_stream *stream, struct hg_error *err)
{
    struct export *export = arg;
    const struct hg_rows_sink sink = {export_write, export_is_wanted, stream};
    return hg_datasets_export(
        export->warehouse, export->name, &export->query, export->format, &sink, err);
}

static int export_may(void *arg, struct hg_error *err)
{
    const struct export *export = arg;
    return hg_auth_check_again(export->auth, &export->who, export->needed, err);
}

static const struct format *find_format(struct hg_http_request *request, struct hg_error *err)
{
    const char *wanted = hg_http_query(request, "format");
    for (size_t i = 0; i < HG_COUNT(formats); i++) {
        if (!wanted || strcmp(wanted, formats[i].name) == 0) {
            return &formats[i];
        }
    }
    hg_http_problem_field(request, "/format", "csv or jsonl");
    (void)hg_http_bad_request(request, err, "there is no format \"%.32s\"", wanted);
    return NULL;
}

/* The name has come in from outside; of what a header may not hold nothing is left. */
static int name_file(struct hg_http_request *request,
                     const char *dataset,
                     const struct format *format,
                     struct hg_error *err)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char value[256];
    char name[160];
    (void)snprintf(name, sizeof name, "%s", dataset);
    for (size_t i = strspn(name, plain); name[i]; i += strspn(name + i, plain)) {
        name[i] = '_';
    }
    (void)snprintf(value, sizeof value, "attachment; filename=\"%s.%s\"", name, format->name);
    return hg_http_answer_header(request, "Content-Disposition", value, err);
}

int hg_api_datasets_export(struct hg_http_request *request, struct hg_error *err)
{
    static const struct hg_http_maker maker = {export_make, export_free, export_may};
    const struct hg_rows_query query = query_of(request);
    const char *name = hg_http_param(request, 0);
    const struct format *format = find_format(request, err);
    if (!format) {
        return HG_EINVAL;
    }
    int r = check_name(name, err);
    r = r < 0 ? r
              : hg_datasets_export_check(hg_api_of(request)->options.warehouse, name, &query, err);
    if (r < 0) {
        return hg_api_answer(request, r, NULL, err);
    }
    struct export *export = export_new(request, format);
    if (!export) {
        return hg_error_nomem(err);
    }
    r = hg_http_answer_stream(request, format->content_type, &maker, export, err);
    return r < 0 ? r : name_file(request, name, format, err);
}
