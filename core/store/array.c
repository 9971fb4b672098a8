#include "store/array.h"

#include <inttypes.h>
#include <string.h>

static void separate(struct hg_buf *array)
{
    hg_buf_putc(array, array->len == 0 ? '{' : ',');
}

void hg_array_put(struct hg_buf *array, const char *value)
{
    separate(array);
    if (!value) {
        hg_buf_puts(array, "NULL");
        return;
    }
    hg_buf_putc(array, '"');
    while (*value) {
        size_t n = strcspn(value, "\"\\");
        hg_buf_append(array, value, n);
        value += n;
        if (*value) {
            hg_buf_putc(array, '\\');
            hg_buf_putc(array, *value++);
        }
    }
    hg_buf_putc(array, '"');
}

void hg_array_put_int64(struct hg_buf *array, int64_t value)
{
    separate(array);
    hg_buf_printf(array, "%" PRId64, value);
}

const char *hg_array_text(struct hg_buf *array)
{
    hg_buf_puts(array, array->len == 0 ? "{}" : "}");
    return hg_buf_failed(array) ? NULL : array->data;
}
