#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/env.h"
#include "base/mem.h"

static const char *value_of(char **list, const char *name)
{
    size_t n = strlen(name);
    for (; *list; list++) {
        if (strncmp(*list, name, n) == 0 && (*list)[n] == '=') {
            return *list + n + 1;
        }
    }
    return NULL;
}

static void test_no_secret_is_passed_on(void **state)
{
    (void)state;
    assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
    assert_int_equal(setenv("HEADGATE_ADMIN_PASSWORD", "canary-1", 1), 0);
    assert_int_equal(setenv("HEADGATE_DATABASE_URL", "postgresql://u:canary-2@h/d", 1), 0);
    assert_int_equal(setenv("PGPASSWORD", "canary-3", 1), 0);
    assert_int_equal(setenv("PATHS", "canary-4", 1), 0);
    HG_CLEANUP(hg_freep) char **list = hg_env_for_child();
    assert_non_null(list);
    assert_string_equal(value_of(list, "PATH"), "/usr/bin:/bin");
    for (char **entry = list; *entry; entry++) {
        assert_null(strstr(*entry, "canary"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_secret_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
