/*
 * The files that patterns find.
 */
#ifndef HG_CONFIG_FILE_LIST_H
#define HG_CONFIG_FILE_LIST_H

#include "base/error.h"

/*
 * *ret: paths, each once, by name, ended by NULL; owned by the caller, hg_file_list_free.
 * `patterns` are absolute, ended by NULL; one that finds nothing is no error, also where its
 * folder is not there. A folder that cannot be read is one: nobody can tell what it holds.
 */
int hg_file_list_expand(const char *const *patterns, char ***ret, struct hg_error *err);
/* NULL is fine. */
void hg_file_list_free(char **files);
static inline void hg_file_list_freep(char ***files)
{
    hg_file_list_free(*files);
    *files = NULL;
}

#endif
