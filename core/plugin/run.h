/*
 * Reading a connector without a platform around it: its rows as CSV.
 */
#ifndef HG_PLUGIN_RUN_H
#define HG_PLUGIN_RUN_H

#include <stdio.h>

#include "base/error.h"
#include "plugin/commands.h"

/*
 * Writes the rows to `rows` as CSV (RFC 4180 with a header; a null is an empty field, an empty text
 * is ""), log lines and rejected rows to `log`. Each batch is checked in full.
 */
int hg_plugin_run(const struct hg_plugin_run_options *options,
                  FILE *rows,
                  FILE *log,
                  struct hg_error *err);

#endif
