#include "base/uuid.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/time.h"

static pthread_mutex_t last_mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_ms;       /* under last_mutex */
static unsigned last_counter; /* 12 bits behind the version, under last_mutex */

int hg_random_bytes(void *ret_bytes, size_t n, struct hg_error *err)
{
    if (RAND_bytes(ret_bytes, (int)n) != 1) {
        return hg_error_set(err, HG_EINTERNAL, "no random bytes from OpenSSL");
    }
    return HG_OK;
}

enum { SET_BACK_MS = 3600000 };

/*
 * Time and counter, strictly above those of the call before. RFC 9562, method 1. But for a clock
 * that was set back by more than an hour: ids from a time that never came would find no week to lie
 * in, and go on like that until the host starts anew.
 */
static void next_tick(unsigned seed, int64_t *ret_ms, unsigned *ret_counter)
{
    HG_LOCK(&last_mutex);
    int64_t now_ms = hg_time_now_us() / 1000;
    if (now_ms > last_ms || last_ms - now_ms > SET_BACK_MS) {
        last_ms = now_ms;
        last_counter = seed & 0x7FFu;
    } else if (++last_counter > 0xFFFu) {
        last_ms++;
        last_counter = seed & 0x7FFu;
    }
    *ret_ms = last_ms;
    *ret_counter = last_counter;
}

int hg_uuid_new(char ret_text[HG_UUID_TEXT], struct hg_error *err)
{
    unsigned char b[16];
    int r = hg_random_bytes(b, sizeof b, err);
    if (r < 0) {
        return r;
    }
    int64_t ms;
    unsigned counter;
    next_tick(((unsigned)b[6] << 8) | b[7], &ms, &counter);
    for (int i = 0; i < 6; i++) {
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    }
    b[6] = (unsigned char)(0x70 | (counter >> 8));
    b[7] = (unsigned char)counter;
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    char *at = ret_text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        at = hg_hex(&b[i], 1, at);
    }
    return HG_OK;
}

bool hg_uuid_is_valid(const char *text)
{
    for (int i = 0; i < HG_UUID_TEXT - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return text[HG_UUID_TEXT - 1] == '\0';
}

int64_t hg_uuid_time_ms(const char *text)
{
    if (!hg_uuid_is_valid(text) || text[14] != '7') {
        return -1;
    }
    int64_t ms = 0;
    for (int i = 0; i < 13; i++) {
        if (i != 8) {
            ms = ms << 4 | hg_hex_digit(text[i]);
        }
    }
    return ms;
}
