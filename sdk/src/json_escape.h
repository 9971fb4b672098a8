/*
 * The states of an escape in a string of the JSON reader. Private to the SDK.
 */
#ifndef HEADGATE_SRC_JSON_ESCAPE_H
#define HEADGATE_SRC_JSON_ESCAPE_H

enum hg_json_escape_state {
    ESCAPE_NONE,
    ESCAPE_BEGUN, /* behind the backslash */
    ESCAPE_HEX,
    ESCAPE_LOW_BACKSLASH, /* a high surrogate waits for its low one */
    ESCAPE_LOW_U
};

struct hg_json_escape {
    enum hg_json_escape_state state;
    unsigned hex;
    unsigned hex_n;
    unsigned high_surrogate; /* 0: none */
};

/*
 * Takes one more byte. Returns what is wrong with it, or NULL; when the escape is over, the state
 * is ESCAPE_NONE and *ret_code_point the character. Else that is left as it is.
 */
const char *hg_json_escape_step(struct hg_json_escape *escape,
                                unsigned char c,
                                long *ret_code_point);

#endif
