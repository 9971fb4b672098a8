#include "plugin/registry_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"

#define CACHE_VERSION   1
#define MAX_CACHE_BYTES ((size_t)64 << 20)
#define FAILURE_KEPT_US INT64_C(3600000000)

static json_int_t mtime_ns(const struct stat *st)
{
    return (json_int_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* What a cache must have been written by to be believed. */
static json_t *writer(const char *self)
{
    struct stat st = {0};
    (void)stat(self, &st);
    return json_pack("{s:i, s:s, s:I, s:I}",
                     "cache",
                     CACHE_VERSION,
                     "sdk",
                     HG_SDK_VERSION,
                     "program_bytes",
                     (json_int_t)st.st_size,
                     "program_mtime_ns",
                     mtime_ns(&st));
}

json_t *hg_registry_cache_load(const char *cache_file, const char *self)
{
    HG_CLEANUP(hg_freep) char *text = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *cache = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *wanted = writer(self);
    size_t n;
    if (cache_file && hg_read_file(cache_file, MAX_CACHE_BYTES, &text, &n, NULL) == HG_OK) {
        cache = hg_json_read(text, n, 0, NULL);
    }
    json_t *entries = json_object_get(cache, "files");
    if (json_is_object(entries) && wanted && json_equal(json_object_get(cache, "writer"), wanted)) {
        return json_incref(entries);
    }
    return json_object();
}

int hg_registry_cache_save(const char *cache_file,
                           const char *self,
                           const json_t *entries,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *copy = json_copy((json_t *)(uintptr_t)entries);
    HG_CLEANUP(hg_json_decrefp)
    json_t *cache = json_pack("{s:o, s:O}", "writer", writer(self), "files", copy);
    HG_CLEANUP(hg_freep) char *text = cache ? json_dumps(cache, JSON_INDENT(1)) : NULL;
    if (!text) {
        return hg_error_nomem(err);
    }
    return hg_write_file(cache_file, 0600, text, strlen(text), err);
}

const json_t *hg_registry_cache_find(const json_t *entries,
                                     const char *file,
                                     const struct stat *st,
                                     const char *sha256)
{
    const json_t *entry = json_object_get(entries, file);
    const char *known = json_string_value(json_object_get(entry, "sha256"));
    const json_t *answer = json_object_get(entry, "answer");
    if (!known || strcmp(known, sha256) != 0 || !json_is_object(answer) ||
        json_integer_value(json_object_get(entry, "bytes")) != st->st_size ||
        json_integer_value(json_object_get(entry, "mtime_ns")) != mtime_ns(st) ||
        json_integer_value(json_object_get(entry, "inode")) != (json_int_t)st->st_ino) {
        return NULL;
    }
    int64_t age_us = hg_time_now_us() - json_integer_value(json_object_get(entry, "at_us"));
    bool failure = json_object_get(answer, "error") != NULL;
    return failure && (age_us < 0 || age_us > FAILURE_KEPT_US) ? NULL : answer;
}

int hg_registry_cache_put(json_t *entries,
                          const char *file,
                          const struct stat *st,
                          const char *sha256,
                          json_t *answer,
                          struct hg_error *err)
{
    json_t *entry = json_pack("{s:I, s:I, s:I, s:s, s:I, s:O}",
                              "bytes",
                              (json_int_t)st->st_size,
                              "mtime_ns",
                              mtime_ns(st),
                              "inode",
                              (json_int_t)st->st_ino,
                              "sha256",
                              sha256,
                              "at_us",
                              (json_int_t)hg_time_now_us(),
                              "answer",
                              answer);
    return json_object_set_new(entries, file, entry) ? hg_error_nomem(err) : HG_OK;
}
