#include "temp.h"

#include <fcntl.h>
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
#include "scratch.h"

char folder[256];

int make_folder(void **state)
{
    char made[HG_SCRATCH_BYTES];
    char real[PATH_MAX];
    (void)state;
    assert_int_equal(hg_scratch_make("plugin", made), 0);
    assert_non_null(realpath(made, real));
    assert_true(snprintf(folder, sizeof folder, "%s", real) < (int)sizeof folder);
    return 0;
}

int remove_folder(void **state)
{
    (void)state;
    return hg_scratch_remove(folder);
}

const char *temp_path(const char *in, const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_MAX, "%s/%s", in, name);
    return path;
}

void temp_write(const char *path, const char *text)
{
    assert_int_equal(hg_write_file(path, 0644, text, strlen(text), NULL), HG_OK);
}

const char *temp_plugin(const char *plugin)
{
    static char path[PATH_MAX];
    const char *built = getenv("HG_TEST_PLUGIN_DIR");
    assert_non_null(built);
    (void)snprintf(path, sizeof path, "%s/%s.so", built, plugin);
    return path;
}

void temp_copy_plugin(const char *plugin, const char *in, const char *name)
{
    HG_CLEANUP(hg_freep) char *data = NULL;
    size_t n;
    assert_int_equal(hg_read_file(temp_plugin(plugin), (size_t)64 << 20, &data, &n, NULL), HG_OK);
    assert_int_equal(hg_write_file(temp_path(in, name), 0755, data, n, NULL), HG_OK);
}
