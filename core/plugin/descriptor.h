/*
 * Whether the static data of a module is complete and well-formed.
 */
#ifndef HG_PLUGIN_DESCRIPTOR_H
#define HG_PLUGIN_DESCRIPTOR_H

#include "base/error.h"

/* HG_EINVAL or HG_ENOTSUP, naming the plugin and the field. */
int hg_descriptor_check_module(const struct hg_module *module, struct hg_error *err);

/* "connector", "provider", "rule"; NULL for another number. Static. */
const char *hg_descriptor_kind_name(int kind);
/* The number of a name, 0 for another one. */
int hg_descriptor_kind_parse(const char *name);
/* The same for the other enumerations of the descriptor. */
const char *hg_descriptor_resume_name(int resume);
int hg_descriptor_resume_parse(const char *name);
const char *hg_descriptor_verdict_name(int verdict);
int hg_descriptor_verdict_parse(const char *name);
const char *hg_descriptor_grain_name(int grain);
int hg_descriptor_grain_parse(const char *name);
const char *hg_descriptor_dimension_name(int dimension);
int hg_descriptor_dimension_parse(const char *name);

#endif
