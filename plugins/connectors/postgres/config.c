#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

#define FIELD(KEY, TYPE) .key = #KEY, .type = (TYPE), .offset = offsetof(struct pg_config, KEY)

static const struct hg_config_field fields[] = {
    {FIELD(url, HG_CONFIG_TEXT)},
    {FIELD(host, HG_CONFIG_TEXT)},
    {FIELD(port, HG_CONFIG_INT32)},
    {FIELD(dbname, HG_CONFIG_TEXT)},
    {FIELD(user, HG_CONFIG_TEXT)},
    {FIELD(sslmode, HG_CONFIG_TEXT)},
    {FIELD(sslrootcert, HG_CONFIG_TEXT)},
    {FIELD(password, HG_CONFIG_TEXT)},
    {FIELD(table, HG_CONFIG_TEXT)},
    {FIELD(query, HG_CONFIG_TEXT)},
    {FIELD(columns, HG_CONFIG_TEXTS)},
    {FIELD(types, HG_CONFIG_MAP)},
    {FIELD(cursor, HG_CONFIG_TEXT)},
    {FIELD(key, HG_CONFIG_TEXTS)},
    {FIELD(lag_seconds, HG_CONFIG_INT64)},
    {FIELD(connect_timeout_ms, HG_CONFIG_INT64)},
    {FIELD(statement_timeout_ms, HG_CONFIG_INT64)},
    {FIELD(lock_timeout_ms, HG_CONFIG_INT64)},
};

#define N_FIELDS (sizeof fields / sizeof fields[0])

static hg_status wrong(struct hg_error *err, const char *pointer, const char *message)
{
    hg_fail(err, HG_EINVAL, "%s", message);
    return hg_fail_pointer(err, HG_EINVAL, "%s", pointer);
}

static hg_status check(const struct pg_config *c, struct hg_error *err)
{
    if (c->url && (c->host || c->dbname || c->user || c->port || c->sslmode)) {
        return wrong(err, "/url", "give either url, or host, port, dbname, user and sslmode");
    }
    if (!c->url && !c->host) {
        return wrong(err, "/host", "neither url nor host says where the database is");
    }
    if (c->table && c->query) {
        return wrong(err, "/query", "give either a table or a query");
    }
    if (!c->cursor && c->lag_seconds > 0) {
        return wrong(err, "/lag_seconds", "lag_seconds is for reads by a cursor");
    }
    if (!c->cursor && c->key.n > 0) {
        return wrong(err, "/key", "a key is for reads by a cursor");
    }
    return HG_OK;
}

hg_status pg_config_read(const char *json, struct pg_config **ret, struct hg_error *err)
{
    struct pg_config *config = calloc(1, sizeof *config);
    if (!config) {
        return hg_fail_nomem(err);
    }
    config->connect_timeout_ms = 10000;
    config->lock_timeout_ms = 10000;
    hg_status status = hg_config_read(json, fields, N_FIELDS, config, err);
    if (status) {
        free(config);
        return status;
    }
    status = check(config, err);
    if (status) {
        pg_config_free(config);
        return status;
    }
    *ret = config;
    return HG_OK;
}

void pg_config_free(struct pg_config *config)
{
    if (!config) {
        return;
    }
    if (config->password) {
        explicit_bzero(config->password, strlen(config->password));
    }
    hg_config_free(fields, N_FIELDS, config);
    free(config);
}
