/* The checks here are no debugging aid. */
#undef NDEBUG
#include "fake_host.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct hg_module hg_module_v0;

static struct fake *fake_of(const struct hg_host *host)
{
    return host->impl;
}

_Thread_local int fake_busy;

static void add(char **text, const char *more, size_t n)
{
    fake_busy++;
    size_t had = *text ? strlen(*text) : 0;
    *text = realloc(*text, had + n + 1);
    assert(*text);
    memcpy(*text + had, more, n);
    (*text)[had + n] = '\0';
    fake_busy--;
}

/* ------------------------------------------------------------------------------------------ */
/* Services                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static void host_log(const struct hg_host *host, int32_t level, const char *text)
{
    struct fake *fake = fake_of(host);
    add(&fake->log, level >= HG_LOG_WARNING ? "W " : "I ", 2);
    add(&fake->log, text, strlen(text));
    add(&fake->log, "\n", 1);
}

static bool host_is_cancelled(const struct hg_host *host)
{
    return atomic_load(&fake_of(host)->cancelled);
}

static int64_t host_now_ms(const struct hg_host *host)
{
    (void)host;
    return 0;
}

static void host_progress(const struct hg_host *host, int64_t rows, int64_t total)
{
    (void)host;
    (void)rows;
    (void)total;
}

static hg_status fail(struct hg_error *err, hg_status code, const char *text)
{
    if (err) {
        err->code = code;
        snprintf(err->message, sizeof err->message, "%s", text);
    }
    return code;
}

static hg_status host_reject(const struct hg_host *host,
                             const struct hg_reject_row *row,
                             struct hg_error *err)
{
    struct fake *fake = fake_of(host);
    char text[1024];
    fake->n_rejects++;
    if (fake->fail_reject_at > 0 && fake->n_rejects == (size_t)fake->fail_reject_at) {
        return fail(err, HG_EIO, "the quarantine is full");
    }
    int n = snprintf(text,
                     sizeof text,
                     "%s|%s|%s\n",
                     row->position,
                     row->column ? row->column : "",
                     row->reason);
    add(&fake->rejects, text, (size_t)n);
    add(&fake->raws, row->raw, row->raw_size);
    add(&fake->raws, "\n", 1);
    return HG_OK;
}

static hg_status host_put(const struct hg_host *host, const char *state, struct hg_error *err)
{
    struct fake *fake = fake_of(host);
    fake->n_states++;
    if (fake->n_states == fake->fail_state_at) {
        return fail(err, HG_EIO, "the state cannot be kept");
    }
    free(fake->state);
    fake_busy++;
    fake->state = strdup(state);
    fake_busy--;
    return HG_OK;
}

static hg_status host_open_read(const struct hg_host *host,
                                const char *path,
                                int *ret_fd,
                                struct hg_error *err)
{
    (void)host;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(err, errno == EACCES ? HG_EFORBIDDEN : HG_ENOTFOUND, strerror(errno));
    }
    *ret_fd = fd;
    return HG_OK;
}

static hg_status host_glob(const struct hg_host *host,
                           const char *pattern,
                           const struct hg_file_sink *sink,
                           struct hg_error *err)
{
    (void)host;
    glob_t found;
    hg_status status = HG_OK;
    if (glob(pattern, 0, NULL, &found) != 0) {
        return HG_OK;
    }
    for (size_t i = 0; i < found.gl_pathc && !status; i++) {
        struct stat st;
        if (stat(found.gl_pathv[i], &st) == 0) {
            int64_t ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
            const struct hg_file_match match = {sizeof match, found.gl_pathv[i], st.st_size, ms};
            status = sink->file(sink->arg, &match, err);
        }
    }
    globfree(&found);
    return status;
}

static const struct hg_reject reject_services = {sizeof reject_services, host_reject};
static const struct hg_state state_services = {sizeof state_services, host_put};
static const struct hg_file file_services = {sizeof file_services, NULL, host_open_read, host_glob};

static const void *host_get_extension(const struct hg_host *host, const char *id)
{
    const struct fake *fake = fake_of(host);
    if (strcmp(id, HG_EXT_REJECT) == 0) {
        return fake->no_reject ? NULL : &reject_services;
    }
    if (strcmp(id, HG_EXT_STATE) == 0) {
        return fake->no_state ? NULL : &state_services;
    }
    if (strcmp(id, HG_EXT_FILE) == 0) {
        return fake->no_file ? NULL : &file_services;
    }
    return NULL;
}

void fake_init(struct fake *fake)
{
    memset(fake, 0, sizeof *fake);
    fake->host = (struct hg_host){sizeof fake->host,
                                  HG_ABI_MINOR,
                                  fake,
                                  host_log,
                                  host_is_cancelled,
                                  host_now_ms,
                                  host_progress,
                                  host_get_extension};
    fake->vtable = hg_module_v0.plugins[0]->vtable;
    const char *tmp = getenv("TMPDIR");
    snprintf(fake->dir, sizeof fake->dir, "%s/csv-test-XXXXXX", tmp ? tmp : "/tmp");
    char *made = mkdtemp(fake->dir);
    assert(made);
    (void)made;
}

void fake_clear(struct fake *fake)
{
    free(fake->rejects);
    free(fake->raws);
    free(fake->log);
    free(fake->state);
    fake->rejects = NULL;
    fake->raws = NULL;
    fake->log = NULL;
    fake->state = NULL;
    fake->n_rejects = 0;
    fake->n_states = 0;
}

void fake_done(struct fake *fake)
{
    char pattern[128];
    glob_t found;
    fake_clear(fake);
    snprintf(pattern, sizeof pattern, "%s/*", fake->dir);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (remove(found.gl_pathv[i]) != 0) {
                perror(found.gl_pathv[i]);
            }
        }
        globfree(&found);
    }
    rmdir(fake->dir);
}

void fake_write(struct fake *fake, const char *name, const void *bytes, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fake->dir, name);
    FILE *f = fopen(path, "wbe");
    assert(f);
    size_t put = fwrite(bytes, 1, n, f);
    assert(put == n);
    (void)put;
    fclose(f);
}

char *fake_config(struct fake *fake, const char *path, const char *columns, const char *more)
{
    char *text = NULL;
    int n =
        path[0] == '['
            ? asprintf(&text, "{\"path\":%s,\"columns\":{%s}%s}", path, columns, more)
            : asprintf(
                  &text, "{\"path\":\"%s/%s\",\"columns\":{%s}%s}", fake->dir, path, columns, more);
    assert(n > 0);
    (void)n;
    return text;
}

/* ------------------------------------------------------------------------------------------ */
/* Rows as text                                                                                 */
/* ------------------------------------------------------------------------------------------ */

