/*
 * The one table of routes: what the host answers, who may ask, and what does it. The OpenAPI
 * document and the role matrix of the documentation are checked against it.
 */
#ifndef HG_API_ROUTES_H
#define HG_API_ROUTES_H

#include <stddef.h>

#include "http/router.h"

/* Static. */
const struct hg_route *hg_api_routes(size_t *ret_n);

#endif
