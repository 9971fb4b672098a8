#include "auth/roles.h"

#include <string.h>

#include "base/mem.h"

static const char *const names[] = {
    [HG_ROLE_NONE] = "none",
    [HG_ROLE_VIEWER] = "viewer",
    [HG_ROLE_DATA_SCIENTIST] = "data_scientist",
    [HG_ROLE_ADMIN] = "admin",
};

const char *hg_role_name(enum hg_role role)
{
    return (size_t)role < HG_COUNT(names) ? names[role] : names[HG_ROLE_NONE];
}

int hg_role_parse(const char *text, enum hg_role *ret, struct hg_error *err)
{
    for (size_t i = HG_ROLE_VIEWER; i < HG_COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum hg_role)i;
            return HG_OK;
        }
    }
    return hg_error_set(err,
                        HG_EINVAL,
                        "\"%.64s\" is not a role; roles are admin, data_scientist and viewer",
                        text);
}

bool hg_role_allows(enum hg_role have, enum hg_role needed)
{
    return needed == HG_ROLE_NONE || (have >= needed && have <= HG_ROLE_ADMIN);
}