static void print_decimal(const void *values, int64_t row, int scale, FILE *out)
{
    __extension__ __int128 v;
    char text[64];
    size_t n = 0;
    memcpy(&v, (const char *)values + row * 16, sizeof v);
    bool negative = v < 0;
    __extension__ unsigned __int128 rest = negative ? -(unsigned __int128)v : (unsigned __int128)v;
    do {
        text[n++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
        if (scale > 0 && n == (size_t)scale) {
            text[n++] = '.';
            if (rest == 0) {
                text[n++] = '0';
            }
        }
    } while (rest > 0 || n < (size_t)scale);
    if (negative) {
        fputc('-', out);
    }
    while (n > 0) {
        fputc(text[--n], out);
    }
}

static void print_utf8(const struct ArrowArray *a, int64_t row, FILE *out)
{
    const int32_t *offsets = a->buffers[1];
    const char *bytes = a->buffers[2];
    for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            fputs(bytes[i] == '\n' ? "\\n" : "\\r", out);
        } else {
            fputc(bytes[i], out);
        }
    }
}

static void print_cell(const struct ArrowSchema *s,
                       const struct ArrowArray *a,
                       int64_t row,
                       FILE *out)
{
    const uint8_t *validity = a->buffers[0];
    if (validity && !(validity[row / 8] >> (row % 8) & 1)) {
        fputc('~', out);
        return;
    }
    switch (s->format[0]) {
    case 'b':
        fputs(((const uint8_t *)a->buffers[1])[row / 8] >> (row % 8) & 1 ? "true" : "false", out);
        break;
    case 'i':
        fprintf(out, "%" PRId32, ((const int32_t *)a->buffers[1])[row]);
        break;
    case 'l':
        fprintf(out, "%" PRId64, ((const int64_t *)a->buffers[1])[row]);
        break;
    case 'g':
        fprintf(out, "%.17g", ((const double *)a->buffers[1])[row]);
        break;
    case 'd':
        print_decimal(a->buffers[1], row, (int)strtol(strchr(s->format, ',') + 1, NULL, 10), out);
        break;
    case 'u':
    case 'z':
        print_utf8(a, row, out);
        break;
    default:
        if (s->format[1] == 'd') {
            fprintf(out, "%" PRId32 "d", ((const int32_t *)a->buffers[1])[row]);
        } else {
            fprintf(out, "%" PRId64 "us", ((const int64_t *)a->buffers[1])[row]);
        }
    }
}

