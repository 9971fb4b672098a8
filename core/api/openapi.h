/*
 * The OpenAPI 3.1 document: made from the route table, and from schemas.json for what bodies hold.
 */
#ifndef HG_API_OPENAPI_H
#define HG_API_OPENAPI_H

#include <jansson.h>

#include "base/error.h"
#include "http/router.h"

/* schemas.json, compiled in by the build; a NUL stands behind it. */
extern const unsigned char hg_api_schemas[];

/*
 * The document for a table of routes. `server_url` is where clients reach the host. Owned by the
 * caller. HG_EINTERNAL when the table or a schema names a schema, or a parameter, that there is
 * not. [any] thread.
 */
int hg_openapi_make(const struct hg_route *routes,
                    size_t n,
                    const char *version,
                    const char *server_url,
                    json_t **ret,
                    struct hg_error *err);

/* GET /api/v1/openapi.json */
int hg_api_openapi(struct hg_http_request *request, struct hg_error *err);

#endif
