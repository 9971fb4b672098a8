#include "http/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "base/etag.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/headers.h"

enum {
    FILES_MAX = 5000,
    FILE_BYTES_MAX = 32 << 20,
    DEPTH_MAX = 8,
    GZIP_LEVEL = 6,
    ETAG_TEXT = 36,
};

struct site_file {
    char *path; /* "/assets/x.js" */
    const char *type;
    char *bytes;
    size_t n_bytes;
    char *gzip; /* NULL where it does not pay */
    size_t n_gzip;
    char etag[ETAG_TEXT];
};

struct hg_site {
    struct site_file *files; /* sorted by path */
    size_t n_files;
    size_t room;
};

/* What we serve, by ending. */
static const struct {
    const char *ending;
    const char *type;
    bool is_text; /* worth compressing */
} types[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".map", "application/json", true},
    {".svg", "image/svg+xml", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".webmanifest", "application/manifest+json", true},
    {".woff2", "font/woff2", false},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".webp", "image/webp", false},
    {".ico", "image/x-icon", false},
    {".wasm", "application/wasm", true},
};

static const char not_built[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Headgate</title></head>"
    "<body><h1>Headgate runs, but its pages are not built</h1>"
    "<p>Run <code>make build</code> in the folder of its sources and start it again. "
    "The API at <code>/api/v1</code> and the command line work without the pages.</p>"
    "</body></html>\n";

static int type_of(const char *path)
{
    for (size_t i = 0; i < HG_COUNT(types); i++) {
        if (hg_ends_with(path, types[i].ending)) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- reading ---- */

static void file_clear(struct site_file *file)
{
    free(file->path);
    free(file->bytes);
    free(file->gzip);
}

/* Compresses as gzip; leaves *file as it is when that makes it no smaller or there is no memory. */
static void compress_file(struct site_file *file)
{
    z_stream stream = {0};
    if (file->n_bytes < 512 ||
        deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK) {
        return;
    }
    char *out = malloc(file->n_bytes);
    stream.next_in = (Bytef *)file->bytes;
    stream.avail_in = (uInt)file->n_bytes;
    stream.next_out = (Bytef *)out;
    stream.avail_out = out ? (uInt)file->n_bytes : 0;
    if (out && deflate(&stream, Z_FINISH) == Z_STREAM_END) {
        file->gzip = HG_TAKE(out);
        file->n_gzip = stream.total_out;
    }
    free(out);
    (void)deflateEnd(&stream);
}

static int make_etag(struct site_file *file, struct hg_error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (EVP_Digest(file->bytes, file->n_bytes, hash, &n, EVP_sha256(), NULL) != 1) {
        return hg_error_set(err, HG_EINTERNAL, "cannot hash \"%s\"", file->path);
    }
    file->etag[0] = '"';
    memcpy(hg_hex(hash, 16, file->etag + 1), "\"", 2);
    return HG_OK;
}

static int add_file(struct hg_site *site, const char *disk, const char *path, struct hg_error *err)
{
    int type = type_of(path);
    if (type < 0) {
        return HG_OK;
    }
    if (site->n_files == FILES_MAX) {
        return hg_error_set(err, HG_ETOOBIG, "the web folder has more than %d files", FILES_MAX);
    }
    int r = hg_grow(&site->files, site->n_files, &site->room, sizeof site->files[0]);
    if (r < 0) {
        return hg_error_nomem(err);
    }
    struct site_file file = {.path = strdup(path), .type = types[type].type};
    r = file.path ? HG_OK : hg_error_nomem(err);
    r = r < 0 ? r : hg_read_file(disk, FILE_BYTES_MAX, &file.bytes, &file.n_bytes, err);
    r = r < 0 ? r : make_etag(&file, err);
    if (r < 0) {
        file_clear(&file);
        return r;
    }
    if (types[type].is_text) {
        compress_file(&file);
    }
    site->files[site->n_files++] = file;
    return HG_OK;
}

static int read_folder(
    struct hg_site *site, const char *disk, const char *path, int depth, struct hg_error *err);

static int read_entry(struct hg_site *site,
                      const char *folder,
                      const char *path,
                      const char *name,
                      int depth,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *disk = hg_path_join(folder, name);
    HG_CLEANUP(hg_freep) char *url = NULL;
    struct stat st;
    if (!disk || asprintf(&url, "%s/%s", path, name) < 0) {
        url = disk ? NULL : url;
        return hg_error_nomem(err);
    }
    if (lstat(disk, &st) < 0) {
        return hg_error_errno(err, errno, "cannot read \"%s\"", disk);
    }
    if (S_ISDIR(st.st_mode)) {
        return read_folder(site, disk, url, depth + 1, err);
    }
    return S_ISREG(st.st_mode) ? add_file(site, disk, url, err) : HG_OK;
}

static int read_folder(
    struct hg_site *site, const char *disk, const char *path, int depth, struct hg_error *err)
{
    if (depth > DEPTH_MAX) {
        return hg_error_set(err, HG_ETOOBIG, "the web folder is nested too deep at \"%s\"", disk);
    }
    DIR *dir = opendir(disk);
    if (!dir) {
        return hg_error_errno(err, errno, "cannot read the web folder \"%s\"", disk);
    }
    int r = HG_OK;
    const struct dirent *entry;
    while (r == HG_OK && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            r = read_entry(site, disk, path, entry->d_name, depth, err);
        }
    }
    (void)closedir(dir);
    return r;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct site_file *)a)->path, ((const struct site_file *)b)->path);
}

