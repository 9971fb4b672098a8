/*
 * The growing texts inside the JSON reader. Private to the SDK.
 */
#ifndef HEADGATE_SRC_JSON_TEXT_H
#define HEADGATE_SRC_JSON_TEXT_H

#include "headgate/plugin.h"

struct hg_json_text {
    char *data; /* no NUL behind */
    size_t n;
    size_t room;
};

/* All return HG_OK, HG_ETOOBIG when the text would pass `limit` bytes, or HG_ENOMEM. */

hg_status hg_json_text_append(struct hg_json_text *text, size_t limit, const void *bytes, size_t n);
/* The code point as UTF-8. */
hg_status hg_json_text_append_char(struct hg_json_text *text, size_t limit, unsigned c);
/* The bytes as a JSON string with its quotes; they are valid UTF-8. */
hg_status hg_json_text_append_quoted(struct hg_json_text *text,
                                     size_t limit,
                                     const char *bytes,
                                     size_t n);

/* Where a check of UTF-8 stands, byte by byte. */
struct hg_json_utf8 {
    unsigned need;     /* bytes that the character still wants; 0 between characters */
    unsigned char low; /* bounds of the next one */
    unsigned char high;
};

/* Takes the lead byte of a character beyond ASCII; false when none begins so. */
bool hg_json_utf8_begin(struct hg_json_utf8 *utf8, unsigned char c);
/* Takes the next byte while `need` is not 0; false when it is wrong. */
bool hg_json_utf8_go_on(struct hg_json_utf8 *utf8, unsigned char c);

#endif
