#include "auth/password.h"

#include <pthread.h>
#include <string.h>

#include <argon2.h>

#include "base/mem.h"
#include "base/uuid.h"

enum {
    MEMORY_KIB = 19 * 1024,
    PASSES = 2,
    LANES = 1,
    SALT_BYTES = 16,
    HASH_BYTES = 32,
    AT_ONCE = 2,
    WAITING_MAX = 4,
};

/* Bounds how many hashes are worked on at once. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t left;
    int working;
    int waiting;
    unsigned long worked;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

static int enter(struct hg_error *err)
{
    HG_LOCK(&gate.mutex);
    if (gate.working >= AT_ONCE && gate.waiting >= WAITING_MAX) {
        int r = hg_error_set(err, HG_EUNAVAILABLE, "too many people sign in at this moment");
        if (err) {
            err->retryable = 1;
            err->retry_after_ms = 1000;
        }
        return r;
    }
    gate.waiting++;
    while (gate.working >= AT_ONCE) {
        (void)pthread_cond_wait(&gate.left, &gate.mutex);
    }
    gate.waiting--;
    gate.working++;
    return HG_OK;
}

static void leave(void)
{
    HG_LOCK(&gate.mutex);
    gate.working--;
    gate.worked++;
    (void)pthread_cond_signal(&gate.left);
}

static int argon2_failed(int code, struct hg_error *err)
{
    if (code == ARGON2_MEMORY_ALLOCATION_ERROR) {
        return hg_error_nomem(err);
    }
    return hg_error_set(err, HG_EDATA, "cannot hash a password: %s", argon2_error_message(code));
}

int hg_password_hash(const char *password,
                     char ret_hash[HG_PASSWORD_HASH_TEXT],
                     struct hg_error *err)
{
    unsigned char salt[SALT_BYTES];
    char hash[HG_PASSWORD_HASH_TEXT];
    size_t n = strlen(password);
    if (n == 0 || n > HG_PASSWORD_MAX) {
        return hg_error_set(err, HG_EINVAL, "a password has 1 to %d bytes", HG_PASSWORD_MAX);
    }
    int r = hg_random_bytes(salt, sizeof salt, err);
    r = r < 0 ? r : enter(err);
    if (r < 0) {
        return r;
    }
    int code = argon2id_hash_encoded(
        PASSES, MEMORY_KIB, LANES, password, n, salt, sizeof salt, HASH_BYTES, hash, sizeof hash);
    leave();
    if (code != ARGON2_OK) {
        return argon2_failed(code, err);
    }
    memcpy(ret_hash, hash, sizeof hash);
    return HG_OK;
}

int hg_password_verify(const char *hash,
                       const char *password,
                       bool *ret_matches,
                       struct hg_error *err)
{
    size_t n = strlen(password);
    int r = enter(err);
    if (r < 0) {
        return r;
    }
    int code = argon2id_verify(hash, password, n > HG_PASSWORD_MAX ? 0 : n);
    leave();
    if (code != ARGON2_OK && code != ARGON2_VERIFY_MISMATCH) {
        return argon2_failed(code, err);
    }
    *ret_matches = code == ARGON2_OK && n > 0 && n <= HG_PASSWORD_MAX;
    return HG_OK;
}

int hg_password_verify_nobody(const char *password, struct hg_error *err)
{
    /* A hash of random bytes that nobody kept, with the parameters above. */
    static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIG91cnM$"
                                 "ZbQqL6n0xk2eY1T8mWc4vJ9sRf7uPdG5hXoKaN3iBtE";
    bool matches = false;
    return hg_password_verify(nobody, password, &matches, err);
}

unsigned long hg_password_worked(void)
{
    HG_LOCK(&gate.mutex);
    return gate.worked;
}

int hg_password_generate(char ret[25], struct hg_error *err)
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789A"; /* 32, none like another */
    unsigned char random[24];
    int r = hg_random_bytes(random, sizeof random, err);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        ret[i] = letters[random[i] % 32];
    }
    ret[sizeof random] = '\0';
    return HG_OK;
}
