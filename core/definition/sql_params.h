/*
 * ${name} in the SQL script of a transform.
 *
 * The script is lexed as PostgreSQL does (texts, E texts, dollar quotes, quoted identifiers,
 * comments); each ${name} outside them becomes a typed current_setting() of the setting that
 * hg_sql_setting_name gives, NULL when that is "" or not set. Values are never pasted in.
 */
#ifndef HG_DEFINITION_SQL_PARAMS_H
#define HG_DEFINITION_SQL_PARAMS_H

#include <jansson.h>

#include "base/error.h"
#include "config/diagnostics.h"

/*
 * `file` is what places are called, `params_schema` the pipeline's (may be NULL). Reports unknown
 * names, ${...} within quotes, transaction control and what is not closed to `diagnostics`.
 * *ret_sql (owned by the caller, free) is the script to run, *ret_params (owned by the caller) the
 * names it uses: [{"name": "params.since", "type": "date"}]. Both untouched on failure.
 */
int hg_sql_params_rewrite(const char *file,
                          const char *sql,
                          const json_t *params_schema,
                          char **ret_sql,
                          json_t **ret_params,
                          struct hg_diagnostics *diagnostics,
                          struct hg_error *err);

/* Room for any setting name, with the NUL. */
#define HG_SQL_SETTING_NAME 128

/* The setting that carries a name's value: "params.since" is in "headgate.p_params_since". */
void hg_sql_setting_name(const char *name, char ret_setting[HG_SQL_SETTING_NAME]);

#endif
