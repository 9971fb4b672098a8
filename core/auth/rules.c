#include "auth/rules.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "base/mem.h"

/* Of those that are long enough, what guessing begins with. Compared without case and spaces. */
static const char *const common[] = {
    "123456789012",
    "1234567890123",
    "12345678901234",
    "0123456789012",
    "098765432109",
    "987654321098",
    "111222333444",
    "112233445566",
    "password1234",
    "password12345",
    "password123456",
    "passwordpass",
    "password2024",
    "password2025",
    "password2026",
    "passw0rd1234",
    "p@ssw0rd1234",
    "p@ssword1234",
    "p@ssw0rd123!",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertyqwerty",
    "qwerty123456",
    "qwerty1234567",
    "1q2w3e4r5t6y",
    "q1w2e3r4t5y6",
    "1qaz2wsx3edc",
    "zaq12wsxcde3",
    "qazwsxedcrfv",
    "123qweasdzxc",
    "asdfghjkl123",
    "zxcvbnm12345",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcdefghijklmn",
    "abc123456789",
    "abcd12345678",
    "a1b2c3d4e5f6",
    "iloveyou1234",
    "letmein12345",
    "changeme1234",
    "changemenow1",
    "welcome12345",
    "sunshine1234",
    "princess1234",
    "football1234",
    "baseball1234",
    "superman1234",
    "dragon123456",
    "monkey123456",
    "michael12345",
    "adminadmin12",
    "adminadmin123",
    "admin1234567",
    "admin12345678",
    "administrator",
    "administrator1",
    "headgate1234",
    "headgateadmin",
    "123456789012345",
    "1234567890123456",
    "12345678901234567890",
    "123456789123456789",
    "passwordpassword",
    "password12345678",
    "password123456789",
    "passwordpassword1",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiop12345",
    "qwertyuiop123456789",
    "1q2w3e4r5t6y7u8i",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv",
    "qazwsxedcrfvtgb",
    "abcdefghijklmno",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "iloveyouiloveyou",
    "letmeinletmein1",
    "letmeinletmeinletmein",
    "adminadminadmin",
    "administrator123",
    "administratoradministrator",
    "changemechangeme",
    "welcomewelcome1",
    "correcthorsebatterystaple",
    "trustno1trustno1",
    "asdfghjklzxcvbnm",
    "zxcvbnmasdfghjkl",
    "headgateheadgate",
    "headgateadmin123",
    "passw0rdpassw0rd",
    "p@ssw0rdp@ssw0rd",
};

static int wrong(const char *pointer, const char *message, struct hg_error *err)
{
    (void)hg_error_set(err, HG_EINVAL, "%s", message);
    (void)hg_error_at(err, "%s", pointer);
    return HG_EINVAL;
}

int hg_rules_username(const char *username, struct hg_error *err)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789._@-";
    size_t n = strlen(username);
    if (n == 0 || n > HG_USERNAME_MAX || !strchr(first, username[0]) ||
        strspn(username, all) != n) {
        return wrong("/username",
                     "a user name is 1 to 64 of a-z, 0-9, \".\", \"_\", \"@\" and \"-\", and begins"
                     " with a letter or a digit",
                     err);
    }
    return HG_OK;
}

/* Characters of UTF-8. */
static size_t length(const char *text)
{
    size_t n = 0;
    for (; *text; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static bool is_common(const char *password)
{
    char plain[HG_PASSWORD_MAX + 1];
    size_t n = 0;
    for (const char *p = password; *p && n < sizeof plain - 1; p++) {
        if (*p != ' ') {
            plain[n++] = *p;
        }
    }
    plain[n] = '\0';
    for (size_t i = 0; i < HG_COUNT(common); i++) {
        if (strcasecmp(plain, common[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "aaaaaaaaaaaaaaa", "abcabcabcabcabc": a short piece again and again. */
static bool repeats(const char *password)
{
    size_t n = strlen(password);
    for (size_t period = 1; period <= 4; period++) {
        if (n > period && strncmp(password, password + period, n - period) == 0) {
            return true;
        }
    }
    return false;
}

int hg_rules_password(const char *password,
                      const char *username,
                      const char *pointer,
                      struct hg_error *err)
{
    if (length(password) < HG_PASSWORD_MIN) {
        (void)wrong(pointer, "the password has fewer than 12 characters", err);
        (void)hg_error_hint(err, "Take a sentence, or let a password manager make it.");
        return HG_EINVAL;
    }
    if (strlen(password) > HG_PASSWORD_MAX) {
        return wrong(pointer, "the password has more than 1024 bytes", err);
    }
    if (is_common(password) || repeats(password)) {
        return wrong(pointer, "the password is among those that are guessed first", err);
    }
    if (strcasecmp(password, username) == 0) {
        return wrong(pointer, "the password is the user's name", err);
    }
    return HG_OK;
}

int hg_rules_name(const char *name, struct hg_error *err)
{
    size_t n = length(name);
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        /* C0 and DEL, and C1 as UTF-8 has it. */
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)) {
            return wrong("/name", "the name holds a control character", err);
        }
    }
    if (n == 0 || n > HG_NAME_MAX) {
        return wrong("/name", "a name has 1 to 100 characters", err);
    }
    return HG_OK;
}
