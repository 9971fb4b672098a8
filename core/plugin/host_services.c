#include "plugin/host_services.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "plugin/file_scope.h"

#define MAX_EXTENSIONS 16
#define MAX_LOG_BYTES  8192

struct hg_host_services {
    struct hg_host host;
    struct hg_host_services_options options; /* without its texts */
    struct hg_file_scope *files;
    size_t n_extensions;
    struct {
        const char *id;
        const void *table;
    } extensions[MAX_EXTENSIONS];
};

static const struct hg_host_services *services_of(const struct hg_host *host)
{
    return host->impl;
}

void *hg_host_services_arg(const struct hg_host *host)
{
    return services_of(host)->options.arg;
}

const struct hg_host *hg_host_services_host(const struct hg_host_services *services)
{
    return &services->host;
}

/* ------------------------------------------------------------------------------------------ */
/* The functions that plugins call                                                              */
/* ------------------------------------------------------------------------------------------ */

/* Bytes of the line that are passed on: 8 KiB at most, and no character cut in two. */
static size_t cut_line(const char *text)
{
    size_t n = strnlen(text, MAX_LOG_BYTES + 1);
    if (n <= MAX_LOG_BYTES) {
        return n;
    }
    n = MAX_LOG_BYTES;
    while (n > 0 && ((unsigned char)text[n] & 0xC0u) == 0x80u) {
        n--;
    }
    return n;
}

static void host_log(const struct hg_host *host, int32_t level, const char *text)
{
    const struct hg_host_services *services = services_of(host);
    if (!services->options.log || !text) {
        return;
    }
    int known = level < HG_LOG_DEBUG ? HG_LOG_DEBUG : level > HG_LOG_ERROR ? HG_LOG_ERROR : level;
    HG_CLEANUP(hg_freep) char *line = strndup(text, cut_line(text));
    if (line) {
        services->options.log(services->options.arg, known, line);
    }
}

static bool host_is_cancelled(const struct hg_host *host)
{
    const struct hg_host_services *services = services_of(host);
    return services->options.is_cancelled && services->options.is_cancelled(services->options.arg);
}

static int64_t host_now_ms(const struct hg_host *host)
{
    (void)host;
    return hg_time_now_us() / 1000;
}

static void host_progress(const struct hg_host *host, int64_t rows, int64_t rows_total)
{
    const struct hg_host_services *services = services_of(host);
    if (services->options.progress) {
        services->options.progress(services->options.arg, rows, rows_total);
    }
}

static const void *host_get_extension(const struct hg_host *host, const char *id)
{
    const struct hg_host_services *services = services_of(host);
    for (size_t i = 0; id && i < services->n_extensions; i++) {
        if (strcmp(services->extensions[i].id, id) == 0) {
            return services->extensions[i].table;
        }
    }
    return NULL;
}

static hg_status file_open_temp(const struct hg_host *host, int *ret_fd, struct hg_error *err)
{
    (void)host;
    return hg_file_open_temp(ret_fd, err);
}

static hg_status file_open_read(const struct hg_host *host,
                                const char *path,
                                int *ret_fd,
                                struct hg_error *err)
{
    return hg_file_scope_open(services_of(host)->files, path, ret_fd, err);
}

static hg_status file_glob(const struct hg_host *host,
                           const char *pattern,
                           const struct hg_file_sink *sink,
                           struct hg_error *err)
{
    return hg_file_scope_glob(services_of(host)->files, pattern, sink, err);
}

static const struct hg_file file_extension = {
    .struct_size = sizeof file_extension,
    .open_temp = file_open_temp,
    .open_read = file_open_read,
    .glob = file_glob,
};

/* ------------------------------------------------------------------------------------------ */
/* Life                                                                                         */
/* ------------------------------------------------------------------------------------------ */

void hg_host_services_free(struct hg_host_services *services)
{
    if (services) {
        hg_file_scope_free(services->files);
        free(services);
    }
}

HG_DEFINE_CLEANUP(services_freep, struct hg_host_services *, hg_host_services_free)

int hg_host_services_new(const struct hg_host_services_options *options,
                         struct hg_host_services **ret,
                         struct hg_error *err)
{
    HG_CLEANUP(services_freep) struct hg_host_services *services = calloc(1, sizeof *services);
    if (!services) {
        return hg_error_nomem(err);
    }
    services->options = *options;
    services->options.base_folder = NULL;
    services->options.file_roots = NULL;
    services->host = (struct hg_host){
        .struct_size = sizeof services->host,
        .abi_minor = HG_ABI_MINOR,
        .impl = services,
        .log = host_log,
        .is_cancelled = host_is_cancelled,
        .now_ms = host_now_ms,
        .progress = host_progress,
        .get_extension = host_get_extension,
    };
    int r = hg_file_scope_new(options->base_folder, options->file_roots, &services->files, err);
    if (!r) {
        r = hg_host_services_offer(services, HG_EXT_FILE, &file_extension, err);
    }
    if (r) {
        return r;
    }
    *ret = HG_TAKE(services);
    return HG_OK;
}

int hg_host_services_offer(struct hg_host_services *services,
                           const char *id,
                           const void *table,
                           struct hg_error *err)
{
    if (services->n_extensions == MAX_EXTENSIONS) {
        return hg_error_set(err, HG_EINTERNAL, "more than %d host extensions", MAX_EXTENSIONS);
    }
    services->extensions[services->n_extensions].id = id;
    services->extensions[services->n_extensions].table = table;
    services->n_extensions++;
    return HG_OK;
}
