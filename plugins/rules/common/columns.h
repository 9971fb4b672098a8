/*
 * The columns that a rule's configuration names.
 */
#ifndef RULE_COLUMNS_H
#define RULE_COLUMNS_H

#include "headgate/config.h"
#include "headgate/view.h"

/*
 * Fails with HG_EINVAL: the schema has no column `name`, which the configuration names at
 * `pointer`. The hint names the columns that are spelt most alike.
 */
hg_status rule_column_missing(const struct ArrowSchema *schema,
                              const char *name,
                              const char *pointer,
                              struct hg_error *err);

/*
 * Views of the columns that `names` (texts) lists, in its order. A name that the schema lacks gives
 * HG_EINVAL with the pointer "/<key>/<index>", or "/<key>" when `index_in_pointer` is false.
 * *ret is owned by the caller, who frees it with free.
 */
hg_status rule_columns_find(const struct ArrowSchema *schema,
                            const struct hg_config_list *names,
                            const char *key,
                            bool index_in_pointer,
                            struct hg_view **ret,
                            struct hg_error *err);

#endif
