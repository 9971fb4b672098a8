#include "base/mail.h"

#include <stdio.h>
#include <string.h>

enum { ADDRESS_MAX = 254, LOCAL_MAX = 64 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool has_empty_label(const char *text)
{
    size_t n = strlen(text);
    return n == 0 || text[0] == '.' || text[n - 1] == '.' || strstr(text, "..");
}

bool hg_mail_is_address(const char *text)
{
    char local[LOCAL_MAX + 1];
    const char *at = strchr(text, '@');
    size_t n_local = at ? (size_t)(at - text) : 0;
    if (n_local == 0 || n_local > LOCAL_MAX || strlen(text) > ADDRESS_MAX) {
        return false;
    }
    (void)snprintf(local, sizeof local, "%.*s", (int)n_local, text);
    const char *domain = at + 1;
    return strspn(local, LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~.") == n_local &&
           strspn(domain, LETTERS DIGITS "-.") == strlen(domain) && !has_empty_label(local) &&
           !has_empty_label(domain);
}
