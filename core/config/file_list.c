#include "config/file_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/mem.h"

void hg_file_list_free(char **files)
{
    for (size_t i = 0; files && files[i]; i++) {
        free(files[i]);
    }
    free(files);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts, and drops what two patterns both found. */
static void sort_files(char **files, size_t n)
{
    size_t kept = 0;
    qsort(files, n, sizeof *files, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && strcmp(files[i], files[kept - 1]) == 0) {
            free(files[i]);
        } else {
            files[kept++] = files[i];
        }
    }
    files[kept] = NULL;
}

static int take(const glob_t *found, char ***ret, struct hg_error *err)
{
    HG_CLEANUP(hg_file_list_freep) char **files = calloc(found->gl_pathc + 1, sizeof *files);
    for (size_t i = 0; files && i < found->gl_pathc; i++) {
        files[i] = strdup(found->gl_pathv[i]);
        if (!files[i]) {
            return hg_error_nomem(err);
        }
    }
    if (!files) {
        return hg_error_nomem(err);
    }
    sort_files(files, found->gl_pathc);
    *ret = HG_TAKE(files);
    return HG_OK;
}

int hg_file_list_expand(const char *const *patterns, char ***ret, struct hg_error *err)
{
    glob_t found = {0};
    int r = HG_OK;
    for (; r == HG_OK && *patterns; patterns++) {
        r = hg_glob(*patterns, &found, err);
    }
    r = r < 0 ? r : take(&found, ret, err);
    globfree(&found);
    return r;
}
