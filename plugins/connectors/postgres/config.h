/*
 * The configuration of an instance.
 */
#ifndef POSTGRES_CONFIG_H
#define POSTGRES_CONFIG_H

#include "headgate/config.h"

struct pg_config {
    char *url;
    char *host;
    int32_t port;
    char *dbname;
    char *user;
    char *sslmode;
    char *sslrootcert;
    char *password;
    char *table;
    char *query;
    struct hg_config_list columns; /* of char *; empty: all */
    struct hg_config_list types;   /* struct hg_config_pair: column, type */
    char *cursor;
    struct hg_config_list key; /* of char * */
    int64_t lag_seconds;
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms;
    int64_t lock_timeout_ms;
};

/* *ret is freed with pg_config_free. HG_EINVAL with err->pointer for what the schema cannot say. */
hg_status pg_config_read(const char *json, struct pg_config **ret, struct hg_error *err);
/* Takes NULL. */
void pg_config_free(struct pg_config *config);

#endif
