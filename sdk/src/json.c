#include "headgate/json.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "json_escape.h"
#include "json_number.h"
#include "json_text.h"

#define DEFAULT_DEPTH      64
#define MAX_DEPTH          1024
#define DEFAULT_TEXT_BYTES ((size_t)16 << 20)

/* What may come next in the structure. */
enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* right after [ */
    EXPECT_KEY_OR_END,   /* right after { */
    EXPECT_KEY,
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING /* the one value is over */
};

/* Which token was begun and goes on in the next chunk. */
enum partial { PARTIAL_NONE, PARTIAL_STRING, PARTIAL_NUMBER, PARTIAL_LITERAL };

enum collect { COLLECT_NONE, COLLECT_SKIP, COLLECT_CAPTURE };

struct hg_json_reader {
    const unsigned char *chunk;
    const unsigned char *at;
    const unsigned char *end;
    uint64_t chunk_offset; /* of `chunk` in the whole input */
    bool finished;
    bool many;
    bool gap; /* white space, or nothing yet, lies before the next top-level value */
    uint32_t max_depth;
    size_t max_text_bytes;

    uint32_t depth;
    enum expect expect;
    uint8_t in_object[MAX_DEPTH / 8]; /* a bit for each open container */

    enum partial partial;
    uint64_t token_offset;
    struct hg_json_text text; /* of a token that is not one piece of the chunk */
    const char *literal;      /* "true", "false" or "null" */
    enum hg_json_type literal_type;
    size_t literal_n;
    enum hg_json_number number;
    struct hg_json_escape escape;
    struct hg_json_utf8 utf8; /* of a character that the chunk may cut */

    enum hg_json_type last;
    enum collect collect;
    uint32_t collect_depth; /* the value is over when the depth is this again */
    bool comma;             /* the next captured value is not the first */
    struct hg_json_text captured;
    uint64_t captured_offset;

    hg_status failure;
    uint64_t failure_offset;
    struct hg_error error;
};

static const char *const expected[] = {
    [EXPECT_VALUE] = "a value",
    [EXPECT_VALUE_OR_END] = "a value or ]",
    [EXPECT_KEY_OR_END] = "a key in quotes or }",
    [EXPECT_KEY] = "a key in quotes",
    [EXPECT_COLON] = ": behind the key",
    [EXPECT_COMMA_OR_END] = ", or the end of what is open",
    [EXPECT_NOTHING] = "nothing more",
};

/* ------------------------------------------------------------------------------------------ */
/* Life                                                                                         */
/* ------------------------------------------------------------------------------------------ */

hg_status hg_json_reader_new(const struct hg_json_options *options,
                             struct hg_json_reader **ret,
                             struct hg_error *err)
{
    uint32_t max_depth = options && options->max_depth ? options->max_depth : DEFAULT_DEPTH;
    if (max_depth > MAX_DEPTH) {
        return hg_fail(err, HG_EINVAL, "a depth of %u is over %d", max_depth, MAX_DEPTH);
    }
    struct hg_json_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return hg_fail_nomem(err);
    }
    reader->max_depth = max_depth;
    reader->max_text_bytes =
        options && options->max_text_bytes ? options->max_text_bytes : DEFAULT_TEXT_BYTES;
    reader->many = options && options->many;
    reader->gap = true;
    reader->error = (struct hg_error)HG_ERROR_INIT;
    *ret = reader;
    return HG_OK;
}

hg_status hg_json_reader_text(const struct hg_json_options *options,
                              const char *text,
                              size_t n,
                              struct hg_json_reader **ret,
                              struct hg_error *err)
{
    hg_status status = hg_json_reader_new(options, ret, err);
    if (!status) {
        hg_json_feed(*ret, text, n);
        hg_json_finish(*ret);
    }
    return status;
}

void hg_json_reader_free(struct hg_json_reader *reader)
{
    if (reader) {
        free(reader->text.data);
        free(reader->captured.data);
        free(reader);
    }
}

void hg_json_feed(struct hg_json_reader *reader, const void *bytes, size_t n)
{
    reader->chunk_offset += (uint64_t)(reader->end - reader->chunk);
    reader->chunk = bytes;
    reader->at = bytes;
    reader->end = bytes ? reader->chunk + n : NULL;
}

void hg_json_finish(struct hg_json_reader *reader)
{
    reader->finished = true;
}

uint64_t hg_json_error_offset(const struct hg_json_reader *reader)
{
    return reader->failure_offset;
}

static uint64_t offset_of(const struct hg_json_reader *r, const unsigned char *at)
{
    return r->chunk_offset + (uint64_t)(at - r->chunk);
}

