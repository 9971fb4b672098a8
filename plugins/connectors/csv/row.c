#include "row.h"

#include <string.h>

struct scan {
    const struct csv_dialect *dialect;
    const char *buf;
    uint32_t at;
    uint32_t end;
    bool last;
    struct csv_row *row;
};

/* Answers inside a row. */
enum step { STEP_ON = 0, STEP_MORE, STEP_BAD };

static enum step bad(struct scan *s, enum csv_fault fault, uint32_t at)
{
    s->row->fault = fault;
    s->row->fault_at = at;
    return STEP_BAD;
}

static void put(struct scan *s, uint32_t from, uint32_t to, uint64_t flags)
{
    struct csv_row *row = s->row;
    if (row->n < row->max_cells) {
        row->cells[row->n] = csv_cell(from, to - from) | flags;
    }
    row->n++;
}

bool csv_line_end(
    const char *buf, uint32_t at, uint32_t end, bool last, uint32_t *ret_end, uint32_t *ret_next)
{
    uint32_t i = at;
    while (i < end && buf[i] != '\n' && buf[i] != '\r') {
        i++;
    }
    if (i == end) {
        *ret_end = end;
        *ret_next = end;
        return last;
    }
    *ret_end = i;
    *ret_next = i + 1;
    if (buf[i] == '\r') {
        if (i + 1 == end) {
            return last;
        }
        *ret_next += buf[i + 1] == '\n';
    }
    return true;
}

uint32_t csv_count_lines(const char *buf, uint32_t at, uint32_t end)
{
    uint32_t n = 0;
    for (uint32_t i = at; i < end; i++) {
        n += buf[i] == '\n' || (buf[i] == '\r' && (i + 1 == end || buf[i + 1] != '\n'));
    }
    return n;
}

/* From behind the opening quote to the closing one. */
static enum step find_closing(struct scan *s, uint32_t opening, uint64_t *flags)
{
    char quote = s->dialect->quote;
    char escape = s->dialect->escape;
    for (;;) {
        const char *buf = s->buf;
        while (s->at < s->end && buf[s->at] != quote && (!escape || buf[s->at] != escape)) {
            s->at++;
        }
        if (s->at == s->end) {
            return s->last ? bad(s, CSV_FAULT_UNTERMINATED, opening) : STEP_MORE;
        }
        if (escape && buf[s->at] == escape && (escape != quote)) {
            if (s->at + 1 == s->end) {
                return s->last ? bad(s, CSV_FAULT_UNTERMINATED, opening) : STEP_MORE;
            }
            *flags |= CSV_CELL_ESCAPED;
            s->at += 2;
            continue;
        }
        if (escape && escape != quote) {
            return STEP_ON;
        }
        if (s->at + 1 == s->end) {
            return s->last ? STEP_ON : STEP_MORE;
        }
        if (buf[s->at + 1] != quote) {
            return STEP_ON;
        }
        *flags |= CSV_CELL_ESCAPED;
        s->at += 2;
    }
}

static enum step quoted_field(struct scan *s)
{
    uint32_t opening = s->at++;
    uint64_t flags = CSV_CELL_QUOTED;
    enum step step = find_closing(s, opening, &flags);
    if (step) {
        return step;
    }
    put(s, opening + 1, s->at, flags);
    s->at++;
    if (s->dialect->trim) {
        while (s->at < s->end && csv_is_blank(s->dialect, s->buf[s->at])) {
            s->at++;
        }
    }
    if (s->at == s->end) {
        return s->last ? STEP_ON : STEP_MORE;
    }
    uint8_t class = csv_class_of(s->dialect, s->buf[s->at]);
    if (class != CSV_DELIMITER && class != CSV_LF && class != CSV_CR) {
        return bad(s, CSV_FAULT_BEHIND_QUOTE, s->at);
    }
    return STEP_ON;
}

static void put_plain(struct scan *s, uint32_t from, uint32_t to, uint64_t flags)
{
    if (s->dialect->trim && !flags) {
        while (from < to && csv_is_blank(s->dialect, s->buf[from])) {
            from++;
        }
        while (from < to && csv_is_blank(s->dialect, s->buf[to - 1])) {
            to--;
        }
    }
    put(s, from, to, flags);
}

static enum step plain_field(struct scan *s)
{
    uint32_t from = s->at;
    uint64_t flags = 0;
    for (;;) {
        uint8_t class = CSV_PLAIN;
        while (s->at < s->end && (class = csv_class_of(s->dialect, s->buf[s->at])) == CSV_PLAIN) {
            s->at++;
        }
        if (s->at == s->end) {
            if (!s->last) {
                return STEP_MORE;
            }
            break;
        }
        if (class == CSV_QUOTE) {
            return bad(s, CSV_FAULT_QUOTE_INSIDE, s->at);
        }
        if (class != CSV_ESCAPE) {
            break;
        }
        if (s->at + 1 == s->end) {
            return s->last ? bad(s, CSV_FAULT_ESCAPE_END, s->at) : STEP_MORE;
        }
        flags = CSV_CELL_ESCAPED;
        s->at += 2;
    }
    put_plain(s, from, s->at, flags);
    return STEP_ON;
}

static enum step field(struct scan *s)
{
    uint32_t start = s->at;
    if (s->dialect->trim) {
        while (s->at < s->end && csv_is_blank(s->dialect, s->buf[s->at])) {
            s->at++;
        }
    }
    if (s->at < s->end && csv_class_of(s->dialect, s->buf[s->at]) == CSV_QUOTE) {
        return quoted_field(s);
    }
    s->at = start;
    return plain_field(s);
}

/* A bad row is its first line: what follows may be sound. */
static enum csv_row_end end_bad(struct scan *s, uint32_t start)
{
    struct csv_row *row = s->row;
    uint32_t end;
    uint32_t next;
    if (!csv_line_end(s->buf, start, s->end, s->last, &end, &next)) {
        return CSV_ROW_MORE;
    }
    row->end = end;
    row->next = next;
    row->n_lines = end < next;
    return CSV_ROW_BAD;
}

enum csv_row_end csv_row_read(const struct csv_dialect *dialect,
                              const char *buf,
                              uint32_t at,
                              uint32_t end,
                              bool last,
                              struct csv_row *row)
{
    struct scan s = {dialect, buf, at, end, last, row};
    row->n = 0;
    row->fault = CSV_SOUND;
    for (;;) {
        enum step step = field(&s);
        if (step) {
            return step == STEP_MORE ? CSV_ROW_MORE : end_bad(&s, at);
        }
        if (s.at == s.end || buf[s.at] != dialect->delimiter) {
            break;
        }
        s.at++;
    }
    uint32_t line_end;
    uint32_t next;
    if (!csv_line_end(buf, s.at, end, last, &line_end, &next)) {
        return CSV_ROW_MORE;
    }
    row->end = s.at;
    row->next = next;
    row->n_lines = csv_count_lines(buf, at, s.at) + (next > s.at);
    return CSV_ROW_WHOLE;
}

uint32_t csv_cell_unescape(const struct csv_dialect *dialect,
                           const char *buf,
                           uint64_t cell,
                           char *out)
{
    const char *p = buf + csv_cell_at(cell);
    const char *end = p + csv_cell_n(cell);
    char escape = dialect->escape ? dialect->escape : dialect->quote;
    uint32_t n = 0;
    while (p < end) {
        if (*p == escape && p + 1 < end) {
            p++;
        }
        out[n++] = *p++;
    }
    return n;
}
