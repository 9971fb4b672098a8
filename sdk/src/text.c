#include "headgate/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the valid character at the start, 0 when there is none. */
static size_t character(const unsigned char *s, size_t n)
{
    unsigned char c = s[0];
    if (c < 0x80) {
        return 1;
    }
    size_t size = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || n < size || (s[1] & 0xC0) != 0x80) {
        return 0;
    }
    /* Overlong forms, surrogates, and what lies beyond U+10FFFF. */
    if ((c == 0xE0 && s[1] < 0xA0) || (c == 0xED && s[1] > 0x9F) || (c == 0xF0 && s[1] < 0x90) ||
        (c == 0xF4 && s[1] > 0x8F)) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return size;
}

size_t hg_text_utf8_prefix(const void *text, size_t n)
{
    const unsigned char *s = text;
    size_t i = 0;
    while (i < n) {
        uint64_t word;
        while (n - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if (word & UINT64_C(0x8080808080808080)) {
                break;
            }
            i += sizeof word;
        }
        if (i == n) {
            break;
        }
        size_t size = character(s + i, n - i);
        if (size == 0) {
            break;
        }
        i += size;
    }
    return i;
}

char *hg_text_copy(const void *text, size_t n)
{
    char *copy = n < SIZE_MAX ? malloc(n + 1) : NULL;
    if (copy) {
        if (n > 0) {
            memcpy(copy, text, n);
        }
        copy[n] = '\0';
    }
    return copy;
}

/* Bytes of a label of PostgreSQL's client at the start of a line, 0 when there is none. */
static size_t label(const char *line)
{
    static const char *const labels[] = {"DETAIL:", "HINT:", "CONTEXT:"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        size_t n = strlen(labels[i]);
        if (strncmp(line, labels[i], n) == 0) {
            return n;
        }
    }
    return 0;
}

void hg_text_one_line(char *text)
{
    static const char white[] = " \t\r\n\v\f";
    char *to = text;
    const char *from = text;
    while (*from) {
        size_t n = strcspn(from, white);
        memmove(to, from, n);
        to += n;
        from += n;
        size_t gap = strspn(from, white);
        bool breaks = memchr(from, '\n', gap) || memchr(from, '\r', gap);
        size_t named = breaks ? label(from + gap) : 0;
        if (named > 0) {
            to -= to > text && (to[-1] == '.' || to[-1] == ':');
            *to++ = ':';
            gap += named;
            gap += strspn(from + gap, white);
        }
        if (from[gap] == '\0') {
            break;
        }
        if (!breaks && gap > 0) { /* blanks within a line stay as they are */
            memmove(to, from, gap);
            to += gap;
        } else if (gap > 0) {
            *to++ = ' ';
        }
        from += gap;
    }
    *to = '\0';
}
