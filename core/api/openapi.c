#include "api/openapi.h"

#include <stdio.h>
#include <string.h>

#include "api/context.h"
#include "api/routes.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/problem.h"

#define SCHEMA_REF "#/components/schemas/"

/* What parameters are, wherever they stand. */
static const struct {
    const char *name;
    const char *schema;
    const char *description;
} parameters[] = {
    {"pipeline_id", "{\"type\":\"string\"}", "A pipeline's id"},
    {"run_id", "{\"type\":\"string\",\"format\":\"uuid\"}", "A run's id"},
    {"version", "{\"type\":\"integer\",\"minimum\":1}", "Of the pipeline's file"},
    {"backfill_id", "{\"type\":\"string\",\"format\":\"uuid\"}", "A backfill's id"},
    {"cron", "{\"type\":\"string\"}", "Five fields, or @daily and the like"},
    {"timezone", "{\"type\":\"string\",\"default\":\"UTC\"}", "IANA name"},
    {"count",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":5}",
     "How many times"},
    {"after", "{\"type\":\"string\",\"format\":\"date-time\"}", "Times behind this one; now"},
    {"job_id", "{\"type\":\"string\"}", "A job's id in its pipeline"},
    {"dataset", "{\"type\":\"string\"}", "schema.table"},
    {"session_id", "{\"type\":\"string\",\"format\":\"uuid\"}", "A session's id"},
    {"token_id", "{\"type\":\"string\",\"format\":\"uuid\"}", "An API token's id"},
    {"username",
     "{\"type\":\"string\"}",
     "A user's name; in lists one's own, for an admin anyone's"},
    {"channel_id", "{\"type\":\"string\",\"format\":\"uuid\"}", "An alert channel's id"},
    {"actor", "{\"type\":\"string\"}", "Only what this user did"},
    {"action", "{\"type\":\"string\"}", "Only this action, as user.create"},
    {"limit",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":50}",
     "Items on a page"},
    {"cursor", "{\"type\":\"string\"}", "next_cursor of the page before"},
    {"status", "{\"$ref\":\"" SCHEMA_REF "RunStatus\"}", "Only what is in this state"},
    {"pipeline", "{\"type\":\"string\"}", "Only of this pipeline"},
    {"channel", "{\"type\":\"string\"}", "Only what the alert channel of this name was told of"},
    {"delivery",
     "{\"enum\":[\"pending\",\"sent\",\"failed\",\"suppressed\"]}",
     "Only what has a delivery in this state; with `channel`, to that one"},
    {"run", "{\"type\":\"string\",\"format\":\"uuid\"}", "Only of this run"},
    {"format", "{\"enum\":[\"csv\",\"jsonl\"],\"default\":\"csv\"}", "Of the text"},
    {"columns", "{\"type\":\"string\"}", "Names with commas between them; all when left out"},
    {"order", "{\"type\":\"string\"}", "A column; with a minus before it from the largest down"},
    {"attempt", "{\"type\":\"integer\",\"minimum\":1}", "Only this attempt"},
    {"level",
     "{\"enum\":[\"debug\",\"info\",\"warning\",\"error\"]}",
     "Only what is as bad as this, or worse"},
    {"line", "{\"type\":\"integer\",\"minimum\":1}", "The first line to be shown, with `attempt`"},
    {"tail",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500}",
     "The last lines, so many, in their order, in place of `limit`; next_cursor leads to those "
     "before"},
    {"topics",
     "{\"type\":\"string\"}",
     "runs, logs, webhooks, quality, providers, connectors, alerts, with commas between them; all "
     "when left out"},
    {"last_event_id",
     "{\"type\":\"string\"}",
     "The id of the last message that was got, to get what came after it"},
    {"from", "{\"type\":\"string\"}", "The least value of the order's column"},
    {"to", "{\"type\":\"string\"}", "Its greatest value"},
};

