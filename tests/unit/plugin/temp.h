/*
 * A temporary folder, and the test plugins.
 */
#ifndef TEST_TEMP_H
#define TEST_TEMP_H

#include <stddef.h>

/* Makes a folder; its canonical path is static until the next call. */
const char *temp_folder(void);
/* Removes it with everything in it. */
void temp_remove(const char *folder);
/* "<folder>/<name>", one of four texts used in turn. */
const char *temp_path(const char *folder, const char *name);
/* Writes a file. */
void temp_write(const char *path, const char *text);
/* Copies a test plugin ("numbers") into the folder under a name of its own. */
void temp_copy_plugin(const char *plugin, const char *folder, const char *name);
/* The path of a test plugin where it was built. */
const char *temp_plugin(const char *plugin);

#endif
