/*
 * One test of `plugin check`. It runs in a child, where it may crash or hang.
 */
#ifndef HG_PLUGIN_CHECK_TEST_H
#define HG_PLUGIN_CHECK_TEST_H

#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "plugin/session.h"

enum hg_check_status { HG_CHECK_PASS = 'p', HG_CHECK_FAIL = 'f', HG_CHECK_SKIP = 's' };

struct hg_check {
    const char *file;
    const char *config_file; /* or NULL */
    int kind;                /* of the plugin under test; 0 for a test of the file */
    const char *id;
    char detail[512]; /* what was found; may stay empty when it passed */
};

struct hg_check_test {
    const char *name;
    const char *says; /* what a plugin that passes does */
    int kind;         /* 0: of the file; -1: of each plugin; else only of this kind */
    enum hg_check_status (*run)(struct hg_check *check);
};

/* The tests, in the order in which they run. */
extern const struct hg_check_test hg_check_file_tests[];
extern const size_t hg_check_n_file_tests;
extern const struct hg_check_test hg_check_connector_tests[];
extern const size_t hg_check_n_connector_tests;
extern const struct hg_check_test hg_check_rule_tests[];
extern const size_t hg_check_n_rule_tests;

/* ------------------------------------------------------------------------------------------ */
/* For tests                                                                                    */
/* ------------------------------------------------------------------------------------------ */

/* Writes the detail and returns the status. */
enum hg_check_status hg_check_fail(struct hg_check *check, const char *fmt, ...) HG_PRINTF(2, 3);
enum hg_check_status hg_check_skip(struct hg_check *check, const char *fmt, ...) HG_PRINTF(2, 3);
enum hg_check_status hg_check_pass(struct hg_check *check, const char *fmt, ...) HG_PRINTF(2, 3);
enum hg_check_status hg_check_error(struct hg_check *check,
                                    const char *what,
                                    const struct hg_error *err);

/* The plugin under test, opened; NULL with the detail written. */
const struct hg_plugin *hg_check_plugin(struct hg_check *check);
/*
 * The plugin and its configuration. HG_CHECK_SKIP when it requires some and none was given.
 * *ret_config is owned by the caller.
 */
enum hg_check_status hg_check_config(struct hg_check *check,
                                     const struct hg_plugin **ret_plugin,
                                     json_t **ret_config);
/* Bytes that this process holds, and file descriptors it has open. */
void hg_check_usage(size_t *ret_bytes, size_t *ret_fds);

#endif
