/* Random rows as python's csv module writes them come back as they were. */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_host.h"
#include "input.h"

static char *slurp(const struct fake *fake, const char *name, const char *ending)
{
    char path[256];
    char *text = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s%s", fake->dir, name, ending);
    FILE *in = fopen(path, "rbe");
    assert_non_null(in);
    FILE *out = open_memstream(&text, &n);
    int c;
    while ((c = fgetc(in)) != EOF) {
        fputc(c, out);
    }
    fclose(in);
    fclose(out);
    return text;
}

static void make_rows(struct fake *fake, int seed)
{
    char number[16];
    char python[] = "/usr/bin/python3";
    char script[512];
    snprintf(script, sizeof script, "%s/make_rows.py", CSV_TESTS_DIR);
    snprintf(number, sizeof number, "%d", seed);
    char *argv[] = {python, script, fake->dir, number, NULL};
    pid_t pid;
    int status = 1;
    assert_int_equal(posix_spawn(&pid, python, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void check_dialect(struct fake *fake, const char *name, int seed)
{
    char *more = slurp(fake, name, ".more");
    char *columns = strchr(more, '\n');
    *columns++ = '\0';
    *strchr(columns, '\n') = '\0';
    char *expected = slurp(fake, name, ".expected");
    char file[64];
    snprintf(file, sizeof file, "%s.csv", name);
    char *config = fake_config(fake, file, columns, more);
    fake_clear(fake);
    char *found = fake_read(fake, config, NULL, 100, false);
    if (!found) {
        fail_msg("seed %d, %s: %s", seed, name, fake->err.message);
        return;
    }
    if (strcmp(found, expected) != 0 || fake->n_rejects > 0) {
        size_t at = 0;
        while (found[at] && found[at] == expected[at]) {
            at++;
        }
        fail_msg("seed %d, %s, at %zu: \"%.60s\" expected, \"%.60s\" found; %s",
                 seed,
                 name,
                 at,
                 expected + at,
                 found + at,
                 fake->rejects ? fake->rejects : "");
    }
    free(found);
    free(config);
    free(expected);
    free(more);
}

static void test_round_trips(void **state)
{
    (void)state;
    static const char *const names[] = {
        "rfc", "unix", "mac", "all", "semicolon", "tab", "apostrophe", "escape", "nothing"};
    static const size_t reads[] = {SIZE_MAX, 7, 1};
    if (access("/usr/bin/python3", X_OK) != 0) {
        skip();
    }
    struct fake fake;
    fake_init(&fake);
    for (int seed = 1; seed <= 12; seed++) {
        make_rows(&fake, seed);
        src_file_read_most = reads[seed % 3];
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            check_dialect(&fake, names[i], seed);
        }
    }
    src_file_read_most = SIZE_MAX;
    fake_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
