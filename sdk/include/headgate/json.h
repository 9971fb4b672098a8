/*
 * An incremental pull reader for JSON (RFC 8259, strict).
 *
 * Feed it chunks as they come and pull tokens. It builds no tree, keeps the text of numbers as it
 * stands, takes bounded memory, and checks everything: structure, escapes, surrogates, UTF-8.
 *
 *     hg_json_reader_new(NULL, &reader, err);
 *     while ((n = read(fd, chunk, sizeof chunk)) > 0) {
 *         hg_json_feed(reader, chunk, n);
 *         while (hg_json_next(reader, &token, err) == HG_OK && token.type != HG_JSON_MORE) {
 *             ...
 *         }
 *     }
 *     hg_json_finish(reader);
 *     ... tokens until HG_JSON_END
 *
 * A text that is whole in memory needs no feeding: hg_json_reader_text. Then HG_JSON_MORE never
 * comes. How the input is cut into chunks makes no difference to the tokens.
 *
 * A reader is for one thread at a time.
 */
#ifndef HEADGATE_JSON_H
#define HEADGATE_JSON_H

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
    uint32_t depth;     /* containers around it; of a begin or an end: around the container */
    const char *text;   /* key, string, number, value: n bytes, no NUL behind; borrowed until the
                           next call on the reader, and while the chunk fed last is there */
    size_t n;
    uint64_t offset;    /* of its first byte in the whole input */
    uint64_t end;       /* of the byte behind its last */
};

struct hg_json_options {
    uint32_t max_depth;    /* containers in one another; 0: 64; at most 1024 */
    size_t max_text_bytes; /* of one key, string, number or value; 0: 16 MiB */
    bool many;             /* any number of values one after the other (JSON Lines) */
};

struct hg_json_reader;

/* `options` may be NULL. *ret is owned by the caller, who frees it with hg_json_reader_free. */
hg_status hg_json_reader_new(const struct hg_json_options *options, struct hg_json_reader **ret,
                             struct hg_error *err);
/* A reader that has got `n` bytes, borrowed until it is freed, and knows that this is all. */
hg_status hg_json_reader_text(const struct hg_json_options *options, const char *text, size_t n,
                              struct hg_json_reader **ret, struct hg_error *err);
/* Takes NULL. */
void hg_json_reader_free(struct hg_json_reader *reader);

/*
 * The next chunk, borrowed until hg_json_next has answered HG_JSON_MORE or a failure. Only when
 * the last answer was HG_JSON_MORE, or before the first.
 */
void hg_json_feed(struct hg_json_reader *reader, const void *bytes, size_t n);
/* There are no more chunks. */
void hg_json_finish(struct hg_json_reader *reader);

/*
 * The next token. HG_EDATA when the input is not JSON, with the byte's offset in the message;
 * HG_ETOOBIG beyond a limit; HG_ENOMEM. A failure stays: each later call gives it again.
 */
hg_status hg_json_next(struct hg_json_reader *reader, struct hg_json_token *ret,
                       struct hg_error *err);
/* Where the input was found wrong; only after a failure. */
uint64_t hg_json_error_offset(const struct hg_json_reader *reader);

/* ------------------------------------------------------------------------------------------ */
/* Walking                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/*
 * After a key: its whole value is passed over. After the begin of an object or an array: the rest
 * of it, with its end. After anything else: nothing. Takes effect in the next hg_json_next and
 * goes on over chunks.
 */
void hg_json_skip(struct hg_json_reader *reader);
/*
 * Right after the begin of an object or an array: the next token is the whole of it as
 * HG_JSON_VALUE, compact JSON with the numbers as written. Goes on over chunks.
 */
void hg_json_capture(struct hg_json_reader *reader);

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
