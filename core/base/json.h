/* Reading JSON texts. */
#ifndef HG_BASE_JSON_H
#define HG_BASE_JSON_H

#include <stddef.h>

#include <jansson.h>

/*
 * As json_loadb(), which writes behind its buffer or ends the process when memory runs out
 * (jansson 2.14 does not look whether the buffer of a text has grown). Here NULL is returned then,
 * with the code json_error_out_of_memory. `ret_error` may be NULL. From any thread.
 */
json_t *hg_json_read(const char *text, size_t n, size_t flags, json_error_t *ret_error);

/* The same of a text that ends with a null byte; NULL is no JSON. */
json_t *hg_json_read_text(const char *text, size_t flags, json_error_t *ret_error);

#endif
