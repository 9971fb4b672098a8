/*
 * A temporary folder, and the test plugins.
 */
#ifndef TEST_TEMP_H
#define TEST_TEMP_H

#include <stddef.h>

/* A folder for all tests of a group, made and removed around it; its path is canonical. */
extern char folder[256];
int make_folder(void **state);
int remove_folder(void **state);

/* "<in>/<name>", one of four texts used in turn. */
const char *temp_path(const char *in, const char *name);
/* Writes a file. */
void temp_write(const char *path, const char *text);
/* Copies a test plugin ("numbers") into the folder under a name of its own. */
void temp_copy_plugin(const char *plugin, const char *in, const char *name);
/* The path of a test plugin where it was built. */
const char *temp_plugin(const char *plugin);

#endif
