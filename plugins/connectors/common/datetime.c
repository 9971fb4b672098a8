#include "datetime.h"

/* A moment while it is read. */
struct moment {
    int32_t year;
    int32_t month;
    int32_t day;
    int32_t day_of_year; /* 0: not given */
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t micro;
    int32_t offset; /* seconds east of UTC */
    int32_t half;   /* of the day: 0 not given, 1 AM, 2 PM */
    int64_t unix_seconds;
    bool has_unix;
    bool has_zone;
};

struct cursor {
    const char *p;
    const char *end;
};

static const char *const month_names[] = {"january",
                                          "february",
                                          "march",
                                          "april",
                                          "may",
                                          "june",
                                          "july",
                                          "august",
                                          "september",
                                          "october",
                                          "november",
                                          "december"};
static const char *const day_names[] = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

/* ------------------------------------------------------------------------------------------ */
/* The calendar                                                                                 */
/* ------------------------------------------------------------------------------------------ */

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool src_is_day(int32_t year, int32_t month, int32_t day)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    return day <= lengths[month - 1] + (month == 2 && is_leap(year));
}

int32_t src_days(int32_t year, int32_t month, int32_t day)
{
    /* Years that begin in March, so that the leap day is the last. */
    uint32_t y = (uint32_t)(month < 3 ? year - 1 : year);
    uint32_t m = (uint32_t)(month < 3 ? month + 9 : month - 3);
    uint32_t of_year = (153 * m + 2) / 5 + (uint32_t)day - 1;
    return (int32_t)(y * 365 + y / 4 - y / 100 + y / 400 + of_year) - 719468;
}

/* ------------------------------------------------------------------------------------------ */
/* Pieces                                                                                       */
/* ------------------------------------------------------------------------------------------ */

static bool at_digit(const struct cursor *c)
{
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static bool take_number(struct cursor *c, int min, int max, int32_t *ret)
{
    int32_t v = 0;
    int n = 0;
    while (n < max && at_digit(c)) {
        v = v * 10 + (*c->p++ - '0');
        n++;
    }
    *ret = v;
    return n >= min;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted) {
        return false;
    }
    c->p++;
    return true;
}

/* 1 to 9 digits behind a point; what lies below the microsecond is dropped. */
static bool take_fraction(struct cursor *c, int32_t *ret_micro)
{
    int32_t v = 0;
    int n = 0;
    for (; n < 9 && at_digit(c); n++, c->p++) {
        if (n < 6) {
            v = v * 10 + (*c->p - '0');
        }
    }
    for (int i = n; i < 6; i++) {
        v *= 10;
    }
    *ret_micro = v;
    return n > 0;
}

static bool take_zone(struct cursor *c, struct moment *m)
{
    m->has_zone = true;
    if (take_char(c, 'Z') || take_char(c, 'z')) {
        m->offset = 0;
        return true;
    }
    if (c->p == c->end || (*c->p != '+' && *c->p != '-')) {
        return false;
    }
    bool west = *c->p++ == '-';
    int32_t hours;
    int32_t minutes = 0;
    if (!take_number(c, 2, 2, &hours)) {
        return false;
    }
    bool colon = take_char(c, ':');
    if ((colon || at_digit(c)) && !take_number(c, 2, 2, &minutes)) {
        return false;
    }
    int32_t seconds = hours * 3600 + minutes * 60;
    m->offset = west ? -seconds : seconds;
    return hours < 24 && minutes < 60;
}

static bool take_word(struct cursor *c, const char *word, size_t n)
{
    if ((size_t)(c->end - c->p) < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((c->p[i] | 0x20) != word[i]) {
            return false;
        }
    }
    c->p += n;
    return true;
}

