/*
 * Testing a plugin file: each test in a child of its own with a time limit.
 */
#ifndef HG_PLUGIN_CHECK_H
#define HG_PLUGIN_CHECK_H

#include <stdio.h>

#include "plugin/commands.h"

/* Prints the table, or JSON. Returns 0, 1 when a test failed, 2 when there was nothing to test. */
int hg_plugin_check(const struct hg_plugin_check_options *options, FILE *out);

#endif
