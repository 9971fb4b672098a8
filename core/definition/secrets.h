/*
 * Secrets in the configurations of connectors.
 *
 * A definition is stored and shown, so it holds the name of a secret only: ${NAME} or ${file:PATH}
 * for what its plugin's schema says is writeOnly. What the name stands for is got for each attempt
 * and goes to the worker over its socket, nowhere else.
 */
#ifndef HG_DEFINITION_SECRETS_H
#define HG_DEFINITION_SECRETS_H

#include <jansson.h>

#include "base/error.h"
#include "config/yaml.h"
#include "plugin/registry.h"

/* Marks what names the secrets of extract jobs, so that hg_yaml_fill leaves it as it is. */
void hg_secrets_keep(const struct hg_plugin_registry *plugins, const struct hg_yaml_node *root);

/* `hint` may be "". */
typedef void hg_secret_complaint(void *arg, const char *key, const char *hint, const char *message);

/*
 * Complains of each secret that `config` gives in the clear, to a plugin that is given none, or by
 * a name that stands for nothing now, and of a password within an address, such as
 * scheme://user:password@host. `folder` is that of the definition's file.
 */
void hg_secrets_check(const struct hg_plugin_info *plugin,
                      const json_t *config,
                      const char *folder,
                      hg_secret_complaint *complain,
                      void *arg);

/* Replaces the names in `config` by the secrets. HG_EINVAL when one stands for nothing. */
int hg_secrets_fill(const struct hg_plugin_info *plugin,
                    const char *folder,
                    json_t *config,
                    struct hg_error *err);

#endif
