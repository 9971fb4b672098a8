/*
 * One server for the program, a vault with a file of its own for each test.
 */
#ifndef TEST_VAULT_FIXTURE_H
#define TEST_VAULT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg.h"
#include "scratch.h"
#include "vault/vault.h"

extern struct hg_test_pg *pg;
extern struct hg_pool *pool;
extern struct hg_vault *vault;
extern char data_dir[HG_SCRATCH_BYTES];
extern char key_file[HG_SCRATCH_BYTES + 32]; /* <data_dir>/master.key */

int start_server(void **state);
int stop_server(void **state);
/* An empty database, no file, a vault. */
int open_vault(void **state);
int close_vault(void **state);

/* Opens the vault anew, as a host that starts. */
int reopen(struct hg_error *err);
void must_reopen(void);

struct hg_db *borrow(void);
/* Stores "<owner>:<field>" a value, in a transaction of its own. */
int put(const char *owner, const char *field, const char *value, struct hg_error *err);
void must_put(const char *owner, const char *field, const char *value);
int get(const char *owner, const char *field, struct hg_secret **ret, struct hg_error *err);
void must_get(const char *owner, const char *field, const char *value);
/* It must fail with this code and give nothing. */
void must_not_get(const char *owner, const char *field, int code, const char *says);

void sql(const char *text);
int64_t number(const char *text);
/* Of the file; owned by the caller, free. */
char *read_keys(void);
void write_keys(const char *text);

#endif