/* The whole name or its first three letters. */
static bool take_name(struct cursor *c, const char *const *names, int n, int32_t *ret)
{
    for (int i = 0; i < n; i++) {
        if (take_word(c, names[i], strlen(names[i])) || take_word(c, names[i], 3)) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_unix(struct cursor *c, struct moment *m)
{
    bool negative = take_char(c, '-');
    int64_t v = 0;
    int n = 0;
    for (; n < 12 && at_digit(c); n++) {
        v = v * 10 + (*c->p++ - '0');
    }
    m->has_unix = true;
    m->has_zone = true;
    m->unix_seconds = negative ? -v : v;
    return n > 0;
}

bool src_zone_offset(const char *text, size_t n, int32_t *ret_seconds)
{
    struct cursor c = {text, text + n};
    struct moment m = {0};
    if ((n == 3 && (memcmp(text, "UTC", 3) == 0 || memcmp(text, "GMT", 3) == 0))) {
        *ret_seconds = 0;
        return true;
    }
    if (!take_zone(&c, &m) || c.p != c.end) {
        return false;
    }
    *ret_seconds = m.offset;
    return true;
}

/* ------------------------------------------------------------------------------------------ */
/* Formats                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static const char known_kinds[] = "YymdejbBaAHIpMSfzZs%";
static const char numeric_kinds[] = "YymdejHIMSfs";
static const char time_kinds[] = "HIpMSfzZs";

static const char *add_step(struct src_time_format *f, char kind, char literal)
{
    if (f->n_steps == SRC_FORMAT_MAX) {
        return "the format is too long";
    }
    f->steps[f->n_steps++] = (struct src_time_step){.kind = kind, .literal = literal};
    return NULL;
}

static const char *add_steps(struct src_time_format *f, const char *kinds)
{
    const char *wrong = NULL;
    for (; *kinds && !wrong; kinds++) {
        bool literal = *kinds == '-' || *kinds == ':';
        wrong = add_step(f, literal ? '=' : *kinds, *kinds);
    }
    return wrong;
}

static const char *add_directive(struct src_time_format *f, char c)
{
    switch (c) {
    case 'F':
        return add_steps(f, "Y-m-d");
    case 'T':
        return add_steps(f, "H:M:S");
    case 'n':
    case 't':
        return add_step(f, ' ', ' ');
    case '%':
        return add_step(f, '=', '%');
    default:
        break;
    }
    if (!c || !strchr(known_kinds, c)) {
        return "the format has an unknown directive; known are %Y %y %m %d %e %j %b %B %a %A %H %I "
               "%p %M %S %f %z %Z %s %F %T %%";
    }
    return add_step(f, c, '\0');
}

static bool has(const struct src_time_format *f, const char *kinds)
{
    for (int i = 0; i < f->n_steps; i++) {
        if (strchr(kinds, f->steps[i].kind)) {
            return true;
        }
    }
    return false;
}

const char *src_time_format_compile(const char *text, bool is_date, struct src_time_format *ret)
{
    struct src_time_format f = {0};
    const char *wrong = NULL;
    for (const char *p = text; *p && !wrong; p++) {
        if (*p == '%') {
            p++;
            wrong = add_directive(&f, *p);
        } else if (*p == ' ') {
            wrong = add_step(&f, ' ', ' ');
        } else {
            wrong = add_step(&f, '=', *p);
        }
    }
    if (wrong) {
        return wrong;
    }
    if (!has(&f, "Yys")) {
        return "the format has no year (%Y, %y or %s)";
    }
    f.has_zone = has(&f, "zZs");
    f.has_time = has(&f, time_kinds);
    if (is_date && f.has_time) {
        return "the format of a date has a time of day; use the type timestamp";
    }
    for (int i = 0; i + 1 < f.n_steps; i++) {
        if (strchr(numeric_kinds, f.steps[i].kind) && strchr(numeric_kinds, f.steps[i + 1].kind)) {
            f.steps[i].exact = true;
            f.steps[i + 1].exact = true;
        }
    }
    *ret = f;
    return NULL;
}

static bool take_short_year(struct cursor *c, int32_t *ret)
{
    int32_t v;
    if (!take_number(c, 2, 2, &v)) {
        return false;
    }
    *ret = v < 69 ? 2000 + v : 1900 + v;
    return true;
}

static bool take_half(struct cursor *c, int32_t *ret)
{
    if (take_word(c, "am", 2)) {
        *ret = 1;
        return true;
    }
    *ret = 2;
    return take_word(c, "pm", 2);
}

static bool take_utc(struct cursor *c, struct moment *m)
{
    m->has_zone = true;
    m->offset = 0;
    return take_word(c, "utc", 3) || take_word(c, "gmt", 3) || take_word(c, "z", 1);
}

static bool take_step(struct cursor *c, const struct src_time_step *step, struct moment *m)
{
    int min = step->exact ? 2 : 1;
    int32_t ignored;
    switch (step->kind) {
    case '=':
        return take_char(c, step->literal);
    case ' ':
        while (c->p < c->end && (*c->p == ' ' || *c->p == '\t')) {
            c->p++;
        }
        return true;
    case 'Y':
        return take_number(c, 4, 4, &m->year);
    case 'y':
        return take_short_year(c, &m->year);
    case 'm':
        return take_number(c, min, 2, &m->month);
    case 'd':
        return take_number(c, min, 2, &m->day);
    case 'e':
        take_char(c, ' ');
        return take_number(c, 1, 2, &m->day);
    case 'j':
        return take_number(c, step->exact ? 3 : 1, 3, &m->day_of_year) && m->day_of_year > 0;
    case 'b':
    case 'B':
        return take_name(c, month_names, 12, &m->month);
    case 'a':
    case 'A':
        return take_name(c, day_names, 7, &ignored);
    case 'H':
        return take_number(c, min, 2, &m->hour);
    case 'I':
        return take_number(c, min, 2, &m->hour) && m->hour >= 1 && m->hour <= 12;
    case 'p':
        return take_half(c, &m->half);
    case 'M':
        return take_number(c, min, 2, &m->minute);
    case 'S':
        return take_number(c, min, 2, &m->second);
    case 'f':
        return take_fraction(c, &m->micro);
    case 'z':
        return take_zone(c, m);
    case 'Z':
        return take_utc(c, m);
    default:
        return take_unix(c, m);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* ISO 8601                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static bool take_iso_date(struct cursor *c, struct moment *m)
{
    return take_number(c, 4, 4, &m->year) && take_char(c, '-') && take_number(c, 2, 2, &m->month) &&
           take_char(c, '-') && take_number(c, 2, 2, &m->day);
}

/* "HH:MM[:SS[.fraction]][zone]" */
static bool take_iso_clock(struct cursor *c, struct moment *m)
{
    if (!take_number(c, 2, 2, &m->hour) || !take_char(c, ':') ||
        !take_number(c, 2, 2, &m->minute)) {
        return false;
    }
    if (take_char(c, ':')) {
        if (!take_number(c, 2, 2, &m->second)) {
            return false;
        }
        if ((take_char(c, '.') || take_char(c, ',')) && !take_fraction(c, &m->micro)) {
            return false;
        }
    }
    if (c->p == c->end) {
        return true;
    }
    take_char(c, ' ');
    return take_zone(c, m);
}

static bool take_iso(struct cursor *c, bool with_clock, struct moment *m)
{
    if (!take_iso_date(c, m)) {
        return false;
    }
    if (!with_clock || c->p == c->end) {
        return true;
    }
    return (take_char(c, 'T') || take_char(c, ' ') || take_char(c, 't')) && take_iso_clock(c, m);
}

/* ------------------------------------------------------------------------------------------ */
/* Results                                                                                      */
/* ------------------------------------------------------------------------------------------ */

static enum src_verdict take_moment(const char *text,
                                    size_t n,
                                    const struct src_time_format *format,
                                    bool with_clock,
                                    struct moment *m)
{
    struct cursor c = {text, text + n};
    *m = (struct moment){.month = 1, .day = 1};
    if (format->n_steps == 0) {
        return take_iso(&c, with_clock, m) && c.p == c.end ? SRC_FITS : SRC_OTHER;
    }
    for (int i = 0; i < format->n_steps; i++) {
        if (!take_step(&c, &format->steps[i], m)) {
            return SRC_OTHER;
        }
    }
    return c.p == c.end ? SRC_FITS : SRC_OTHER;
}

static enum src_verdict day_of(struct moment *m, int32_t *ret_days)
{
    if (m->day_of_year > 0) {
        if (!src_is_day(m->year, 1, 1) || m->day_of_year > 365 + is_leap(m->year)) {
            return SRC_NO_DAY;
        }
        *ret_days = src_days(m->year, 1, 1) + m->day_of_year - 1;
        return SRC_FITS;
    }
    if (!src_is_day(m->year, m->month, m->day)) {
        return SRC_NO_DAY;
    }
    *ret_days = src_days(m->year, m->month, m->day);
    return SRC_FITS;
}

enum src_verdict src_date(const char *text,
                          size_t n,
                          const struct src_time_format *format,
                          int32_t *ret_days)
{
    struct moment m;
    enum src_verdict verdict = take_moment(text, n, format, false, &m);
    return verdict ? verdict : day_of(&m, ret_days);
}

static bool clock_is_right(struct moment *m)
{
    if (m->half > 0) {
        if (m->hour < 1 || m->hour > 12) {
            return false;
        }
        m->hour = m->hour % 12 + (m->half == 2 ? 12 : 0);
    }
    return m->hour < 24 && m->minute < 60 && m->second < 60;
}

enum src_verdict src_timestamp(const char *text,
                               size_t n,
                               const struct src_time_format *format,
                               bool instant,
                               int32_t offset,
                               int64_t *ret_us)
{
    struct moment m;
    enum src_verdict verdict = take_moment(text, n, format, true, &m);
    if (verdict) {
        return verdict;
    }
    if (m.has_zone && !instant) {
        return SRC_ZONE;
    }
    if (m.has_unix) {
        if (m.unix_seconds < INT64_C(-62135596800) || m.unix_seconds > INT64_C(253402300799)) {
            return SRC_RANGE;
        }
        *ret_us = m.unix_seconds * 1000000 + (m.unix_seconds < 0 ? -m.micro : m.micro);
        return SRC_FITS;
    }
    int32_t days = 0;
    verdict = day_of(&m, &days);
    if (verdict) {
        return verdict;
    }
    if (!clock_is_right(&m)) {
        return SRC_NO_DAY;
    }
    int64_t seconds = (int64_t)days * 86400 + m.hour * 3600 + m.minute * 60 + m.second;
    if (instant) {
        seconds -= m.has_zone ? m.offset : offset;
    }
    *ret_us = seconds * 1000000 + m.micro;
    return SRC_FITS;
}
