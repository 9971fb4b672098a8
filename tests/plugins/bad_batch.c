/*
 * Breaks the Arrow rules in its first batch; batch_rows says how:
 *     1 offsets that run backwards   2 text that is not UTF-8   3 a wrong null count
 *     4 one column too few           5 rows that are not there  else nothing wrong
 */
#include <string.h>

#include "source.h"

/* The buffers are the plugin's own, so that writing them is in order. */
static void *writable(const struct ArrowArray *array, int buffer)
{
    void *memory;
    memcpy(&memory, &array->buffers[buffer], sizeof memory);
    return memory;
}

hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err)
{
    (void)err;
    if (!batch->release) {
        return HG_OK;
    }
    struct ArrowArray *text = batch->children[1];
    switch (source->batch_rows) {
    case 1:
        ((int32_t *)writable(text, 1))[0] = 100;
        break;
    case 2:
        ((char *)writable(text, 2))[1] = '\xFF';
        break;
    case 3:
        text->null_count = 1;
        break;
    case 4:
        text->release(text);
        batch->n_children = 1;
        break;
    case 5:
        text->length--;
        break;
    default:
        break;
    }
    return HG_OK;
}

void source_opened(void)
{
}

static const struct hg_plugin plugin = SOURCE_PLUGIN("bad-batch", "Breaks the Arrow rules.");

HG_MODULE(&plugin);
