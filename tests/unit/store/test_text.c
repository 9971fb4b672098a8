/* What needs no server: names and literals, connection strings, SQLSTATEs, failures of programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "store/conninfo.h"
#include "store/failure.h"
#include "store/programs.h"
#include "store/socket_folder.h"

static void test_identifiers(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    hg_quote_ident(&sql, "plain");
    hg_quote_ident(&sql, "with \"quotes\"; drop table x");
    assert_string_equal(hg_buf_text(&sql), "\"plain\"\"with \"\"quotes\"\"; drop table x\"");
}

static void test_tables(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_quote_table(&sql, "market.daily prices", &err), HG_OK);
    assert_string_equal(hg_buf_text(&sql), "\"market\".\"daily prices\"");
    static const char *const bad[] = {
        "",
        "table",
        ".table",
        "schema.",
        "a.b.c",
        "\xff.t",
        "a.0123456789012345678901234567890123456789012345678901234567890123",
    };
    for (size_t i = 0; i < HG_COUNT(bad); i++) {
        size_t before = sql.len;
        assert_int_equal(hg_quote_table(&sql, bad[i], &err), HG_EINVAL);
        assert_int_equal(sql.len, before);
        assert_non_null(strstr(err.hint, "schema.table"));
    }
    assert_int_equal(hg_quote_table(&sql, "nope", NULL), HG_EINVAL);
}

static void test_literals(void **state)
{
    (void)state;
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    hg_quote_literal(&sql, "it's");
    hg_quote_literal(&sql, "a\\'b");
    assert_string_equal(hg_buf_text(&sql), "'it''s' E'a\\\\''b'");
}

static void test_conninfo(void **state)
{
    (void)state;
    HG_CLEANUP(hg_freep) char *out = NULL;
    HG_CLEANUP(hg_freep) char *name = NULL;
    HG_CLEANUP(hg_freep) char *password = NULL;
    HG_CLEANUP(hg_freep) char *none = NULL;
    const struct hg_conninfo_part parts[] = {
        {"dbname", "it's \\ odd"}, {"password", NULL}, {"user", "u"}, {NULL, NULL}};
    const char *url = "postgresql://me:hunter2@db.example:5433/a%20b?sslmode=require";
    assert_int_equal(hg_conninfo_with(url, parts, &out, NULL), HG_OK);
    assert_null(strstr(out, "hunter2"));
    assert_non_null(strstr(out, "host='db.example'"));
    assert_non_null(strstr(out, "sslmode='require'"));
    assert_int_equal(hg_conninfo_get(out, "dbname", &name, NULL), HG_OK);
    assert_string_equal(name, "it's \\ odd");
    assert_int_equal(hg_conninfo_get(url, "password", &password, NULL), HG_OK);
    assert_string_equal(password, "hunter2");
    assert_int_equal(hg_conninfo_get(url, "options", &none, NULL), HG_OK);
    assert_null(none);
}

static void test_bad_conninfo_is_not_quoted(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_conninfo_check("user=me hunter2", &err), HG_EINVAL);
    assert_null(strstr(err.message, "hunter2"));
    assert_int_equal(hg_conninfo_check("dbname=x", &err), HG_OK);
}

static void test_sqlstates(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        int code;
        int retryable;
    } rows[] = {
        {"23505", HG_EEXIST, 0},
        {"23514", HG_EDATA, 0},
        {"40001", HG_ECONFLICT, 1},
        {"40P01", HG_ECONFLICT, 1},
        {"08006", HG_EUNAVAILABLE, 1},
        {"53100", HG_EUNAVAILABLE, 1},
        {"53300", HG_EUNAVAILABLE, 1},
        {"57014", HG_ECANCELLED, 0},
        {"57P03", HG_EUNAVAILABLE, 1},
        {"42501", HG_EFORBIDDEN, 0},
        {"42601", HG_EINVAL, 0},
        {"28P01", HG_EUNAUTHENTICATED, 0},
        {"3D000", HG_ENOTFOUND, 0},
        {"0A000", HG_ENOTSUP, 0},
        {"54000", HG_ETOOBIG, 0},
        {"XX000", HG_EINTERNAL, 0},
        {"ZZ999", HG_EINTERNAL, 0},
    };
    for (size_t i = 0; i < HG_COUNT(rows); i++) {
        int retryable = -1;
        assert_int_equal(hg_sqlstate_code(rows[i].sqlstate, &retryable), rows[i].code);
        assert_int_equal(retryable, rows[i].retryable);
    }
}

static void test_failures_of_programs(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_pg_failure("cannot start",
                                   "LOG:  x\nFATAL:  could not write: No space left on device\n",
                                   &err),
                     HG_EUNAVAILABLE);
    assert_string_equal(err.message, "cannot start: could not write: No space left on device");
    assert_non_null(strstr(err.hint, "Free space"));
    assert_int_equal(
        hg_pg_failure("cannot make", "initdb: error: invalid locale name \"C.UTF-8\"\n", &err),
        HG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "locales"));
    assert_int_equal(hg_pg_failure("cannot start", "", &err), HG_EUNAVAILABLE);
    assert_string_equal(err.message, "cannot start: it gave no message");
}

static void test_programs_missing(void **state)
{
    (void)state;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_pg_programs programs;
    HG_CLEANUP(hg_freep) char *path = strdup(getenv("PATH"));
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    int any = hg_pg_programs_find("/nowhere", 0, &programs, &err);
    assert_int_equal(any, HG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "apt-get install postgresql-15"));
    int exact = hg_pg_programs_find("/nowhere", 16, &programs, &err);
    assert_int_equal(exact, HG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "postgresql-16"));
    assert_int_equal(setenv("PATH", path, 1), 0);
}

static void test_programs_in_path(void **state)
{
    (void)state;
    struct hg_pg_programs installed;
    struct hg_pg_programs found;
    HG_CLEANUP(hg_freep) char *path = strdup(getenv("PATH"));
    assert_int_equal(hg_pg_programs_find(NULL, 0, &installed, NULL), HG_OK);
    assert_int_equal(setenv("PATH", installed.folder, 1), 0);
    int r = hg_pg_programs_find("/nowhere", 0, &found, NULL);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(r, HG_OK);
    assert_int_equal(found.major, installed.major);
    assert_string_equal(found.folder, installed.folder);
}

static void test_socket_folder(void **state)
{
    (void)state;
    char *scratch = make_scratch();
    char first[HG_SOCKET_FOLDER_BYTES];
    char again[HG_SOCKET_FOLDER_BYTES];
    char other[HG_SOCKET_FOLDER_BYTES];
    struct stat st;
    struct hg_error err = HG_ERROR_INIT;
    assert_int_equal(hg_socket_folder_make("/data/one", scratch, first, NULL), HG_OK);
    assert_int_equal(stat(first, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(hg_socket_folder_make("/data/one", scratch, again, NULL), HG_OK);
    assert_string_equal(first, again);
    assert_int_equal(hg_socket_folder_make("/data/two", scratch, other, NULL), HG_OK);
    assert_string_not_equal(first, other);

    /* Open to others: another one is used. */
    assert_int_equal(chmod(first, 0755), 0);
    assert_int_equal(hg_socket_folder_check(first, &err), HG_EFORBIDDEN);
    assert_non_null(strstr(err.message, "0755"));
    assert_int_equal(hg_socket_folder_make("/data/one", scratch, again, NULL), HG_OK);
    assert_string_not_equal(first, again);

    /* A link is not followed. */
    assert_int_equal(rmdir(first), 0);
    assert_int_equal(symlink(other, first), 0);
    assert_int_equal(hg_socket_folder_check(first, NULL), HG_EFORBIDDEN);
    remove_scratch(scratch);
}

static void test_socket_path_is_short(void **state)
{
    (void)state;
    char path[HG_SOCKET_FOLDER_BYTES];
    char base[120];
    memset(base, 'x', sizeof base - 1);
    base[0] = '/';
    base[sizeof base - 1] = '\0';
    assert_int_equal(hg_socket_folder_make("/d", base, path, NULL), HG_EINVAL);
    assert_true(HG_SOCKET_FOLDER_BYTES - 1 + sizeof "/.s.PGSQL.5432" - 1 <= 107);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_conninfo),
        cmocka_unit_test(test_bad_conninfo_is_not_quoted),
        cmocka_unit_test(test_sqlstates),
        cmocka_unit_test(test_failures_of_programs),
        cmocka_unit_test(test_programs_missing),
        cmocka_unit_test(test_programs_in_path),
        cmocka_unit_test(test_socket_folder),
        cmocka_unit_test(test_socket_path_is_short),
    };
    return cmocka_run_group_tests_name("store/text", tests, NULL, NULL);
}
