/*
 * What `headgate check` says of the places that the configuration and the pipelines name.
 */
#ifndef HG_COMMAND_CHECK_PLACES_H
#define HG_COMMAND_CHECK_PLACES_H

#include <stdbool.h>

#include <jansson.h>

#include "config/diagnostics.h"
#include "config/host_config.h"

/* Warns on stderr of folders of files.roots that are not there. */
void hg_check_roots(const struct hg_host_config *config);
/* As root: warns of files that the host, which runs as another user, cannot read. */
void hg_check_as_host_user(const struct hg_host_config *config);
/*
 * Whether the file of master keys is one that a host can use, as the user it runs as: else says on
 * stderr what is wrong with it. One of the data folder need not be there. Whether it holds all keys
 * that are in use only a database can say: the host's start does. Who runs as another user than the
 * host (the owner of the data folder) and may not read it is told so, and that is no error.
 */
bool hg_check_master_key(const struct hg_host_config *config);
/* Files of a pipeline's sources outside of the folders that they may read are errors. */
void hg_check_source_files(const struct hg_host_config *config,
                           const char *file,
                           const json_t *definition,
                           struct hg_diagnostics *diagnostics);
/* As root: warns of files of a pipeline's sources that the host, as another user, cannot read. */
void hg_check_sources_as_host_user(const struct hg_host_config *config,
                                   const char *file,
                                   const json_t *definition);

#endif