enum {
    FOR_ALL = 0,
    FOR_USERS = 1,     /* needs a sign-in */
    FOR_PATHS = 2,     /* names a thing */
    FOR_INPUT = 4,     /* takes a query or a body */
    FOR_BODIES = 8,    /* takes a body */
    FOR_EDITS = 16,    /* PATCH, DELETE */
    FOR_ACTS = 32,     /* POST for users */
    FOR_SIGN_IN = 64,  /* POST for anyone */
    FOR_GUESSES = 128, /* looks at a password */
    FOR_ONCE = 256,    /* takes an Idempotency-Key */
    FOR_MATCHES = 512, /* takes If-Match */
};

/* When an answer other than the good one may come. */
static const struct {
    int status;
    unsigned when;
} problems[] = {
    {400, FOR_USERS | FOR_INPUT},
    {401, FOR_USERS | FOR_SIGN_IN},
    {403, FOR_USERS | FOR_SIGN_IN},
    {404, FOR_PATHS},
    {409, FOR_ACTS | FOR_EDITS},
    {412, FOR_MATCHES},
    {413, FOR_BODIES},
    {415, FOR_BODIES},
    {422, FOR_BODIES},
    {429, FOR_GUESSES},
    {500, FOR_ALL},
    {503, FOR_ALL},
};

/* Headers that calls take beside what all take. */
static const struct {
    const char *name;
    const char *schema;
    const char *description;
    unsigned when;
} headers[] = {
    {"Idempotency-Key",
     "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}",
     "The same request with the same key gets the first one's answer",
     FOR_ONCE},
    {"If-Match",
     "{\"type\":\"string\"}",
     "The ETag of the state that is to be changed; where it has changed since, 412",
     FOR_MATCHES},
};

/* ---- pieces ---- */

static json_t *schema_ref(const char *name)
{
    char ref[96];
    (void)snprintf(ref, sizeof ref, "%s%s", SCHEMA_REF, name);
    return json_pack("{s:s}", "$ref", ref);
}

static json_t *content(const char *type, const char *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", schema_ref(schema));
}

/* In each of its media types: JSON, or what `x-media-type` lists. */
static json_t *content_of(const json_t *schemas, const char *schema)
{
    size_t i;
    const json_t *type;
    const json_t *types = json_object_get(json_object_get(schemas, schema), "x-media-type");
    json_t *made = types ? json_object() : content("application/json", schema);
    json_array_foreach (types, i, type) {
        (void)json_object_set_new(
            made, json_string_value(type), json_pack("{s:o}", "schema", schema_ref(schema)));
    }
    return made;
}

static int add_parameter(json_t *list,
                         const char *name,
                         const char *in,
                         const char *description,
                         const char *schema,
                         struct hg_error *err)
{
    json_t *made = json_pack("{s:s, s:s, s:b, s:s, s:o}",
                             "name",
                             name,
                             "in",
                             in,
                             "required",
                             strcmp(in, "path") == 0,
                             "description",
                             description,
                             "schema",
                             hg_json_read_text(schema, 0, NULL));
    return json_array_append_new(list, made) < 0 ? hg_error_nomem(err) : HG_OK;
}

static int add_described(json_t *list, const char *name, const char *in, struct hg_error *err)
{
    for (size_t i = 0; i < HG_COUNT(parameters); i++) {
        if (strcmp(parameters[i].name, name) == 0) {
            return add_parameter(
                list, name, in, parameters[i].description, parameters[i].schema, err);
        }
    }
    return hg_error_set(err, HG_EINTERNAL, "no parameter \"%s\" is described", name);
}

/* Those of the path, then those of the query. */
static int add_parameters(const struct hg_route *route, json_t *list, struct hg_error *err)
{
    const char *at = route->pattern;
    int r = HG_OK;
    while (r == HG_OK && (at = strchr(at, '{'))) {
        char name[64];
        size_t n = strcspn(++at, "}");
        (void)snprintf(name, sizeof name, "%.*s", (int)n, at);
        r = add_described(list, name, "path", err);
    }
    for (size_t i = 0; r == HG_OK && route->query && route->query[i]; i++) {
        r = add_described(list, route->query[i], "query", err);
    }
    return r;
}

