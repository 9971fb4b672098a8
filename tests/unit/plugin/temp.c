#include "temp.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"

const char *temp_folder(void)
{
    static char real[PATH_MAX];
    char pattern[] = "/tmp/hg-plugin-test-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    assert_non_null(realpath(pattern, real));
    return real;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temp_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *temp_path(const char *folder, const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

void temp_write(const char *path, const char *text)
{
    assert_int_equal(hg_write_file(path, 0644, text, strlen(text), NULL), HG_OK);
}

const char *temp_plugin(const char *plugin)
{
    static char path[PATH_MAX];
    const char *folder = getenv("HG_TEST_PLUGIN_DIR");
    assert_non_null(folder);
    (void)snprintf(path, sizeof path, "%s/%s.so", folder, plugin);
    return path;
}

void temp_copy_plugin(const char *plugin, const char *folder, const char *name)
{
    HG_CLEANUP(hg_freep) char *data = NULL;
    size_t n;
    assert_int_equal(hg_read_file(temp_plugin(plugin), (size_t)64 << 20, &data, &n, NULL), HG_OK);
    assert_int_equal(hg_write_file(temp_path(folder, name), 0755, data, n, NULL), HG_OK);
}
