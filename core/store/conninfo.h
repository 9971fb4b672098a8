/*
 * Connection strings: reading one part, and writing one with other parts.
 */
#ifndef HG_STORE_CONNINFO_H
#define HG_STORE_CONNINFO_H

#include "base/error.h"

/* HG_EINVAL, without quoting it, when `conninfo` is neither a URL nor keywords. */
int hg_conninfo_check(const char *conninfo, struct hg_error *err);

/* Value of a keyword such as "dbname"; *ret NULL when it is not given. Owned by the caller, free.
 */
int hg_conninfo_get(const char *conninfo, const char *keyword, char **ret, struct hg_error *err);

struct hg_conninfo_part {
    const char *keyword;
    const char *value; /* NULL takes it out */
};

/*
 * `conninfo` (a URL, too) as keywords with these parts set, `parts` ended by a NULL keyword. *ret
 * is owned by the caller, free.
 */
int hg_conninfo_with(const char *conninfo,
                     const struct hg_conninfo_part *parts,
                     char **ret,
                     struct hg_error *err);

#endif
