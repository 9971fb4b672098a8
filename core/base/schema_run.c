#include "base/schema_run.h"

#include "base/schema_value.h"
#include "base/str.h"

/* A bound that only a schema which refers to itself without end, or a hostile one, comes to. */
enum { DEPTH_MAX = 256 };

void hg_schema_run_report(struct hg_schema_run *run, const char *hint, struct hg_buf *detail)
{
    run->violations++;
    if (hg_buf_failed(detail)) {
        run->failed = true;
    } else if (run->report) {
        run->report(run->arg, hg_buf_text(&run->pointer), hg_buf_text(detail), hint);
    }
    hg_buf_free(detail);
}

void hg_schema_run_put_found(struct hg_schema_run *run, struct hg_buf *detail, const json_t *value)
{
    if (run->secret) {
        hg_buf_puts(detail, "a value that is kept secret");
    } else {
        hg_json_describe(detail, value);
    }
}

void hg_schema_run_expected(struct hg_schema_run *run, const json_t *value, const char *fmt, ...)
{
    if (!run->report) {
        run->violations++;
        return;
    }
    struct hg_buf detail = HG_BUF_INIT;
    hg_buf_puts(&detail, "found ");
    hg_schema_run_put_found(run, &detail, value);
    hg_buf_puts(&detail, ", expected ");
    va_list args;
    va_start(args, fmt);
    hg_buf_vprintf(&detail, fmt, args);
    va_end(args);
    hg_schema_run_report(run, "", &detail);
}

static void validate_object_schema(struct hg_schema_run *run,
                                   const json_t *schema,
                                   const json_t *value)
{
    bool was_secret = run->secret;
    run->secret = was_secret || json_is_true(json_object_get(schema, "writeOnly"));
    for (size_t i = 0; i < run->n_keywords; i++) {
        const json_t *keyword = json_object_get(schema, run->keywords[i].name);
        if (keyword) {
            run->keywords[i].apply(run, schema, keyword, value);
        }
    }
    run->secret = was_secret;
}

void hg_schema_run_validate(struct hg_schema_run *run, const json_t *schema, const json_t *value)
{
    if (--run->steps_left < 0 || run->depth >= DEPTH_MAX) {
        run->steps_left = 0;
        return;
    }
    run->depth++;
    if (json_is_false(schema)) {
        hg_schema_run_expected(run, value, "nothing here");
    } else if (json_is_object(schema)) {
        validate_object_schema(run, schema, value);
    }
    run->depth--;
}

int hg_schema_run_count(struct hg_schema_run *run, const json_t *schema, const json_t *value)
{
    hg_schema_report *report = run->report;
    int before = run->violations;
    run->report = NULL;
    hg_schema_run_validate(run, schema, value);
    int found = run->violations - before;
    run->report = report;
    run->violations = before;
    return found;
}

size_t hg_schema_run_enter(struct hg_schema_run *run, const char *key)
{
    size_t mark = run->pointer.len;
    hg_buf_putc(&run->pointer, '/');
    hg_pointer_escape(&run->pointer, key);
    return mark;
}

void hg_schema_run_leave(struct hg_schema_run *run, size_t mark)
{
    if (!hg_buf_failed(&run->pointer)) {
        run->pointer.len = mark;
        run->pointer.data[mark] = '\0';
    } else {
        run->failed = true;
    }
}

void hg_schema_run_key(struct hg_schema_run *run,
                       const json_t *schema,
                       const char *key,
                       const json_t *value)
{
    size_t mark = hg_schema_run_enter(run, key);
    hg_schema_run_validate(run, schema, value);
    hg_schema_run_leave(run, mark);
}

void hg_schema_run_index(struct hg_schema_run *run,
                         const json_t *schema,
                         size_t index,
                         const json_t *value)
{
    size_t mark = run->pointer.len;
    hg_buf_printf(&run->pointer, "/%zu", index);
    hg_schema_run_validate(run, schema, value);
    hg_schema_run_leave(run, mark);
}
