/*
 * What a JSON reader answers.
 */
#ifndef HEADGATE_JSON_TOKEN_H
#define HEADGATE_JSON_TOKEN_H

#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hg_json_type {
    HG_JSON_MORE = 0, /* feed the next chunk, or finish */
    HG_JSON_END,      /* the input is complete and was right */
    HG_JSON_OBJECT_BEGIN,
    HG_JSON_OBJECT_END,
    HG_JSON_ARRAY_BEGIN,
    HG_JSON_ARRAY_END,
    HG_JSON_KEY,    /* the name of an object's member; its value follows */
    HG_JSON_STRING, /* decoded: escapes are resolved; it may hold NULs */
    HG_JSON_NUMBER, /* as written */
    HG_JSON_TRUE,
    HG_JSON_FALSE,
    HG_JSON_NULL,
    HG_JSON_VALUE /* a whole object or array as compact JSON, see hg_json_capture */
};

struct hg_json_token {
    enum hg_json_type type;
    uint32_t depth;   /* containers around it; of a begin or an end: around the container */
    const char *text; /* key, string, number, value: n bytes, no NUL behind; borrowed until the
                         next call on the reader, and while the chunk fed last is there */
    size_t n;
    uint64_t offset; /* of its first byte in the whole input */
    uint64_t end;    /* of the byte behind its last */
};

/* True for a key or a string that is exactly `text`. */
bool hg_json_is(const struct hg_json_token *token, const char *text);
/* The number as an integer; HG_EDATA when it has a fraction, an exponent or is out of range. */
hg_status hg_json_int64(const struct hg_json_token *token, int64_t *ret, struct hg_error *err);
/* The nearest double, whatever the locale; HG_EDATA when the token is no number or too large. */
hg_status hg_json_float64(const struct hg_json_token *token, double *ret, struct hg_error *err);
/* "an object", "a string", ...: for error texts. Static. */
const char *hg_json_type_name(enum hg_json_type type);

#ifdef __cplusplus
}
#endif

#endif
