/*
 * Stores secrets and says whether they open, as a service of the host does; for end-to-end tests.
 *
 *     vault_tool put DATA_DIR CONNINFO N     stores N secrets "<value>-<n>"; the value is read from
 *                                            standard input, so that it is in no argument
 *     vault_tool check DATA_DIR CONNINFO N   ends with 0 when all of them open and are right
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "vault/vault.h"

static const char *const origins[] = {"https://hooks.example.com:443", NULL};

struct tool {
    struct hg_vault *vault;
    struct hg_db *db;
    char start[200]; /* of each value */
    char value[256];
};

static int put(struct tool *tool, const struct hg_secret_name *name, struct hg_error *err)
{
    int r = hg_db_begin(tool->db, err);
    r = r < 0 ? r
              : hg_vault_put(tool->vault, tool->db, name, tool->value, strlen(tool->value), err);
    return r < 0 ? r : hg_db_commit(tool->db, err);
}

static int check(struct tool *tool, const struct hg_secret_name *name, struct hg_error *err)
{
    HG_CLEANUP(hg_secret_freep) struct hg_secret *secret = NULL;
    int r = hg_vault_get(tool->vault, tool->db, name, &secret, err);
    if (r == HG_OK && strcmp(secret->value, tool->value) != 0) {
        r = hg_error_set(err, HG_EDATA, "\"%s\" is another one", name->owner);
    }
    return r;
}

static int each(struct tool *tool, const char *word, int64_t n, struct hg_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        char owner[32];
        (void)snprintf(owner, sizeof owner, "channel-%lld", (long long)i);
        (void)snprintf(tool->value, sizeof tool->value, "%s-%lld", tool->start, (long long)i);
        const struct hg_secret_name name = {"alert_channel", owner, "password", origins};
        int r = strcmp(word, "put") == 0 ? put(tool, &name, err) : check(tool, &name, err);
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

int main(int argc, char **argv)
{
    struct tool tool = {0};
    struct hg_pool *pool = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int64_t n = 0;
    if (argc != 5 || !fgets(tool.start, sizeof tool.start, stdin)) {
        (void)fprintf(stderr, "usage: vault_tool put|check DATA_DIR CONNINFO N < VALUE\n");
        return 2;
    }
    tool.start[strcspn(tool.start, "\n")] = '\0';
    struct hg_vault_options options = {NULL, NULL, argv[2], NULL};
    int r = hg_parse_int64(argv[4], 0, 1000000, &n, &err);
    r = r < 0 ? r : hg_pool_new(argv[3], 2, "vault_tool", &pool, &err);
    options.metadata = pool;
    r = r < 0 ? r : hg_vault_open(&options, &tool.vault, &err);
    r = r < 0 ? r : hg_pool_borrow(pool, 10000, &tool.db, &err);
    r = r < 0 ? r : each(&tool, argv[1], n, &err);
    hg_db_return(tool.db);
    hg_vault_close(tool.vault);
    hg_pool_free(pool);
    if (r < 0) {
        (void)fprintf(stderr, "vault_tool: %s\n", err.message);
        return 1;
    }
    return 0;
}
