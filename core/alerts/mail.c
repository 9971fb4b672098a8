#include "alerts/mail.h"

#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/str.h"

enum {
    SUBJECT_MAX = 200, /* bytes of what is told in it */
    WORD_BYTES = 42,   /* of one encoded word: =?UTF-8?B?...?= has at most 75 characters */
    LINE_BYTES = 57,   /* 76 characters of base64 */
};

/* ---- texts ---- */

/* Control characters become blanks; bytes that are not UTF-8 question marks. */
static void put_plain(struct hg_buf *buf, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t n = hg_utf8_valid(text, left);
        for (size_t i = 0; i < n; i++) {
            unsigned char c = (unsigned char)text[i];
            hg_buf_putc(buf, (char)(c < ' ' || c == 127 ? ' ' : c));
        }
        if (n < left) {
            hg_buf_putc(buf, '?');
            n++;
        }
        text += n;
        left -= n;
    }
}

/* Of the first `max` bytes those that are whole characters. */
static size_t whole(const char *text, size_t n, size_t max)
{
    return hg_utf8_valid(text, n < max ? n : max);
}

static void put_base64(struct hg_buf *buf, const char *bytes, size_t n)
{
    unsigned char text[LINE_BYTES / 3 * 4 + 1];
    (void)EVP_EncodeBlock(text, (const unsigned char *)bytes, (int)n);
    hg_buf_puts(buf, (const char *)text);
}

/* Encoded words (RFC 2047), each of whole characters, one a line. */
static void put_subject(struct hg_buf *buf, const char *text)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf plain = HG_BUF_INIT;
    put_plain(&plain, text);
    const char *at = hg_buf_text(&plain);
    size_t left = whole(at, plain.len, SUBJECT_MAX);
    const char *before = "";
    for (size_t n; (n = whole(at, left, WORD_BYTES)) > 0;) {
        hg_buf_printf(buf, "%s=?UTF-8?B?", before);
        put_base64(buf, at, n);
        hg_buf_puts(buf, "?=");
        before = "\r\n ";
        at += n;
        left -= n;
    }
    buf->failed |= plain.failed;
}

/* No locale is asked for the names of days and months. */
static void put_date(struct hg_buf *buf, int64_t at_us)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    hg_buf_printf(buf,
                  "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n",
                  days + (size_t)tm.tm_wday * 3,
                  tm.tm_mday,
                  months + (size_t)tm.tm_mon * 3,
                  tm.tm_year + 1900,
                  tm.tm_hour,
                  tm.tm_min,
                  tm.tm_sec);
}

/* ---- the body ---- */

static const char *text_at(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static void put_line(struct hg_buf *buf, const char *label, const char *text)
{
    if (text) {
        hg_buf_puts(buf, label);
        put_plain(buf, text);
        hg_buf_puts(buf, "\r\n");
    }
}

static void put_content(struct hg_buf *buf, const json_t *content)
{
    const json_t *run = json_object_get(content, "run");
    const json_t *error = json_object_get(run, "error");
    json_int_t count = json_integer_value(json_object_get(content, "count"));
    put_line(buf, "", text_at(content, "summary"));
    hg_buf_puts(buf, "\r\n");
    put_line(buf, "Pipeline:  ", text_at(json_object_get(content, "pipeline"), "id"));
    put_line(buf, "Run:       ", text_at(run, "id"));
    put_line(buf, "Job:       ", text_at(error, "job"));
    put_line(buf, "What to do: ", text_at(error, "hint"));
    put_line(buf, "First at:  ", text_at(content, "first_at"));
    if (count > 1) {
        put_line(buf, "Last at:   ", text_at(content, "last_at"));
        hg_buf_printf(buf, "How often: %" JSON_INTEGER_FORMAT "\r\n", count);
    }
    put_line(buf, "", text_at(content, "url"));
}

void hg_mail_put(struct hg_buf *buf, const struct hg_mail_head *head, const json_t *content)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf body = HG_BUF_INIT;
    const char *summary = text_at(content, "summary");
    hg_buf_printf(buf, "From: Headgate <%s>\r\nTo: ", head->from);
    for (size_t i = 0; head->to[i]; i++) {
        hg_buf_printf(buf, "%s<%s>", i > 0 ? ",\r\n " : "", head->to[i]);
    }
    hg_buf_puts(buf, "\r\nSubject: ");
    put_subject(buf, summary ? summary : "Headgate");
    hg_buf_puts(buf, "\r\n");
    put_date(buf, head->at_us);
    hg_buf_printf(buf, "Message-ID: <%s%s>\r\n", head->id, strchr(head->from, '@'));
    hg_buf_puts(buf,
                "Auto-Submitted: auto-generated\r\n"
                "MIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\n");
    put_content(&body, content);
    const char *text = hg_buf_text(&body);
    for (size_t at = 0; at < body.len; at += LINE_BYTES) {
        size_t n = body.len - at;
        put_base64(buf, text + at, n < LINE_BYTES ? n : LINE_BYTES);
        hg_buf_puts(buf, "\r\n");
    }
    buf->failed |= body.failed;
}