/* ------------------------------------------------------------------------------------------ */
/* Failures                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static hg_status fail_at(struct hg_json_reader *r, const unsigned char *at, const char *what)
{
    r->failure = HG_EDATA;
    r->failure_offset = offset_of(r, at);
    return hg_fail(&r->error,
                   HG_EDATA,
                   "not JSON at byte %llu: %s",
                   (unsigned long long)r->failure_offset,
                   what);
}

static hg_status fail_unexpected(struct hg_json_reader *r)
{
    unsigned char c = *r->at;
    r->failure = HG_EDATA;
    r->failure_offset = offset_of(r, r->at);
    if (c >= 0x20 && c < 0x7F) {
        return hg_fail(&r->error,
                       HG_EDATA,
                       "not JSON at byte %llu: found '%c' where %s was expected",
                       (unsigned long long)r->failure_offset,
                       c,
                       expected[r->expect]);
    }
    return hg_fail(&r->error,
                   HG_EDATA,
                   "not JSON at byte %llu: found the byte 0x%02X where %s was expected",
                   (unsigned long long)r->failure_offset,
                   c,
                   expected[r->expect]);
}

static hg_status fail_nomem(struct hg_json_reader *r)
{
    r->failure = HG_ENOMEM;
    r->failure_offset = offset_of(r, r->at);
    return hg_fail_nomem(&r->error);
}

static hg_status fail_limit(struct hg_json_reader *r, const char *what, size_t limit)
{
    r->failure = HG_ETOOBIG;
    r->failure_offset = offset_of(r, r->at);
    return hg_fail(&r->error,
                   HG_ETOOBIG,
                   "at byte %llu: %s, over the limit of %zu",
                   (unsigned long long)r->failure_offset,
                   what,
                   limit);
}

/* ------------------------------------------------------------------------------------------ */
/* Texts                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* What the texts' functions answered, as the reader's failure. */
static hg_status text_status(struct hg_json_reader *r, hg_status status)
{
    if (status == HG_ENOMEM) {
        return fail_nomem(r);
    }
    return status ? fail_limit(r, "a text has too many bytes", r->max_text_bytes) : HG_OK;
}

static hg_status text_append(struct hg_json_reader *r,
                             struct hg_json_text *t,
                             const void *bytes,
                             size_t n)
{
    return text_status(r, hg_json_text_append(t, r->max_text_bytes, bytes, n));
}

static hg_status text_append_code_point(struct hg_json_reader *r, unsigned c)
{
    return text_status(r, hg_json_text_append_char(&r->text, r->max_text_bytes, c));
}

/* ------------------------------------------------------------------------------------------ */
/* Strings                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* Takes one byte of an escape. */
static hg_status escape_byte(struct hg_json_reader *r, unsigned char c)
{
    long code_point = -1;
    const char *wrong = hg_json_escape_step(&r->escape, c, &code_point);
    if (wrong) {
        return fail_at(r, r->at, wrong);
    }
    return code_point < 0 ? HG_OK : text_append_code_point(r, (unsigned)code_point);
}

/* Goes over bytes that stand for themselves; stops before a quote, a backslash or the end. */
static hg_status plain_run(struct hg_json_reader *r)
{
    const unsigned char *at = r->at;
    while (at < r->end) {
        unsigned char c = *at;
        if (r->utf8.need > 0) {
            if (!hg_json_utf8_go_on(&r->utf8, c)) {
                return fail_at(r, at, "the text is not valid UTF-8");
            }
        } else if (c == '"' || c == '\\') {
            break;
        } else if (c < 0x20) {
            return fail_at(r, at, "a control character in a string must be escaped");
        } else if (c >= 0x80 && !hg_json_utf8_begin(&r->utf8, c)) {
            return fail_at(r, at, "the text is not valid UTF-8");
        }
        at++;
    }
    r->at = at;
    return HG_OK;
}

static void emit(struct hg_json_reader *r,
                 enum hg_json_type type,
                 const void *text,
                 size_t n,
                 struct hg_json_token *ret)
{
    *ret = (struct hg_json_token){.type = type,
                                  .depth = r->depth,
                                  .text = text,
                                  .n = n,
                                  .offset = r->token_offset,
                                  .end = offset_of(r, r->at)};
}

/* A value is complete: what may follow it. */
static void value_done(struct hg_json_reader *r)
{
    if (r->depth > 0) {
        r->expect = EXPECT_COMMA_OR_END;
    } else {
        r->expect = r->many ? EXPECT_VALUE : EXPECT_NOTHING;
        r->gap = false;
    }
}