int hg_site_load(const char *dir, struct hg_site **ret, struct hg_error *err)
{
    struct hg_site *site = calloc(1, sizeof *site);
    if (!site) {
        return hg_error_nomem(err);
    }
    int r = dir ? read_folder(site, dir, "", 0, err) : HG_OK;
    if (r < 0) {
        hg_site_free(site);
        return r;
    }
    if (site->n_files > 0) {
        qsort(site->files, site->n_files, sizeof site->files[0], by_path);
    }
    *ret = site;
    return HG_OK;
}

void hg_site_free(struct hg_site *site)
{
    if (!site) {
        return;
    }
    for (size_t i = 0; i < site->n_files; i++) {
        file_clear(&site->files[i]);
    }
    free(site->files);
    free(site);
}

/* ---- answering ---- */

static const struct site_file *find_file(const struct hg_site *site, const char *path)
{
    const struct site_file key = {.path = (char *)(uintptr_t)path};
    if (site->n_files == 0) {
        return NULL;
    }
    return bsearch(&key, site->files, site->n_files, sizeof key, by_path);
}

/* Whether Accept-Encoding takes gzip; "gzip;q=0" does not. */
static bool takes_gzip(const struct hg_http_request *request)
{
    const char *accept = hg_http_header(request, "Accept-Encoding");
    const char *gzip = accept ? strstr(accept, "gzip") : NULL;
    if (!gzip) {
        return false;
    }
    gzip += 4;
    gzip += strspn(gzip, " \t");
    if (*gzip != ';') {
        return *gzip == ',' || *gzip == '\0';
    }
    gzip += 1 + strspn(gzip + 1, " \t");
    return !(hg_starts_with(gzip, "q=0") && strspn(gzip + 3, ".0") == strcspn(gzip + 3, ", \t"));
}

static bool is_unchanged(const struct hg_http_request *request, const char *etag)
{
    const char *known = hg_http_header(request, "If-None-Match");
    return known && hg_etag_listed(known, etag, true);
}

static int answer_file(const struct site_file *file,
                       struct hg_http_request *request,
                       struct hg_error *err)
{
    /* Vite puts a hash of the content into the names of what it puts into assets/. */
    bool is_hashed = hg_starts_with(file->path, "/assets/");
    bool gzip = file->gzip && takes_gzip(request);
    if (is_unchanged(request, file->etag)) {
        hg_http_answer_empty(request, 304);
    } else if (gzip) {
        hg_http_answer_static(request, 200, file->type, file->gzip, file->n_gzip);
    } else {
        hg_http_answer_static(request, 200, file->type, file->bytes, file->n_bytes);
    }
    int r = hg_http_answer_header(request, "ETag", file->etag, err);
    r = r < 0 ? r : hg_http_answer_header(request, "Vary", "Accept-Encoding", err);
    r = r < 0 ? r
              : hg_http_answer_header(
                    request, "Content-Security-Policy", hg_headers_file_policy(), err);
    r = r < 0
            ? r
            : hg_http_answer_header(request,
                                    "Cache-Control",
                                    is_hashed ? "public, max-age=31536000, immutable" : "no-cache",
                                    err);
    if (r == HG_OK && gzip && request->answer.status == 200) {
        r = hg_http_answer_header(request, "Content-Encoding", "gzip", err);
    }
    return r;
}

/* index.html with a nonce of its own in place of each __CSP_NONCE__. */
static int answer_index(const struct site_file *index,
                        struct hg_http_request *request,
                        struct hg_error *err)
{
    static const char mark[] = "__CSP_NONCE__";
    char nonce[HG_NONCE_TEXT];
    HG_CLEANUP(hg_buf_free) struct hg_buf page = HG_BUF_INIT;
    int r = hg_headers_nonce(nonce, err);
    if (r < 0) {
        return r;
    }
    const char *rest = index->bytes;
    for (const char *at; (at = strstr(rest, mark)); rest = at + sizeof mark - 1) {
        hg_buf_append(&page, rest, (size_t)(at - rest));
        hg_buf_puts(&page, nonce);
    }
    hg_buf_puts(&page, rest);
    if (hg_buf_failed(&page)) {
        return hg_error_nomem(err);
    }
    r = hg_http_answer_text(request, 200, index->type, hg_buf_text(&page), err);
    r = r < 0 ? r : hg_headers_page_policy(request, nonce, err);
    return r < 0 ? r : hg_http_answer_header(request, "Cache-Control", "no-store", err);
}

/* A name that only a file can have: the page's own addresses are neither in assets/ nor like x.js
 * at the top (a dataset's address has a dot too, but lies deeper). */
static bool is_file_name(const struct hg_http_target *target)
{
    return target->n_segments > 0 && (strcmp(target->segments[0], "assets") == 0 ||
                                      (target->n_segments == 1 && type_of(target->path) >= 0));
}

int hg_site_answer(const struct hg_site *site,
                   struct hg_http_request *request,
                   struct hg_error *err)
{
    const struct hg_http_target *target = &request->target;
    const struct site_file *index = find_file(site, "/index.html");
    const struct site_file *file = find_file(site, target->path);
    if (file && file != index) {
        return answer_file(file, request, err);
    }
    if (!index && site->n_files == 0 && !is_file_name(target)) {
        hg_http_answer_static(
            request, 404, "text/html; charset=utf-8", not_built, sizeof not_built - 1);
        return HG_OK;
    }
    if (!index || (file != index && is_file_name(target))) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no page or file at this address");
    }
    return answer_index(index, request, err);
}
