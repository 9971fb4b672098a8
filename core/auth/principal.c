#include "auth/principal.h"

#include <pwd.h>
#include <stdio.h>

const char *hg_principal_kind_name(enum hg_principal_kind kind)
{
    static const char *const names[] = {
        [HG_PRINCIPAL_NOBODY] = "nobody",
        [HG_PRINCIPAL_USER] = "user",
        [HG_PRINCIPAL_TOKEN] = "token",
        [HG_PRINCIPAL_LOCAL] = "local",
        [HG_PRINCIPAL_FILE] = "file",
    };
    return names[kind];
}

struct hg_principal hg_principal_local(uid_t uid)
{
    struct hg_principal local = {.kind = HG_PRINCIPAL_LOCAL, .role = HG_ROLE_ADMIN};
    struct passwd entry;
    struct passwd *found = NULL;
    char buffer[4096];
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found) {
        (void)snprintf(local.username, sizeof local.username, "%s", found->pw_name);
    } else {
        (void)snprintf(local.username, sizeof local.username, "user %u", (unsigned)uid);
    }
    return local;
}

struct hg_principal hg_principal_file(void)
{
    return (struct hg_principal){
        .kind = HG_PRINCIPAL_FILE, .username = "file", .role = HG_ROLE_ADMIN};
}
