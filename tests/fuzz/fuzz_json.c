/*
 * Feeds the JSON reader anything. Beyond what the sanitizers find: reading in pieces gives the same
 * tokens, the same failure and the same offset as reading the whole, and what was captured is JSON
 * again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/json.h"

struct outcome {
    uint64_t hash;
    hg_status status;
    uint64_t offset;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mix(struct outcome *o, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        o->hash = (o->hash ^ at[i]) * UINT64_C(1099511628211);
    }
}

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Captured text must be read without a failure, up to its end. */
static void read_again(const char *text, size_t n)
{
    static const struct hg_json_options options = {.max_depth = 1024};
    struct hg_json_reader *reader;
    struct hg_json_token token;
    require(hg_json_reader_text(&options, text, n, &reader, NULL) == HG_OK);
    do {
        require(hg_json_next(reader, &token, NULL) == HG_OK);
    } while (token.type != HG_JSON_END);
    hg_json_reader_free(reader);
}

static bool pull(struct hg_json_reader *reader, unsigned mode, struct outcome *o)
{
    for (;;) {
        struct hg_json_token token;
        o->status = hg_json_next(reader, &token, NULL);
        if (o->status) {
            o->offset = hg_json_error_offset(reader);
            return false;
        }
        if (token.type == HG_JSON_MORE) {
            return true;
        }
        int64_t integer = 0;
        double number = 0;
        if (token.type == HG_JSON_NUMBER) {
            (void)hg_json_int64(&token, &integer, NULL);
            (void)hg_json_float64(&token, &number, NULL);
        }
        mix(o, &token.type, sizeof token.type);
        mix(o, &token.depth, sizeof token.depth);
        mix(o, &token.offset, sizeof token.offset);
        mix(o, &token.end, sizeof token.end);
        mix(o, token.text, token.n);
        if (token.type == HG_JSON_VALUE) {
            read_again(token.text, token.n);
        }
        if (token.type == HG_JSON_END) {
            return false;
        }
        if (mode == 1 && token.type == HG_JSON_KEY) {
            hg_json_skip(reader);
        } else if (mode == 2 && token.type == HG_JSON_OBJECT_BEGIN && token.depth > 0) {
            hg_json_capture(reader);
        }
    }
}

static struct outcome read_in_steps(const uint8_t *data, size_t size, size_t step, unsigned mode)
{
    struct hg_json_options options = {.max_depth = 16, .many = mode == 3};
    struct hg_json_reader *reader;
    struct outcome o = {.hash = 1};
    require(hg_json_reader_new(&options, &reader, NULL) == HG_OK);
    bool more = true;
    for (size_t at = 0; more && at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        char *piece = malloc(n);
        require(piece != NULL);
        memcpy(piece, data + at, n);
        hg_json_feed(reader, piece, n);
        more = pull(reader, mode, &o);
        hg_json_feed(reader, NULL, 0);
        free(piece);
    }
    if (more) {
        hg_json_finish(reader);
        (void)pull(reader, mode, &o);
    }
    hg_json_reader_free(reader);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    unsigned mode = data[0] & 3u;
    size_t step = (size_t)(data[0] >> 2) + 1;
    struct outcome whole = read_in_steps(data + 1, size - 1, size - 1, mode);
    struct outcome pieces = read_in_steps(data + 1, size - 1, step, mode);
    require(whole.status == pieces.status && whole.offset == pieces.offset);
    require(whole.hash == pieces.hash);
    return 0;
}
