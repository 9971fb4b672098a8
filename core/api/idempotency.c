#include "api/idempotency.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/time.h"

enum {
    ENTRIES = 512,
    KEY_MAX = 255,
    HASH_BYTES = 32,
    KEEP_MS = 24 * 3600 * 1000,
};

enum { N_KEPT = 2 };

static const char *const kept_headers[N_KEPT] = {"Location", "ETag"};

enum entry_state {
    ENTRY_FREE = 0,
    ENTRY_BUSY, /* the first request is under way */
    ENTRY_DONE,
};

struct entry {
    enum entry_state state;
    unsigned char id[HASH_BYTES];   /* of user, role, method, address and key */
    unsigned char body[HASH_BYTES]; /* of the request's body */
    int64_t at_ms;                  /* monotonic */
    int status;
    char *answer;
    char *headers[N_KEPT]; /* the values of kept_headers, NULL without */
};

struct hg_idempotency {
    pthread_mutex_t mutex; /* guards the entries */
    struct entry entries[ENTRIES];
};

int hg_idempotency_new(struct hg_idempotency **ret, struct hg_error *err)
{
    struct hg_idempotency *store = calloc(1, sizeof *store);
    if (!store) {
        return hg_error_nomem(err);
    }
    (void)pthread_mutex_init(&store->mutex, NULL);
    *ret = store;
    return HG_OK;
}

static void clear_entry(struct entry *entry)
{
    free(entry->answer);
    for (size_t i = 0; i < N_KEPT; i++) {
        free(entry->headers[i]);
    }
    memset(entry, 0, sizeof *entry);
}

void hg_idempotency_free(struct hg_idempotency *store)
{
    if (!store) {
        return;
    }
    for (size_t i = 0; i < ENTRIES; i++) {
        clear_entry(&store->entries[i]);
    }
    (void)pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* ---- which request it is ---- */

static int hash_parts(const char *const *parts,
                      size_t n_parts,
                      unsigned char ret[HASH_BYTES],
                      struct hg_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < n_parts; i++) {
        /* With its NUL, so that no two lists of parts are the same bytes. */
        ok = EVP_DigestUpdate(context, parts[i], strlen(parts[i]) + 1) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, ret, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok ? HG_OK : hg_error_set(err, HG_EINTERNAL, "cannot hash a request");
}

static int check_key(struct hg_http_request *request, const char *key, struct hg_error *err)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++) {
        n = isprint((unsigned char)key[i]) ? n : 0;
    }
    if (n == 0 || n > KEY_MAX) {
        return hg_http_bad_request(
            request, err, "the Idempotency-Key is not 1 to %d printable characters", KEY_MAX);
    }
    return HG_OK;
}

static int identify(struct hg_http_request *request,
                    const char *key,
                    struct entry *ret,
                    struct hg_error *err)
{
    const char *const whose[] = {
        request->principal.username,
        hg_role_name(request->principal.role),
        request->method,
        request->target.path,
        key,
    };
    const char *const body[] = {hg_buf_text(&request->body)};
    int r = check_key(request, key, err);
    r = r < 0 ? r : hash_parts(whose, HG_COUNT(whose), ret->id, err);
    return r < 0 ? r : hash_parts(body, HG_COUNT(body), ret->body, err);
}

/* ---- the entries; with the mutex held ---- */

static struct entry *find(struct hg_idempotency *store, const unsigned char *id)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *entry = &store->entries[i];
        if (entry->state != ENTRY_FREE && memcmp(entry->id, id, HASH_BYTES) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* A free one, else the oldest that is done; NULL when requests are under way in all of them. */
static struct entry *make_room(struct hg_idempotency *store)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *entry = &store->entries[i];
        if (entry->state == ENTRY_FREE) {
            return entry;
        }
        if (entry->state == ENTRY_DONE && (!oldest || entry->at_ms < oldest->at_ms)) {
            oldest = entry;
        }
    }
    if (oldest) {
        clear_entry(oldest);
    }
    return oldest;
}

