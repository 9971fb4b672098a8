#include "files.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"
#include "headgate/text.h"

static const struct hg_file *file_services(const struct hg_host *host, struct hg_error *err)
{
    const struct hg_file *services = host->get_extension(host, HG_EXT_FILE);
    if (!services || !HG_HAS(services, struct hg_file, open_read) ||
        !HG_HAS(services, struct hg_file, glob)) {
        hg_fail(err, HG_ENOTSUP, "the host does not offer " HG_EXT_FILE);
        return NULL;
    }
    return services;
}

static bool has_path(const struct src_files *files, const char *path)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->items[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

hg_status src_files_add(struct src_files *files,
                        const char *path,
                        size_t n,
                        int64_t size_bytes,
                        int64_t mtime_ms,
                        struct hg_error *err)
{
    if (files->n == files->room) {
        size_t room = files->room ? files->room * 2 : 16;
        struct src_file *items = realloc(files->items, room * sizeof *items);
        if (!items) {
            return hg_fail_nomem(err);
        }
        files->items = items;
        files->room = room;
    }
    char *copy = hg_text_copy(path, n);
    if (!copy) {
        return hg_fail_nomem(err);
    }
    files->items[files->n++] = (struct src_file){copy, copy, size_bytes, mtime_ms};
    return HG_OK;
}

struct listing {
    struct src_files *files;
    size_t before; /* files of the paths before */
    size_t matches;
};

static hg_status add_match(void *arg, const struct hg_file_match *match, struct hg_error *err)
{
    struct listing *listing = arg;
    listing->matches++;
    /* One glob gives a path once, so only what earlier paths gave needs to be searched. */
    struct src_files earlier = {listing->files->items, listing->before, 0};
    if (has_path(&earlier, match->path)) {
        return HG_OK;
    }
    return src_files_add(
        listing->files, match->path, strlen(match->path), match->size_bytes, match->mtime_ms, err);
}

/* The folders that all paths share are not shown. */
static void name_files(struct src_files *files)
{
    size_t common = SIZE_MAX;
    for (size_t i = 0; i < files->n; i++) {
        const char *a = files->items[0].path;
        const char *b = files->items[i].path;
        size_t same = 0;
        for (size_t at = 0; at < common && a[at] && a[at] == b[at]; at++) {
            if (a[at] == '/') {
                same = at + 1;
            }
        }
        common = same;
    }
    for (size_t i = 0; i < files->n; i++) {
        files->items[i].shown = files->items[i].path + common;
    }
}

static bool is_pattern(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

static hg_status no_match(const char *path, struct hg_error *err)
{
    if (is_pattern(path)) {
        hg_fail(err, HG_ENOTFOUND, "no file matches \"%s\"", path);
    } else {
        hg_fail(err, HG_ENOTFOUND, "there is no file \"%s\"", path);
    }
    hg_fail_hint(err,
                 HG_ENOTFOUND,
                 "A relative path is taken from the folder of the pipeline's file. All files of a "
                 "folder are named by a pattern: folder/*.*.");
    return hg_fail_pointer(err, HG_ENOTFOUND, "/path");
}

hg_status src_files_list(const struct hg_host *host,
                         const struct hg_config_list *paths,
                         bool only_new,
                         struct src_files *ret,
                         struct hg_error *err)
{
    struct src_files files = {0};
    hg_status status = HG_OK;
    const struct hg_file *services = file_services(host, err);
    if (!services) {
        return HG_ENOTSUP;
    }
    for (size_t i = 0; i < paths->n && !status; i++) {
        const char *path = ((char *const *)paths->items)[i];
        struct listing listing = {&files, files.n, 0};
        const struct hg_file_sink sink = {sizeof sink, &listing, add_match};
        status = services->glob(host, path, &sink, err);
        if (!status && listing.matches == 0 && !(only_new && is_pattern(path))) {
            status = no_match(path, err);
        }
    }
    if (status) {
        src_files_done(&files);
        return status;
    }
    name_files(&files);
    *ret = files;
    return HG_OK;
}

void src_files_done(struct src_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        free(files->items[i].path);
    }
    free(files->items);
    *files = (struct src_files){0};
}

hg_status src_file_open(const struct hg_host *host,
                        const struct src_file *file,
                        int *ret_fd,
                        struct hg_error *err)
{
    const struct hg_file *services = file_services(host, err);
    return services ? services->open_read(host, file->path, ret_fd, err) : HG_ENOTSUP;
}
