/*
 * Lines of a file, each within a bound.
 */
#ifndef JSONL_LINES_H
#define JSONL_LINES_H

#include "stage.h"

/* What is kept of a line that is too long. */
#define JSONL_HEAD_BYTES 65536

struct jsonl_lines {
    struct src_stage *input; /* borrowed */
    size_t max_bytes;
    char *buf;
    size_t size;
    size_t at;      /* where the next line begins */
    size_t end;     /* of the bytes there are */
    size_t scanned; /* no line end before here */
    bool last;      /* the input has ended */
    int64_t number; /* of the line given last, from 1 */
};

struct jsonl_line {
    const char *text; /* without its end; borrowed until the next call */
    size_t n;
    bool too_long; /* only the head of it is given */
    bool is_end;   /* there is no line */
};

/* Begins with a file, which is borrowed until the next one. */
void jsonl_lines_open(struct jsonl_lines *lines, struct src_stage *input);
hg_status jsonl_lines_next(struct jsonl_lines *lines, struct jsonl_line *ret, struct hg_error *err);
void jsonl_lines_done(struct jsonl_lines *lines);

#endif
