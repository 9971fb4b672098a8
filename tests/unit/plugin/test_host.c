#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "plugin/host_services.h"
#include "temp.h"

struct heard {
    int level;
    char text[16384];
    int64_t rows;
    int64_t rows_total;
    bool cancelled;
};

static void hear_log(void *arg, int level, const char *text)
{
    struct heard *heard = arg;
    heard->level = level;
    (void)snprintf(heard->text, sizeof heard->text, "%s", text);
}

static bool hear_cancelled(void *arg)
{
    return ((struct heard *)arg)->cancelled;
}

static void hear_progress(void *arg, int64_t rows, int64_t rows_total)
{
    struct heard *heard = arg;
    heard->rows = rows;
    heard->rows_total = rows_total;
}

static void test_services(void **state)
{
    (void)state;
    struct heard heard = {.level = 0};
    struct hg_host_services *services;
    const struct hg_host_services_options options = {
        .arg = &heard, .log = hear_log, .is_cancelled = hear_cancelled, .progress = hear_progress};
    assert_int_equal(hg_host_services_new(&options, &services, NULL), HG_OK);
    const struct hg_host *host = hg_host_services_host(services);
    assert_int_equal(host->struct_size, sizeof *host);
    host->log(host, HG_LOG_WARNING, "look");
    assert_int_equal(heard.level, HG_LOG_WARNING);
    assert_string_equal(heard.text, "look");
    host->log(host, 99, "x");
    assert_int_equal(heard.level, HG_LOG_ERROR);
    host->log(host, -1, NULL);
    assert_string_equal(heard.text, "x");
    assert_false(host->is_cancelled(host));
    heard.cancelled = true;
    assert_true(host->is_cancelled(host));
    host->progress(host, 5, -1);
    assert_int_equal(heard.rows, 5);
    int64_t now_ms = hg_time_now_us() / 1000;
    assert_true(host->now_ms(host) >= now_ms);
    assert_ptr_equal(hg_host_services_arg(host), &heard);
    hg_host_services_free(services);
}

/* A line that is too long is cut, and not in the middle of a character. */
static void test_long_line(void **state)
{
    (void)state;
    static struct heard heard;
    static char line[9000];
    struct hg_host_services *services;
    const struct hg_host_services_options options = {.arg = &heard, .log = hear_log};
    assert_int_equal(hg_host_services_new(&options, &services, NULL), HG_OK);
    const struct hg_host *host = hg_host_services_host(services);
    line[0] = 'a';
    for (size_t i = 1; i + 2 < sizeof line; i += 2) {
        memcpy(line + i, "\xC3\xA4", 2);
    }
    host->log(host, HG_LOG_INFO, line);
    assert_int_equal(strlen(heard.text), 8191);
    hg_host_services_free(services);
}

static void test_extensions(void **state)
{
    static const struct hg_state state_table = {sizeof state_table, NULL};
    struct hg_host_services *services;
    struct hg_error err = HG_ERROR_INIT;
    (void)make_folder(state);
    temp_write(temp_path(folder, "a.txt"), "hello");
    const char *const roots[] = {folder, NULL};
    const struct hg_host_services_options options = {.base_folder = folder, .file_roots = roots};
    assert_int_equal(hg_host_services_new(&options, &services, NULL), HG_OK);
    const struct hg_host *host = hg_host_services_host(services);
    assert_null(host->get_extension(host, HG_EXT_STATE));
    assert_int_equal(hg_host_services_offer(services, HG_EXT_STATE, &state_table, NULL), HG_OK);
    assert_ptr_equal(host->get_extension(host, HG_EXT_STATE), &state_table);
    assert_null(host->get_extension(host, "headgate.state/2"));
    assert_null(host->get_extension(host, NULL));
    const struct hg_file *file = host->get_extension(host, HG_EXT_FILE);
    assert_non_null(file);
    int fd = -1;
    assert_int_equal(file->open_read(host, "a.txt", &fd, NULL), HG_OK);
    (void)close(fd);
    assert_int_equal(file->open_read(host, "/etc/passwd", &fd, &err), HG_EFORBIDDEN);
    assert_int_equal(file->open_temp(host, &fd, NULL), HG_OK);
    (void)close(fd);
    /* Nothing is asked and nobody listens: no harm. */
    host->log(host, HG_LOG_INFO, "x");
    host->progress(host, 1, 2);
    assert_false(host->is_cancelled(host));
    int r = HG_OK;
    for (int i = 0; i < 20 && !r; i++) {
        r = hg_host_services_offer(services, "headgate.more/1", &state_table, NULL);
    }
    assert_int_equal(r, HG_EINTERNAL);
    hg_host_services_free(services);
    (void)remove_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
