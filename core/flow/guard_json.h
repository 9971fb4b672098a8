/*
 * What jsonb refuses of JSON.
 */
#ifndef HG_FLOW_GUARD_JSON_H
#define HG_FLOW_GUARD_JSON_H

#include <stddef.h>

/* NULL when PostgreSQL's jsonb takes the text, else what is wrong with it. Static. */
const char *hg_guard_json(const char *text, size_t n);

#endif
