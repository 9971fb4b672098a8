#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

#define FIRST_BUFFER_BYTES ((size_t)256 * 1024)

void jsonl_lines_open(struct jsonl_lines *l, struct src_stage *input)
{
    l->input = input;
    l->at = 0;
    l->end = 0;
    l->scanned = 0;
    l->last = false;
    l->number = 0;
}

void jsonl_lines_done(struct jsonl_lines *l)
{
    free(l->buf);
    l->buf = NULL;
}

/* Room for more, the bound and two bytes at most: a line end may be of two. */
static hg_status make_room(struct jsonl_lines *l, struct hg_error *err)
{
    if (l->at > 0) {
        memmove(l->buf, l->buf + l->at, l->end - l->at);
        l->end -= l->at;
        l->scanned -= l->at;
        l->at = 0;
    }
    if (l->size > 0 && l->end < l->size / 2) {
        return HG_OK;
    }
    size_t most = l->max_bytes + 2;
    size_t size = l->size ? l->size * 2 : FIRST_BUFFER_BYTES;
    size = size < most ? size : most;
    if (size <= l->size) {
        return HG_OK;
    }
    char *buf = realloc(l->buf, size);
    if (!buf) {
        return hg_fail_nomem(err);
    }
    l->buf = buf;
    l->size = size;
    return HG_OK;
}

static hg_status fill(struct jsonl_lines *l, struct hg_error *err)
{
    size_t got = 0;
    hg_status status = make_room(l, err);
    if (!status) {
        status = l->input->read(l->input, l->buf + l->end, l->size - l->end, &got, err);
    }
    if (!status) {
        l->end += got;
        l->last = got == 0;
    }
    return status;
}

/* Passes over the rest of a line whose beginning fills the buffer; its head stays in front. */
static hg_status pass_rest(struct jsonl_lines *l, struct jsonl_line *ret, struct hg_error *err)
{
    size_t head = l->end < JSONL_HEAD_BYTES ? l->end : JSONL_HEAD_BYTES;
    size_t rest = head; /* what is behind the head is read over and over */
    size_t got = 1;
    const char *found = NULL;
    while (!found && got > 0) {
        hg_status status = l->input->read(l->input, l->buf + rest, l->size - rest, &got, err);
        if (status) {
            return status;
        }
        found = got > 0 ? memchr(l->buf + rest, '\n', got) : NULL;
    }
    l->last = got == 0;
    l->end = rest + got;
    l->at = found ? (size_t)(found - l->buf) + 1 : l->end;
    l->scanned = l->at;
    *ret = (struct jsonl_line){.text = l->buf, .n = head, .too_long = true};
    return HG_OK;
}

static void give(struct jsonl_lines *l, size_t end, size_t next, struct jsonl_line *ret)
{
    const char *text = l->buf + l->at;
    size_t n = end - l->at;
    if (n > 0 && text[n - 1] == '\r') {
        n--;
    }
    bool too_long = n > l->max_bytes;
    *ret = (struct jsonl_line){
        .text = text, .n = too_long ? JSONL_HEAD_BYTES : n, .too_long = too_long};
    l->at = next;
    l->scanned = next;
}

hg_status jsonl_lines_next(struct jsonl_lines *l, struct jsonl_line *ret, struct hg_error *err)
{
    for (;;) {
        const char *found =
            l->end > l->scanned ? memchr(l->buf + l->scanned, '\n', l->end - l->scanned) : NULL;
        if (found) {
            l->number++;
            give(l, (size_t)(found - l->buf), (size_t)(found - l->buf) + 1, ret);
            return HG_OK;
        }
        l->scanned = l->end;
        if (l->last) {
            *ret = (struct jsonl_line){.is_end = true};
            if (l->at < l->end) {
                l->number++;
                give(l, l->end, l->end, ret);
            }
            return HG_OK;
        }
        if (l->at == 0 && l->end == l->max_bytes + 2) {
            l->number++;
            return pass_rest(l, ret, err);
        }
        hg_status status = fill(l, err);
        if (status) {
            return status;
        }
    }
}