static int replay(const struct entry *entry, struct hg_http_request *request, struct hg_error *err)
{
    int r = hg_http_answer_text(request, entry->status, "application/json", entry->answer, err);
    for (size_t i = 0; r == HG_OK && i < N_KEPT; i++) {
        if (entry->headers[i]) {
            r = hg_http_answer_header(request, kept_headers[i], entry->headers[i], err);
        }
    }
    return r;
}

/* Answers from the entry, or fails because it cannot. */
static int use_entry(const struct entry *entry,
                     const struct entry *wanted,
                     struct hg_http_request *request,
                     struct hg_error *err)
{
    if (memcmp(entry->body, wanted->body, HASH_BYTES) != 0) {
        (void)hg_error_set(err, HG_EINVAL, "this Idempotency-Key came with another body before");
        return hg_error_hint(err, "Use a new key for each new request.");
    }
    if (entry->state == ENTRY_BUSY) {
        return hg_error_set(
            err, HG_ECONFLICT, "the first request with this Idempotency-Key is still under way");
    }
    return replay(entry, request, err);
}

/* Sets *ret_entry when the handler is to run; the entry stays until end(). */
static int begin(struct hg_idempotency *store,
                 const struct entry *wanted,
                 struct hg_http_request *request,
                 struct entry **ret_entry,
                 struct hg_error *err)
{
    HG_LOCK(&store->mutex);
    int64_t now_ms = hg_time_monotonic_ms();
    struct entry *entry = find(store, wanted->id);
    if (entry && entry->state == ENTRY_DONE && now_ms - entry->at_ms > KEEP_MS) {
        clear_entry(entry);
        entry = NULL;
    }
    if (entry) {
        return use_entry(entry, wanted, request, err);
    }
    entry = make_room(store);
    if (!entry) {
        return hg_error_set(err, HG_EUNAVAILABLE, "too many requests are under way");
    }
    *entry = *wanted;
    entry->state = ENTRY_BUSY;
    entry->at_ms = now_ms;
    *ret_entry = entry;
    return HG_OK;
}

static char *copy_header(const struct hg_http_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->n_headers; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            return strdup(answer->headers[i].value);
        }
    }
    return NULL;
}

/* What is kept of an answer: all of it but the value of `secret`, which is shown once. */
static char *copy_body(const struct hg_http_answer *answer, const char *secret)
{
    if (!secret) {
        return strndup(answer->body ? answer->body : "", answer->n_body);
    }
    HG_CLEANUP(hg_json_decrefp) json_t *body = json_loadb(answer->body, answer->n_body, 0, NULL);
    if (!body || json_object_set_new(body, secret, json_null()) < 0) {
        return NULL;
    }
    return json_dumps(body, JSON_COMPACT);
}

/* Keeps a good answer; forgets the request otherwise. */
static void end(struct hg_idempotency *store,
                struct entry *entry,
                const struct hg_http_answer *answer,
                const char *secret)
{
    char *text = answer ? copy_body(answer, secret) : NULL;
    HG_LOCK(&store->mutex);
    if (!text) {
        clear_entry(entry);
        return;
    }
    entry->state = ENTRY_DONE;
    entry->status = answer->status;
    entry->answer = text;
    for (size_t i = 0; i < N_KEPT; i++) {
        entry->headers[i] = copy_header(answer, kept_headers[i]);
    }
}

int hg_idempotency_run_once(struct hg_idempotency *store,
                            hg_http_handler *handler,
                            const char *secret,
                            struct hg_http_request *request,
                            struct hg_error *err)
{
    struct entry wanted = {.state = ENTRY_FREE};
    struct entry *entry = NULL;
    const char *key = hg_http_header(request, "Idempotency-Key");
    if (!key) {
        return handler(request, err);
    }
    int r = identify(request, key, &wanted, err);
    r = r < 0 ? r : begin(store, &wanted, request, &entry, err);
    if (r < 0 || !entry) {
        return r;
    }
    r = handler(request, err);
    end(store, entry, r == HG_OK ? &request->answer : NULL, secret);
    return r;
}

int hg_idempotency_run(struct hg_idempotency *store,
                       hg_http_handler *handler,
                       struct hg_http_request *request,
                       struct hg_error *err)
{
    return hg_idempotency_run_once(store, handler, NULL, request, err);
}
