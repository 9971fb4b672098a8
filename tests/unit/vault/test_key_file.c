/* The file of master keys: what is taken, what is refused, how it is written. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/io.h"
#include "scratch.h"
#include "vault/key_file.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static char folder[HG_SCRATCH_BYTES];
static char path[HG_SCRATCH_BYTES + 32];

static int make_folder(void **state)
{
    (void)state;
    int r = hg_scratch_make("keys", folder);
    (void)snprintf(path, sizeof path, "%s/master.key", folder);
    return r;
}

static int remove_folder(void **state)
{
    (void)state;
    return hg_scratch_remove(folder);
}

static int remove_file(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void write_text(const char *text, mode_t mode)
{
    (void)unlink(path);
    assert_int_equal(hg_write_file(path, 0600, text, strlen(text), NULL), HG_OK);
    assert_int_equal(chmod(path, mode), 0);
}

/* Reads the file; it must fail with this code, and say this, without a digit of a key. */
static void refuses(int code, const char *says)
{
    struct hg_error err = HG_ERROR_INIT;
    struct hg_keyring *keyring = NULL;
    assert_int_equal(hg_key_file_read(path, &keyring, &err), code);
    assert_null(keyring);
    if (!strstr(err.message, says) && !strstr(err.hint, says)) {
        fail_msg("\"%s\" says nothing of \"%s\"", err.message, says);
    }
    assert_null(strstr(err.message, "aabb"));
    assert_null(strstr(err.message, "zz"));
    assert_non_null(strstr(err.message, path));
}

static void test_reads(void **state)
{
    (void)state;
    HG_CLEANUP(hg_keyring_freep) struct hg_keyring *keyring = NULL;
    struct hg_error err = HG_ERROR_INIT;
    write_text("# a comment\n\n  7\t " DIGITS " \r\n3 11" DIGITS "\n", 0400);
    refuses(HG_EDATA, "line 4: key 3 is not written with 64 hex digits");
    write_text("# a comment\n\n  7\t " DIGITS " \r\n3 " DIGITS, 0400);
    if (hg_key_file_read(path, &keyring, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(keyring->n, 2);
    assert_int_equal(keyring->keys[0].kid, 3);
    assert_int_equal(hg_keyring_newest(keyring)->kid, 7);
    assert_int_equal(keyring->keys[1].key[1], 0x11);
    assert_int_equal(keyring->keys[1].key[31], 0xff);
    /* Of the same key under another number. */
    assert_memory_equal(keyring->keys[0].key, keyring->keys[1].key, HG_KEY_BYTES);
    assert_memory_not_equal(keyring->keys[0].check, keyring->keys[1].check, HG_CHECK_BYTES);
    assert_null(hg_keyring_find(keyring, 4));
}

static void test_what_it_cannot_hold(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"1 " DIGITS "\n1 " DIGITS "\n", "line 2: key 1 is there twice"},
        {"1 zz112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n", "line 1: key 1"},
        {"1 0000000000000000000000000000000000000000000000000000000000000000\n", "line 1: key 1"},
        {DIGITS "\n", "line 1"},
        {"0 " DIGITS "\n", "line 1"},
        {"-1 " DIGITS "\n", "line 1"},
        {"2147483648 " DIGITS "\n", "line 1"},
        {"99999999999999999999999 " DIGITS "\n", "line 1"},
        {"1" DIGITS "\n", "line 1"},
        {"1 \n", "line 1"},
        {"1\n", "line 1"},
        {"1 " DIGITS "00\n", "line 1: key 1"},
        {"key: " DIGITS "\n", "line 1"},
    };
    for (size_t i = 0; i < HG_COUNT(cases); i++) {
        {
            write_text(cases[i].text, 0600);
            refuses(HG_EDATA, cases[i].says);
        }
    }
    char line[100];
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 1; i <= HG_KEYS_MAX + 1; i++) {
        (void)snprintf(line, sizeof line, "%d " DIGITS "\n", i);
        (void)fputs(line, file);
    }
    (void)fclose(file);
    refuses(HG_EDATA, "more than 64");
    file = fopen(path, "we");
    for (int i = 0; i < HG_KEY_FILE_MAX; i++) {
        (void)fputs("# ", file);
    }
    (void)fclose(file);
    refuses(HG_EDATA, "too long");
}

static void test_whose_and_what_it_is(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666, 0644};
    char other[HG_SCRATCH_BYTES + 32];
    (void)unlink(path);
    refuses(HG_ENOTFOUND, "No such file");
    for (size_t i = 0; i < HG_COUNT(open_modes); i++) {
        write_text("1 " DIGITS "\n", open_modes[i]);
        refuses(HG_EFORBIDDEN, "others than its owner");
    }
    (void)snprintf(other, sizeof other, "%s/other.key", folder);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(chmod(other, 0600), 0);
    assert_int_equal(symlink(other, path), 0);
    refuses(HG_EFORBIDDEN, "symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuses(HG_EFORBIDDEN, "is no file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    refuses(HG_EFORBIDDEN, "is no file");
    assert_int_equal(rmdir(path), 0);
    if (geteuid() == 0) {
        assert_int_equal(rename(other, path), 0);
        assert_int_equal(chown(path, 12345, 12345), 0);
        refuses(HG_EFORBIDDEN, "belongs to user 12345");
    } else {
        assert_int_equal(unlink(other), 0);
    }
}

static void test_writes(void **state)
{
    (void)state;
    HG_CLEANUP(hg_keyring_freep) struct hg_keyring *keyring = NULL;
    HG_CLEANUP(hg_keyring_freep) struct hg_keyring *back = NULL;
    struct stat status;
    struct hg_error err = HG_ERROR_INIT;
    char part[HG_SCRATCH_BYTES + 40];
    assert_int_equal(hg_keyring_new(&keyring, NULL), HG_OK);
    assert_int_equal(hg_keyring_make(keyring, 2147483647, NULL), HG_OK);
    assert_int_equal(hg_keyring_make(keyring, 1, NULL), HG_OK);
    assert_int_equal(hg_keyring_make(keyring, 1, NULL), HG_EEXIST);
    /* What one left that was killed in the middle. */
    (void)snprintf(part, sizeof part, "%s.new", path);
    assert_int_equal(hg_write_file(part, 0644, "rest", 4, NULL), HG_OK);
    assert_int_equal(hg_key_file_write(path, keyring, true, &err), HG_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_int_equal(hg_key_file_write(path, keyring, true, &err), HG_EEXIST);
    assert_int_equal(hg_key_file_read(path, &back, &err), HG_OK);
    assert_int_equal(back->n, 2);
    assert_memory_equal(back->keys, keyring->keys, 2 * sizeof keyring->keys[0]);
    /* Another time it keeps its mode. */
    assert_int_equal(chmod(path, 0400), 0);
    hg_keyring_drop(keyring, 1);
    hg_keyring_drop(keyring, 5);
    assert_int_equal(hg_key_file_write(path, keyring, false, &err), HG_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0400);
    hg_keyring_freep(&back);
    assert_int_equal(hg_key_file_read(path, &back, &err), HG_OK);
    assert_int_equal(back->n, 1);
    assert_int_not_equal(access(part, F_OK), 0);
    (void)snprintf(part, sizeof part, "%s/none/master.key", folder);
    assert_int_equal(hg_key_file_write(part, keyring, true, &err), HG_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_reads, remove_file),
        cmocka_unit_test_teardown(test_what_it_cannot_hold, remove_file),
        cmocka_unit_test_teardown(test_whose_and_what_it_is, remove_file),
        cmocka_unit_test_teardown(test_writes, remove_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
