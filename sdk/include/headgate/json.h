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

#include "headgate/json_token.h"
#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hg_json_options {
    uint32_t max_depth;    /* containers in one another; 0: 64; at most 1024 */
    size_t max_text_bytes; /* of one key, string, number or value; 0: 16 MiB */
    bool many;             /* any number of values one after the other (JSON Lines) */
};

struct hg_json_reader;

/* `options` may be NULL. *ret is owned by the caller, who frees it with hg_json_reader_free. */
hg_status hg_json_reader_new(const struct hg_json_options *options,
                             struct hg_json_reader **ret,
                             struct hg_error *err);
/* A reader that has got `n` bytes, borrowed until it is freed, and knows that this is all. */
hg_status hg_json_reader_text(const struct hg_json_options *options,
                              const char *text,
                              size_t n,
                              struct hg_json_reader **ret,
                              struct hg_error *err);
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
hg_status hg_json_next(struct hg_json_reader *reader,
                       struct hg_json_token *ret,
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

#ifdef __cplusplus
}
#endif

#endif
