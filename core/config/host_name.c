#include "config/host_name.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/uuid.h"

int hg_host_name(const char *data_dir, char ret[HG_HOST_NAME], struct hg_error *err)
{
    char path[PATH_MAX];
    char id[HG_UUID_TEXT];
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    if (snprintf(path, sizeof path, "%s/host_id", data_dir) >= (int)sizeof path) {
        return hg_error_set(err, HG_EINVAL, "the path of the data dir is too long");
    }
    int r = hg_read_file(path, 64, &text, &n, NULL);
    if (r == HG_OK && n == HG_UUID_TEXT - 1 && hg_uuid_is_valid(text)) {
        (void)snprintf(ret, HG_HOST_NAME, "%s", text);
        return HG_OK;
    }
    r = hg_uuid_new(id, err);
    r = r < 0 ? r : hg_write_file(path, 0600, id, strlen(id), err);
    if (r == HG_OK) {
        (void)snprintf(ret, HG_HOST_NAME, "%s", id);
    }
    return r;
}