static int add_headers(unsigned traits, json_t *list, struct hg_error *err)
{
    int r = HG_OK;
    for (size_t i = 0; r == HG_OK && i < HG_COUNT(headers); i++) {
        if (headers[i].when & traits) {
            r = add_parameter(
                list, headers[i].name, "header", headers[i].description, headers[i].schema, err);
        }
    }
    return r;
}

static unsigned traits_of(const struct hg_route *route)
{
    bool is_public = (route->flags & HG_ROUTE_PUBLIC) != 0;
    bool is_post = strcmp(route->method, "POST") == 0;
    bool is_edit = strcmp(route->method, "PATCH") == 0 || strcmp(route->method, "DELETE") == 0;
    return (is_public ? 0U : FOR_USERS) | (strchr(route->pattern, '{') ? FOR_PATHS : 0U) |
           (route->query || route->request_schema ? FOR_INPUT : 0U) |
           (route->request_schema ? FOR_BODIES : 0U) | (is_edit ? FOR_EDITS : 0U) |
           (is_post && !is_public ? FOR_ACTS : 0U) | (is_post && is_public ? FOR_SIGN_IN : 0U) |
           (route->flags & HG_ROUTE_PASSWORD ? FOR_GUESSES : 0U) |
           (route->flags & HG_ROUTE_ONCE ? FOR_ONCE : 0U) |
           (route->flags & HG_ROUTE_MATCH ? FOR_MATCHES : 0U);
}

static json_t *responses(const struct hg_route *route, const json_t *schemas)
{
    char status[12];
    unsigned traits = traits_of(route);
    (void)snprintf(status, sizeof status, "%d", route->status);
    json_t *made = json_object();
    json_t *good = json_pack("{s:s}", "description", route->summary);
    if (route->answer_schema) {
        (void)json_object_set_new(good, "content", content_of(schemas, route->answer_schema));
    }
    (void)json_object_set_new(made, status, good);
    for (size_t i = 0; i < HG_COUNT(problems); i++) {
        if (problems[i].when == FOR_ALL || (problems[i].when & traits)) {
            (void)snprintf(status, sizeof status, "%d", problems[i].status);
            (void)json_object_set_new(made,
                                      status,
                                      json_pack("{s:s, s:o}",
                                                "description",
                                                hg_problem_title(problems[i].status),
                                                "content",
                                                content("application/problem+json", "Problem")));
        }
    }
    return made;
}

static json_t *operation(const struct hg_route *route, const json_t *schemas, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    if (add_parameters(route, list, err) < 0 || add_headers(traits_of(route), list, err) < 0) {
        return NULL;
    }
    bool is_public = (route->flags & HG_ROUTE_PUBLIC) != 0;
    json_t *made =
        json_pack("{s:s, s:s, s:O, s:o, s:o}",
                  "operationId",
                  route->operation,
                  "summary",
                  route->summary,
                  "parameters",
                  list,
                  "responses",
                  responses(route, schemas),
                  "security",
                  is_public ? json_array() : json_pack("[{s:[]}, {s:[]}]", "session", "token"));
    if (!is_public) {
        (void)json_object_set_new(made, "x-role", json_string(hg_role_name(route->role)));
    }
    if (route->request_schema) {
        (void)json_object_set_new(
            made,
            "requestBody",
            json_pack("{s:o}", "content", content("application/json", route->request_schema)));
    }
    if (!made) {
        (void)hg_error_nomem(err);
    }
    return made;
}

/* ---- checking ---- */

static int check_name(const json_t *schemas, const char *name, struct hg_error *err)
{
    if (!name || json_object_get(schemas, name)) {
        return HG_OK;
    }
    return hg_error_set(err, HG_EINTERNAL, "there is no schema \"%s\"", name);
}

