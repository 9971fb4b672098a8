#include "vault/keyring.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/uuid.h"

static const char header[] =
    "# Master keys of Headgate: whoever has them can open every secret that is stored.\n"
    "# Keep a copy of this file, apart from the backups of the database: without it the\n"
    "# secrets are lost. A key that is in use must stay in it.\n";

enum { LINE_MAX_BYTES = 11 + 1 + 2 * HG_KEY_BYTES + 1 };

int hg_keyring_new(struct hg_keyring **ret, struct hg_error *err)
{
    void *memory = NULL;
    int r = hg_secret_alloc(sizeof(struct hg_keyring), &memory, err);
    if (r == HG_OK) {
        *ret = memory;
    }
    return r;
}

const struct hg_master_key *hg_keyring_find(const struct hg_keyring *keyring, int32_t kid)
{
    for (size_t i = 0; i < keyring->n; i++) {
        if (keyring->keys[i].kid == kid) {
            return &keyring->keys[i];
        }
    }
    return NULL;
}

const struct hg_master_key *hg_keyring_newest(const struct hg_keyring *keyring)
{
    return keyring->n > 0 ? &keyring->keys[keyring->n - 1] : NULL;
}

static int fill_check(struct hg_master_key *key, struct hg_error *err)
{
    char text[48];
    unsigned n = 0;
    int length = snprintf(text, sizeof text, "headgate key check value 1:%d", (int)key->kid);
    if (!HMAC(EVP_sha256(),
              key->key,
              HG_KEY_BYTES,
              (const unsigned char *)text,
              (size_t)length,
              key->check,
              &n)) {
        return hg_error_nomem(err);
    }
    return HG_OK;
}

/* A place for key `kid`, in order. */
static int insert(struct hg_keyring *keyring,
                  int32_t kid,
                  struct hg_master_key **ret,
                  struct hg_error *err)
{
    size_t at = 0;
    if (keyring->n == HG_KEYS_MAX) {
        return hg_error_set(err, HG_ETOOBIG, "there are more than %d master keys", HG_KEYS_MAX);
    }
    while (at < keyring->n && keyring->keys[at].kid < kid) {
        at++;
    }
    if (at < keyring->n && keyring->keys[at].kid == kid) {
        return hg_error_set(err, HG_EEXIST, "key %d is there twice", (int)kid);
    }
    memmove(
        &keyring->keys[at + 1], &keyring->keys[at], (keyring->n - at) * sizeof keyring->keys[0]);
    keyring->n++;
    keyring->keys[at] = (struct hg_master_key){.kid = kid};
    *ret = &keyring->keys[at];
    return HG_OK;
}

int hg_keyring_make(struct hg_keyring *keyring, int32_t kid, struct hg_error *err)
{
    struct hg_master_key *key = NULL;
    int r = insert(keyring, kid, &key, err);
    if (r < 0) {
        return r;
    }
    r = hg_random_bytes(key->key, HG_KEY_BYTES, err);
    r = r < 0 ? r : fill_check(key, err);
    if (r < 0) {
        hg_keyring_drop(keyring, kid);
    }
    return r;
}

void hg_keyring_drop(struct hg_keyring *keyring, int32_t kid)
{
    for (size_t i = 0; i < keyring->n; i++) {
        if (keyring->keys[i].kid == kid) {
            keyring->n--;
            memmove(&keyring->keys[i],
                    &keyring->keys[i + 1],
                    (keyring->n - i) * sizeof keyring->keys[0]);
            hg_secret_wipe(&keyring->keys[keyring->n], sizeof keyring->keys[0]);
            return;
        }
    }
}

/* ---- the form of the file ---- */

/* A line without blanks around it and without its end. */
struct line {
    const char *at;
    const char *end;
};

static bool read_kid(struct line *line, int32_t *ret_kid)
{
    int64_t kid = 0;
    const char *start = line->at;
    while (line->at < line->end && isdigit((unsigned char)*line->at) && kid <= INT32_MAX) {
        kid = kid * 10 + (*line->at++ - '0');
    }
    *ret_kid = (int32_t)(kid <= INT32_MAX ? kid : 0);
    bool blank = line->at < line->end && isblank((unsigned char)*line->at);
    while (line->at < line->end && isblank((unsigned char)*line->at)) {
        line->at++;
    }
    return line->at > start && *ret_kid > 0 && blank;
}

static bool read_key(struct line *line, unsigned char ret_key[HG_KEY_BYTES])
{
    if (line->end - line->at != (ptrdiff_t)2 * HG_KEY_BYTES) {
        return false;
    }
    int all = 0;
    for (size_t i = 0; i < HG_KEY_BYTES; i++) {
        int high = hg_hex_digit(line->at[2 * i]);
        int low = hg_hex_digit(line->at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_key[i] = (unsigned char)(high << 4 | low);
        all |= ret_key[i];
    }
    return all != 0; /* no key of zeros */
}

static int parse_line(struct hg_keyring *keyring, struct line line, struct hg_error *err)
{
    struct hg_master_key *key = NULL;
    int32_t kid = 0;
    while (line.at < line.end && isspace((unsigned char)*line.at)) {
        line.at++;
    }
    while (line.end > line.at && isspace((unsigned char)line.end[-1])) {
        line.end--;
    }
    if (line.at == line.end || *line.at == '#') {
        return HG_OK;
    }
    if (!read_kid(&line, &kid)) {
        return hg_error_set(err, HG_EDATA, "it does not begin with the number of a key");
    }
    int r = insert(keyring, kid, &key, err);
    if (r < 0) {
        return r;
    }
    if (!read_key(&line, key->key)) {
        hg_keyring_drop(keyring, kid);
        return hg_error_set(
            err, HG_EDATA, "key %d is not written with %d hex digits", (int)kid, 2 * HG_KEY_BYTES);
    }
    return fill_check(key, err);
}

int hg_keyring_parse(struct hg_keyring *keyring, const struct hg_secret *text, struct hg_error *err)
{
    const char *at = text->value;
    const char *end = text->value + text->n;
    for (int number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        int r = parse_line(keyring, (struct line){at, stop}, err);
        if (r < 0) {
            r = r == HG_EEXIST || r == HG_ETOOBIG ? HG_EDATA : r;
            (void)hg_error_wrap(err, "line %d", number);
            if (err) {
                err->code = r;
            }
            return r;
        }
        at = stop < end ? stop + 1 : end;
    }
    return HG_OK;
}

static char *put_line(char *to, const struct hg_master_key *key)
{
    to += snprintf(to, LINE_MAX_BYTES, "%d ", (int)key->kid);
    to = hg_hex(key->key, HG_KEY_BYTES, to);
    *to++ = '\n';
    return to;
}

int hg_keyring_format(const struct hg_keyring *keyring,
                      struct hg_secret **ret_text,
                      struct hg_error *err)
{
    struct hg_secret *text = NULL;
    size_t room = sizeof header + keyring->n * LINE_MAX_BYTES;
    int r = hg_secret_new(NULL, room, &text, err);
    if (r < 0) {
        return r;
    }
    memcpy(text->value, header, sizeof header - 1);
    char *to = text->value + sizeof header - 1;
    for (size_t i = 0; i < keyring->n; i++) {
        to = put_line(to, &keyring->keys[i]);
    }
    text->n = (size_t)(to - text->value);
    *ret_text = text;
    return HG_OK;
}
