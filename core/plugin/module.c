#include "plugin/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/descriptor.h"

#define MAX_FILE_BYTES ((int64_t)512 << 20)

/* A file that was opened; never closed again, and so is its memfd: the dynamic linker knows a file
 * by the name it was given, /proc/self/fd/N, which must not come to mean another file. */
struct opened {
    struct opened *next;
    char *file;
    char sha256[HG_SHA256_TEXT];
    const struct hg_module *module;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct opened *all_opened;

static const struct opened *find_opened(const char *file, const char *sha256)
{
    for (const struct opened *o = all_opened; o; o = o->next) {
        if (strcmp(o->file, file) == 0 && (!sha256 || strcmp(o->sha256, sha256) == 0)) {
            return o;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------ */
/* The copy                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static int make_memfd(const char *file, int *ret_fd, struct hg_error *err)
{
    const char *name = strrchr(file, '/');
    name = name ? name + 1 : file;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return hg_error_errno(err, errno, "cannot make room in memory for \"%s\"", file);
    }
    *ret_fd = fd;
    return HG_OK;
}

static int copy_sealed(const char *file,
                       char ret_sha256[HG_SHA256_TEXT],
                       int *ret_fd,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int from = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) {
        return hg_error_errno(err, errno, "cannot open the plugin \"%s\"", file);
    }
    HG_CLEANUP(hg_closep) int to = -1;
    int r = make_memfd(file, &to, err);
    if (!r) {
        r = hg_digest_copy(from, to, MAX_FILE_BYTES, ret_sha256, err);
    }
    if (r) {
        hg_error_wrap(err, "the plugin \"%s\"", file);
        return r;
    }
    if (fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) {
        return hg_error_errno(err, errno, "cannot seal the copy of \"%s\"", file);
    }
    *ret_fd = to;
    to = -1;
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Opening                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* The linker's text without the name under which it knows the file. */
static int fail_open(const char *file, const char *name, struct hg_error *err)
{
    const char *text = dlerror();
    text = text ? text : "unknown reason";
    size_t n = strlen(name);
    if (strncmp(text, name, n) == 0 && strncmp(text + n, ": ", 2) == 0) {
        text += n + 2;
    }
    return hg_error_set(err, HG_EINVAL, "cannot load the plugin \"%s\": %s", file, text);
}

/* Why the symbol is not there: another major, or no plugin at all. */
static int fail_symbol(void *handle, const char *file, struct hg_error *err)
{
    for (int major = 0; major <= 99; major++) {
        char symbol[32];
        (void)snprintf(symbol, sizeof symbol, "hg_module_v%d", major);
        if (dlsym(handle, symbol)) {
            hg_error_set(err,
                         HG_ENOTSUP,
                         "the plugin \"%s\" is built for ABI %d, and this is ABI %d",
                         file,
                         major,
                         HG_ABI_MAJOR);
            hg_error_hint(err, "Build it with the SDK of this release, %s.", HG_SDK_VERSION);
            return HG_ENOTSUP;
        }
    }
    hg_error_set(
        err, HG_EINVAL, "\"%s\" is no plugin: it exports no symbol %s", file, HG_MODULE_SYMBOL);
    hg_error_hint(err, "A plugin has HG_MODULE(...) in one of its sources.");
    return HG_EINVAL;
}

/* Takes *fd over as soon as the linker knows the file by it. */
static int open_copy(const char *file,
                     int *fd,
                     const struct hg_module **ret_module,
                     struct hg_error *err)
{
    char name[48];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", *fd);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        return fail_open(file, name, err);
    }
    *fd = -1;
    const struct hg_module *module = dlsym(handle, HG_MODULE_SYMBOL);
    if (!module) {
        return fail_symbol(handle, file, err);
    }
    *ret_module = module;
    return HG_OK;
}

static int open_new(const char *file, const char *sha256, struct opened *o, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    o->file = strdup(file);
    if (!o->file) {
        return hg_error_nomem(err);
    }
    int r = copy_sealed(file, o->sha256, &fd, err);
    if (r) {
        return r;
    }
    if (sha256 && strcmp(sha256, o->sha256) != 0) {
        hg_error_set(err,
                     HG_ECONFLICT,
                     "the plugin \"%s\" is another file than the one that was inspected",
                     file);
        hg_error_hint(err,
                      "Its SHA-256 is %s and was %s. Restart Headgate to take the new one.",
                      o->sha256,
                      sha256);
        return HG_ECONFLICT;
    }
    r = open_copy(file, &fd, &o->module, err);
    if (r) {
        return r;
    }
    r = hg_descriptor_check_module(o->module, err);
    if (r) {
        hg_error_wrap(err, "the plugin \"%s\"", file);
    }
    return r;
}

int hg_module_open_unchecked(const char *file,
                             const struct hg_module **ret_module,
                             struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = -1;
    char sha256[HG_SHA256_TEXT];
    int r = copy_sealed(file, sha256, &fd, err);
    return r ? r : open_copy(file, &fd, ret_module, err);
}

int hg_module_open_hashed(const char *file,
                          const char *sha256,
                          const struct hg_module **ret_module,
                          char ret_sha256[HG_SHA256_TEXT],
                          struct hg_error *err)
{
    HG_LOCK(&mutex);
    const struct opened *known = find_opened(file, sha256);
    if (!known) {
        struct opened *o = calloc(1, sizeof *o);
        if (!o) {
            return hg_error_nomem(err);
        }
        int r = open_new(file, sha256, o, err);
        if (r) {
            free(o->file);
            free(o);
            return r;
        }
        o->next = all_opened;
        all_opened = o;
        known = o;
    }
    *ret_module = known->module;
    memcpy(ret_sha256, known->sha256, HG_SHA256_TEXT);
    return HG_OK;
}

int hg_module_open(const char *file,
                   const char *sha256,
                   const struct hg_module **ret_module,
                   struct hg_error *err)
{
    char found[HG_SHA256_TEXT];
    return hg_module_open_hashed(file, sha256, ret_module, found, err);
}

const struct hg_plugin *hg_module_plugin(const struct hg_module *module, int kind, const char *id)
{
    for (uint64_t i = 0; i < module->n_plugins; i++) {
        const struct hg_plugin *plugin = module->plugins[i];
        if ((int)plugin->kind == kind && strcmp(plugin->id, id) == 0) {
            return plugin;
        }
    }
    return NULL;
}
