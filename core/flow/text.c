#include "flow/text.h"

#include <string.h>

#include "base/str.h"

void hg_clean_text(struct hg_buf *buf, const char *text, size_t n)
{
    while (n > 0) {
        size_t good = hg_utf8_valid(text, n);
        const char *nul = good > 0 ? memchr(text, 0, good) : NULL;
        good = nul ? (size_t)(nul - text) : good;
        hg_buf_append(buf, text, good);
        text += good;
        n -= good;
        if (n > 0) {
            hg_buf_puts(buf, "\xef\xbf\xbd");
            text++;
            n--;
        }
    }
}

void hg_jsonb_text(struct hg_buf *buf, const char *text, size_t n)
{
    if (n == 0 || (hg_utf8_valid(text, n) == n && !memchr(text, 0, n))) {
        hg_json_quote_n(buf, n ? text : "", n);
        return;
    }
    struct hg_buf cleaned = HG_BUF_INIT;
    hg_clean_text(&cleaned, text, n);
    hg_json_quote_n(buf, hg_buf_text(&cleaned), cleaned.len);
    buf->failed |= hg_buf_failed(&cleaned);
    hg_buf_free(&cleaned);
}

void hg_reason_append(struct hg_buf *reasons,
                      const char *rule,
                      const char *column,
                      const char *message)
{
    hg_buf_puts(reasons, reasons->len > 1 ? ", {\"rule\": " : "{\"rule\": ");
    if (rule) {
        hg_jsonb_text(reasons, rule, strlen(rule));
    } else {
        hg_buf_puts(reasons, "null");
    }
    hg_buf_puts(reasons, ", \"column\": ");
    if (column) {
        hg_jsonb_text(reasons, column, strlen(column));
    } else {
        hg_buf_puts(reasons, "null");
    }
    hg_buf_puts(reasons, ", \"message\": ");
    hg_jsonb_text(reasons, message, strlen(message));
    hg_buf_putc(reasons, '}');
}
