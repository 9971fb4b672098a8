/*
 * Pipeline files: read, checked, made canonical.
 */
#ifndef HG_DEFINITION_DEFINITION_H
#define HG_DEFINITION_DEFINITION_H

#include <jansson.h>

#include "base/error.h"
#include "config/diagnostics.h"
#include "plugin/registry.h"

/*
 * Reads one file. Every problem (syntax, unknown keys, needs, cycles, plugins, their configuration,
 * schedule, SQL parameters) goes to `diagnostics` with its place. *ret is the canonical definition
 * (defaults filled in, SQL files read, relative paths resolved against the file), owned by the
 * caller, or untouched with HG_EINVAL when there was an error; *ret_id (owned by the caller, may be
 * NULL) is the pipeline's id as far as it could be read, so that a broken file can be listed.
 */
int hg_pipeline_definition_read(const char *file,
                                const struct hg_plugin_registry *plugins,
                                json_t **ret,
                                char **ret_id,
                                struct hg_diagnostics *diagnostics,
                                struct hg_error *err);

/*
 * The same, where several files are read: `seen` is an object, empty before the first, that keeps
 * which file has which id; a second file with an id is an error that names the first.
 */
int hg_pipeline_definition_read_next(const char *file,
                                     const struct hg_plugin_registry *plugins,
                                     json_t *seen,
                                     json_t **ret,
                                     char **ret_id,
                                     struct hg_diagnostics *diagnostics,
                                     struct hg_error *err);

#endif