static void string_done(struct hg_json_reader *r,
                        const void *text,
                        size_t n,
                        struct hg_json_token *ret)
{
    bool is_key = r->expect == EXPECT_KEY || r->expect == EXPECT_KEY_OR_END;
    r->at++;
    r->partial = PARTIAL_NONE;
    emit(r, is_key ? HG_JSON_KEY : HG_JSON_STRING, text, n, ret);
    if (is_key) {
        r->expect = EXPECT_COLON;
    } else {
        value_done(r);
    }
}

/* ret->type stays HG_JSON_MORE when the chunk ends first. */
static hg_status read_string(struct hg_json_reader *r, struct hg_json_token *ret)
{
    while (r->at < r->end) {
        if (r->escape.state) {
            hg_status status = escape_byte(r, *r->at);
            if (status) {
                return status;
            }
            r->at++;
            continue;
        }
        const unsigned char *from = r->at;
        hg_status status = plain_run(r);
        if (status) {
            return status;
        }
        size_t n = (size_t)(r->at - from);
        bool closed = r->at < r->end && *r->at == '"';
        if (closed && r->text.n == 0 && n <= r->max_text_bytes) {
            string_done(r, from, n, ret);
            return HG_OK;
        }
        status = text_append(r, &r->text, from, n);
        if (status) {
            return status;
        }
        if (closed) {
            string_done(r, r->text.data ? r->text.data : "", r->text.n, ret);
            return HG_OK;
        }
        if (r->at < r->end) {
            r->at++;
            r->escape.state = ESCAPE_BEGUN;
        }
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Numbers and literals                                                                         */
/* ------------------------------------------------------------------------------------------ */

static hg_status read_number(struct hg_json_reader *r, struct hg_json_token *ret)
{
    const unsigned char *from = r->at;
    int next = 0;
    while (r->at < r->end && (next = hg_json_number_step(r->number, *r->at)) >= 0) {
        r->number = (enum hg_json_number)next;
        r->at++;
    }
    size_t n = (size_t)(r->at - from);
    bool over = r->at < r->end || r->finished;
    if (over && !hg_json_number_is_whole(r->number)) {
        return fail_at(r, r->at, "a digit is missing");
    }
    if (over && r->at < r->end && r->number == NUMBER_ZERO && *r->at >= '0' && *r->at <= '9') {
        return fail_at(r, r->at, "a number does not begin with 0");
    }
    const void *text = from;
    if (!over || r->text.n > 0 || n > r->max_text_bytes) {
        hg_status status = text_append(r, &r->text, from, n);
        if (status) {
            return status;
        }
        text = r->text.data;
        n = r->text.n;
    }
    if (over) {
        r->partial = PARTIAL_NONE;
        emit(r, HG_JSON_NUMBER, text, n, ret);
        value_done(r);
    }
    return HG_OK;
}

static hg_status read_literal(struct hg_json_reader *r, struct hg_json_token *ret)
{
    while (r->at < r->end && r->literal[r->literal_n]) {
        if (*r->at != (unsigned char)r->literal[r->literal_n]) {
            return fail_at(r, r->at, "only true, false and null may stand without quotes");
        }
        r->at++;
        r->literal_n++;
    }
    if (!r->literal[r->literal_n]) {
        r->partial = PARTIAL_NONE;
        emit(r, r->literal_type, NULL, 0, ret);
        value_done(r);
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Structure                                                                                    */
/* ------------------------------------------------------------------------------------------ */

static bool in_object(const struct hg_json_reader *r)
{
    uint32_t top = r->depth - 1;
    return (r->in_object[top / 8] >> (top % 8)) & 1;
}

static hg_status open_container(struct hg_json_reader *r, bool object, struct hg_json_token *ret)
{
    if (r->depth == r->max_depth) {
        return fail_limit(r, "objects and arrays lie too deep in one another", r->max_depth);
    }
    r->at++;
    emit(r, object ? HG_JSON_OBJECT_BEGIN : HG_JSON_ARRAY_BEGIN, NULL, 0, ret);
    uint8_t bit = (uint8_t)(1u << (r->depth % 8));
    uint8_t *byte = &r->in_object[r->depth / 8];
    *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
    r->depth++;
    r->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return HG_OK;
}

static void close_container(struct hg_json_reader *r, bool object, struct hg_json_token *ret)
{
    r->at++;
    r->depth--;
    emit(r, object ? HG_JSON_OBJECT_END : HG_JSON_ARRAY_END, NULL, 0, ret);
    value_done(r);
}

static hg_status begin_literal(struct hg_json_reader *r,
                               const char *literal,
                               enum hg_json_type type,
                               struct hg_json_token *ret)
{
    r->partial = PARTIAL_LITERAL;
    r->literal = literal;
    r->literal_type = type;
    r->literal_n = 0;
    return read_literal(r, ret);
}

static hg_status begin_string(struct hg_json_reader *r, struct hg_json_token *ret)
{
    r->at++;
    r->partial = PARTIAL_STRING;
    r->text.n = 0;
    return read_string(r, ret);
}

static hg_status begin_number(struct hg_json_reader *r, struct hg_json_token *ret)
{
    r->partial = PARTIAL_NUMBER;
    r->text.n = 0;
    r->number = NUMBER_MINUS;
    if (*r->at != '-') {
        return read_number(r, ret);
    }
    hg_status status = text_append(r, &r->text, "-", 1);
    r->at++;
    return status ? status : read_number(r, ret);
}

static hg_status begin_value(struct hg_json_reader *r, struct hg_json_token *ret)
{
    if (r->depth == 0 && !r->gap) {
        return fail_at(r, r->at, "two values are not separated by white space");
    }
    switch (*r->at) {
    case '{':
        return open_container(r, true, ret);
    case '[':
        return open_container(r, false, ret);
    case '"':
        return begin_string(r, ret);
    case 't':
        return begin_literal(r, "true", HG_JSON_TRUE, ret);
    case 'f':
        return begin_literal(r, "false", HG_JSON_FALSE, ret);
    case 'n':
        return begin_literal(r, "null", HG_JSON_NULL, ret);
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) {
            return begin_number(r, ret);
        }
        return fail_unexpected(r);
    }
}

/* Takes the byte at `at`, which is no white space. ret->type stays HG_JSON_MORE for , and : */
static hg_status begin_token(struct hg_json_reader *r, struct hg_json_token *ret)
{
    unsigned char c = *r->at;
    r->token_offset = offset_of(r, r->at);
    switch (r->expect) {
    case EXPECT_VALUE_OR_END:
        if (c == ']') {
            close_container(r, false, ret);
            return HG_OK;
        }
        return begin_value(r, ret);
    case EXPECT_VALUE:
        return begin_value(r, ret);
    case EXPECT_KEY_OR_END:
        if (c == '}') {
            close_container(r, true, ret);
            return HG_OK;
        }
        return c == '"' ? begin_string(r, ret) : fail_unexpected(r);
    case EXPECT_KEY:
        return c == '"' ? begin_string(r, ret) : fail_unexpected(r);
    case EXPECT_COLON:
        if (c != ':') {
            return fail_unexpected(r);
        }
        r->at++;
        r->expect = EXPECT_VALUE;
        return HG_OK;
    case EXPECT_COMMA_OR_END:
        if (c == (in_object(r) ? '}' : ']')) {
            close_container(r, in_object(r), ret);
            return HG_OK;
        }
        if (c != ',') {
            return fail_unexpected(r);
        }
        r->at++;
        r->expect = in_object(r) ? EXPECT_KEY : EXPECT_VALUE;
        return HG_OK;
    default:
        return fail_unexpected(r);
    }
}

/* The input is complete and used up. */
static hg_status at_end(struct hg_json_reader *r, struct hg_json_token *ret)
{
    if (r->partial == PARTIAL_NUMBER) {
        return read_number(r, ret);
    }
    if (r->partial == PARTIAL_STRING) {
        return fail_at(r, r->at, "the input ends inside a string");
    }
    if (r->partial == PARTIAL_LITERAL) {
        return fail_at(r, r->at, "the input ends inside true, false or null");
    }
    if (r->depth > 0) {
        return fail_at(r,
                       r->at,
                       in_object(r) ? "the input ends inside an object"
                                    : "the input ends inside an array");
    }
    if (!r->many && r->expect != EXPECT_NOTHING) {
        return fail_at(r, r->at, "the input is empty");
    }
    r->token_offset = offset_of(r, r->at);
    emit(r, HG_JSON_END, NULL, 0, ret);
    return HG_OK;
}

static hg_status go_on(struct hg_json_reader *r, struct hg_json_token *ret)
{
    switch (r->partial) {
    case PARTIAL_STRING:
        return read_string(r, ret);
    case PARTIAL_NUMBER:
        return read_number(r, ret);
    default:
        return read_literal(r, ret);
    }
}

/* One token, or HG_JSON_MORE. */
static hg_status next_token(struct hg_json_reader *r, struct hg_json_token *ret)
{
    *ret = (struct hg_json_token){.type = HG_JSON_MORE, .depth = r->depth};
    while (ret->type == HG_JSON_MORE && r->at < r->end) {
        hg_status status;
        unsigned char c = *r->at;
        if (r->partial) {
            status = go_on(r, ret);
        } else if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            r->at++;
            r->gap = true;
            status = HG_OK;
        } else {
            status = begin_token(r, ret);
        }
        if (status) {
            return status;
        }
    }
    if (ret->type == HG_JSON_MORE && r->finished) {
        return at_end(r, ret);
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Skipping and capturing                                                                       */
/* ------------------------------------------------------------------------------------------ */

static hg_status capture(struct hg_json_reader *r, const struct hg_json_token *token)
{
    static const char *const fixed[] = {
        [HG_JSON_OBJECT_BEGIN] = "{",
        [HG_JSON_OBJECT_END] = "}",
        [HG_JSON_ARRAY_BEGIN] = "[",
        [HG_JSON_ARRAY_END] = "]",
        [HG_JSON_TRUE] = "true",
        [HG_JSON_FALSE] = "false",
        [HG_JSON_NULL] = "null",
    };
    hg_status status = HG_OK;
    bool end = token->type == HG_JSON_OBJECT_END || token->type == HG_JSON_ARRAY_END;
    bool begin = token->type == HG_JSON_OBJECT_BEGIN || token->type == HG_JSON_ARRAY_BEGIN;
    if (r->comma && !end) {
        status = text_append(r, &r->captured, ",", 1);
    }
    if (status) {
        return status;
    }
    if (token->type == HG_JSON_KEY || token->type == HG_JSON_STRING) {
        status = text_status(
            r, hg_json_text_append_quoted(&r->captured, r->max_text_bytes, token->text, token->n));
    } else if (token->type == HG_JSON_NUMBER) {
        status = text_append(r, &r->captured, token->text, token->n);
    } else {
        status = text_append(r, &r->captured, fixed[token->type], strlen(fixed[token->type]));
    }
    if (!status && token->type == HG_JSON_KEY) {
        status = text_append(r, &r->captured, ":", 1);
    }
    r->comma = !begin && token->type != HG_JSON_KEY;
    return status;
}

/* Takes a token that belongs to what is skipped or captured. True in *ret_done with its last. */
static hg_status collect(struct hg_json_reader *r, struct hg_json_token *token, bool *ret_done)
{
    *ret_done = token->type != HG_JSON_KEY && r->depth == r->collect_depth;
    if (r->collect == COLLECT_SKIP) {
        return HG_OK;
    }
    hg_status status = capture(r, token);
    if (!status && *ret_done) {
        token->type = HG_JSON_VALUE;
        token->text = r->captured.data;
        token->n = r->captured.n;
        token->offset = r->captured_offset;
    }
    return status;
}

void hg_json_skip(struct hg_json_reader *reader)
{
    bool begin = reader->last == HG_JSON_OBJECT_BEGIN || reader->last == HG_JSON_ARRAY_BEGIN;
    if (begin || reader->last == HG_JSON_KEY) {
        reader->collect = COLLECT_SKIP;
        reader->collect_depth = reader->depth - (begin ? 1 : 0);
    }
}

void hg_json_capture(struct hg_json_reader *reader)
{
    bool begin = reader->last == HG_JSON_OBJECT_BEGIN || reader->last == HG_JSON_ARRAY_BEGIN;
    if (!begin) {
        return;
    }
    reader->collect = COLLECT_CAPTURE;
    reader->collect_depth = reader->depth - 1;
    reader->captured_offset = reader->token_offset;
    reader->captured.n = 0;
    struct hg_json_token token = {.type = reader->last};
    reader->comma = false;
    (void)capture(reader, &token);
}

static hg_status pull(struct hg_json_reader *r, struct hg_json_token *ret)
{
    for (;;) {
        hg_status status = r->failure ? r->failure : next_token(r, ret);
        if (status || ret->type == HG_JSON_MORE) {
            return status;
        }
        r->last = ret->type;
        if (!r->collect) {
            return HG_OK;
        }
        bool done;
        status = collect(r, ret, &done);
        if (status) {
            return status;
        }
        if (done) {
            bool captured = r->collect == COLLECT_CAPTURE;
            r->collect = COLLECT_NONE;
            if (captured) {
                r->last = HG_JSON_VALUE;
                return HG_OK;
            }
        }
    }
}

hg_status hg_json_next(struct hg_json_reader *reader,
                       struct hg_json_token *ret,
                       struct hg_error *err)
{
    struct hg_json_token token;
    hg_status status = pull(reader, &token);
    if (status) {
        return hg_fail(err, status, "%s", reader->error.message);
    }
    *ret = token;
    return HG_OK;
}