void fake_print_batch(const struct ArrowSchema *schema,
                      const struct ArrowArray *batch,
                      bool positions,
                      void *inst,
                      const struct hg_position *position,
                      FILE *out)
{
    int64_t n = schema->n_children;
    int64_t shown = n > 0 && strcmp(schema->children[n - 1]->name, "_hg_pos") == 0 ? n - 1 : n;
    assert(n == batch->n_children && (shown < n || !positions));
    for (int64_t row = 0; row < batch->length; row++) {
        for (int64_t i = 0; i < shown; i++) {
            assert(batch->children[i]->length == batch->length && batch->children[i]->offset == 0);
            if (i > 0) {
                fputc('|', out);
            }
            print_cell(schema->children[i], batch->children[i], row, out);
        }
        if (positions) {
            char text[256];
            position->format(inst,
                             ((const int64_t *)batch->children[n - 1]->buffers[1])[row],
                             text,
                             sizeof text);
            fprintf(out, "|%s", text);
        }
        fputc('\n', out);
    }
}

static void read_batches(
    struct fake *fake, void *inst, struct ArrowArrayStream *stream, bool positions, FILE *out)
{
    const struct hg_position *position = fake->vtable->get_extension(inst, HG_EXT_POSITION);
    const struct hg_stream_error *errors = fake->vtable->get_extension(inst, HG_EXT_STREAM_ERROR);
    struct ArrowSchema schema;
    if (stream->get_schema(stream, &schema) != 0) {
        errors->last(inst, stream, &fake->err);
        return;
    }
    for (;;) {
        struct ArrowArray batch = {0};
        if (stream->get_next(stream, &batch) != 0) {
            errors->last(inst, stream, &fake->err);
            break;
        }
        if (!batch.release) {
            break;
        }
        assert(batch.length > 0);
        fake_print_batch(&schema, &batch, positions, inst, position, out);
        batch.release(&batch);
    }
    schema.release(&schema);
}

char *fake_read(
    struct fake *fake, const char *config, const char *state, uint32_t batch_rows, bool positions)
{
    void *inst = NULL;
    struct ArrowArrayStream stream;
    struct hg_read_request request = {sizeof request, batch_rows, NULL, state};
    fake->err = (struct hg_error)HG_ERROR_INIT;
    if (fake->vtable->open(&fake->host, config, &inst, &fake->err)) {
        return NULL;
    }
    if (fake->vtable->read(inst, &request, &stream, &fake->err)) {
        fake->vtable->close(inst);
        return NULL;
    }
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert(out);
    read_batches(fake, inst, &stream, positions, out);
    fclose(out);
    stream.release(&stream);
    fake->vtable->close(inst);
    if (fake->err.code) {
        free(text);
        return NULL;
    }
    return text;
}
