/* Arenas, buffers, growing arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct hg_arena arena = HG_ARENA_INIT;
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *bytes = hg_arena_alloc(&arena, size);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(bytes[i], 0);
        }
        memset(bytes, 0xFF, size); /* what comes next must not be touched by it */
    }
    unsigned char *large = hg_arena_alloc(&arena, 100000);
    assert_non_null(large);
    assert_int_equal(large[99999], 0);
    hg_arena_free(&arena);
    assert_null(arena.blocks);
    hg_arena_free(&arena);
}

static void arena_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct hg_arena arena = HG_ARENA_INIT;
    assert_null(hg_arena_alloc(&arena, SIZE_MAX));
    assert_null(hg_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(hg_arena_strndup(&arena, "x", SIZE_MAX));
    hg_arena_free(&arena);
}

static void arena_copies_texts(void **state)
{
    (void)state;
    struct hg_arena arena = HG_ARENA_INIT;
    assert_string_equal(hg_arena_strdup(&arena, "abc"), "abc");
    assert_string_equal(hg_arena_strndup(&arena, "abcdef", 2), "ab");
    assert_null(hg_arena_strdup(&arena, NULL));
    assert_string_equal(hg_arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
    hg_arena_free(&arena);
}

static void buf_grows_and_stays_terminated(void **state)
{
    (void)state;
    struct hg_buf buf = HG_BUF_INIT;
    assert_string_equal(hg_buf_text(&buf), "");
    hg_buf_append(&buf, NULL, 0);
    assert_null(buf.data);
    for (int i = 0; i < 1000; i++) {
        hg_buf_putc(&buf, 'a');
        assert_int_equal(buf.data[buf.len], '\0');
    }
    hg_buf_puts(&buf, "bc");
    hg_buf_printf(&buf, "%05d", 42);
    assert_int_equal(buf.len, 1007);
    assert_string_equal(buf.data + 1000, "bc00042");
    hg_buf_reset(&buf);
    assert_string_equal(hg_buf_text(&buf), "");
    hg_buf_put_be16(&buf, 0x0102);
    hg_buf_put_be32(&buf, 0x03040506);
    hg_buf_put_be64(&buf, UINT64_C(0x0708090A0B0C0D0E));
    assert_memory_equal(buf.data, "\1\2\3\4\5\6\7\x8\x9\xA\xB\xC\xD\xE", 14);
    hg_buf_free(&buf);
    assert_null(buf.data);
}

static void buf_failure_is_sticky(void **state)
{
    (void)state;
    struct hg_buf buf = HG_BUF_INIT;
    hg_buf_puts(&buf, "kept");
    assert_false(hg_buf_reserve(&buf, SIZE_MAX - 2));
    assert_true(hg_buf_failed(&buf));
    hg_buf_puts(&buf, "lost");
    assert_string_equal(hg_buf_text(&buf), "kept");
    assert_null(hg_buf_take(&buf));
    assert_false(hg_buf_failed(&buf));
    hg_buf_puts(&buf, "anew");
    char *text = hg_buf_take(&buf);
    assert_string_equal(text, "anew");
    free(text);
    text = hg_buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
}

static void grow_keeps_items(void **state)
{
    (void)state;
    int *items = NULL;
    size_t room = 0;
    for (int i = 0; i < 500; i++) {
        assert_int_equal(hg_grow(&items, (size_t)i, &room, sizeof *items), HG_OK);
        assert_true(room > (size_t)i);
        items[i] = i;
    }
    for (int i = 0; i < 500; i++) {
        assert_int_equal(items[i], i);
    }
    size_t huge = SIZE_MAX / 4;
    int *before = items;
    assert_int_equal(hg_grow(&items, huge, &huge, sizeof *items), HG_ENOMEM);
    assert_ptr_equal(items, before);
    free(items);
}

static void cleanup_frees_and_take_keeps(void **state)
{
    (void)state;
    char *kept = NULL;
    {
        HG_CLEANUP(hg_freep) char *gone = strdup("gone"); /* the leak check sees it freed */
        HG_CLEANUP(hg_freep) char *text = strdup("kept");
        assert_non_null(gone);
        kept = HG_TAKE(text);
        assert_null(text);
    }
    assert_string_equal(kept, "kept");
    free(kept);
}

static void lock_ends_with_its_scope(void **state)
{
    (void)state;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    {
        HG_LOCK(&mutex);
        assert_int_not_equal(pthread_mutex_trylock(&mutex), 0);
    }
    assert_int_equal(pthread_mutex_trylock(&mutex), 0);
    assert_int_equal(pthread_mutex_unlock(&mutex), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_refuses_what_cannot_be),
        cmocka_unit_test(arena_copies_texts),
        cmocka_unit_test(buf_grows_and_stays_terminated),
        cmocka_unit_test(buf_failure_is_sticky),
        cmocka_unit_test(grow_keeps_items),
        cmocka_unit_test(cleanup_frees_and_take_keeps),
        cmocka_unit_test(lock_ends_with_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