/* Each $ref names a schema that there is. */
static int check_refs(const json_t *schemas, const json_t *value, struct hg_error *err)
{
    const char *name;
    json_t *child;
    size_t i;
    int r = HG_OK;
    json_object_foreach ((json_t *)(uintptr_t)value, name, child) {
        const char *ref = strcmp(name, "$ref") == 0 ? json_string_value(child) : NULL;
        r = r < 0 ? r : check_refs(schemas, child, err);
        if (r == HG_OK && ref) {
            r = check_name(schemas, ref + strlen(SCHEMA_REF), err);
        }
    }
    json_array_foreach (value, i, child) {
        r = r < 0 ? r : check_refs(schemas, child, err);
    }
    return r;
}

static int read_schemas(json_t **ret, struct hg_error *err)
{
    json_error_t at;
    HG_CLEANUP(hg_json_decrefp)
    json_t *schemas = hg_json_read_text((const char *)hg_api_schemas, JSON_REJECT_DUPLICATES, &at);
    if (!schemas) {
        return hg_error_set(err, HG_EINTERNAL, "schemas.json:%d: %s", at.line, at.text);
    }
    int r = check_refs(schemas, schemas, err);
    if (r == HG_OK) {
        *ret = HG_TAKE(schemas);
    }
    return r;
}

/* ---- the document ---- */

static int add_route(const struct hg_route *route,
                     const json_t *schemas,
                     json_t *paths,
                     struct hg_error *err)
{
    char method[16];
    size_t n = strlen(route->method);
    int r = check_name(schemas, route->request_schema, err);
    r = r < 0 ? r : check_name(schemas, route->answer_schema, err);
    json_t *made = r < 0 ? NULL : operation(route, schemas, err);
    if (!made || n >= sizeof method) {
        json_decref(made);
        return r < 0 ? r : err ? err->code : HG_EINTERNAL;
    }
    for (size_t i = 0; i <= n; i++) {
        char c = route->method[i];
        method[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    json_t *path = json_object_get(paths, route->pattern);
    if (!path) {
        path = json_object();
        (void)json_object_set_new(paths, route->pattern, path);
    }
    return json_object_set_new(path, method, made) < 0 ? hg_error_nomem(err) : HG_OK;
}

int hg_openapi_make(const struct hg_route *routes,
                    size_t n,
                    const char *version,
                    const char *server_url,
                    json_t **ret,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *schemas = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *paths = json_object();
    int r = read_schemas(&schemas, err);
    for (size_t i = 0; r == HG_OK && i < n; i++) {
        r = add_route(&routes[i], schemas, paths, err);
    }
    if (r < 0) {
        return r;
    }
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:O, s:{s:O, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}}}",
        "openapi",
        "3.1.0",
        "info",
        "title",
        "Headgate",
        "version",
        version,
        "description",
        "Pipelines that bring outside data in, check it and land it in PostgreSQL.",
        "servers",
        "url",
        server_url,
        "paths",
        paths,
        "components",
        "schemas",
        schemas,
        "securitySchemes",
        "session",
        "type",
        "apiKey",
        "in",
        "cookie",
        "name",
        HG_SESSION_COOKIE,
        "token",
        "type",
        "http",
        "scheme",
        "bearer");
    if (!document) {
        return hg_error_nomem(err);
    }
    *ret = document;
    return HG_OK;
}

int hg_api_openapi(struct hg_http_request *request, struct hg_error *err)
{
    size_t n;
    json_t *document = NULL;
    const struct hg_api *api = hg_api_of(request);
    const struct hg_route *routes = hg_api_routes(&n);
    /* Relative to where it was fetched: right behind any proxy. */
    int r = hg_openapi_make(routes, n, api->options.version, "/", &document, err);
    return r < 0 ? r : hg_http_answer_json(request, 200, document, err);
}
