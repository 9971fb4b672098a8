#include "base/schema_pattern.h"

#include <stdint.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

enum { MATCH_LIMIT = 200000, DEPTH_LIMIT = 5000, HEAP_LIMIT_KIB = 8192, PATTERN_BYTES = 4096 };

HG_DEFINE_CLEANUP(code_freep, pcre2_code *, pcre2_code_free)
HG_DEFINE_CLEANUP(compile_context_freep, pcre2_compile_context *, pcre2_compile_context_free)
HG_DEFINE_CLEANUP(match_context_freep, pcre2_match_context *, pcre2_match_context_free)
HG_DEFINE_CLEANUP(match_data_freep, pcre2_match_data *, pcre2_match_data_free)

static int compile(const char *pattern, pcre2_code **ret, struct hg_error *err)
{
    HG_CLEANUP(compile_context_freep)
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) {
        return hg_error_nomem(err);
    }
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    (void)pcre2_set_max_pattern_length(context, PATTERN_BYTES);
    (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
                       PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &offset, context);
    if (!compiled) {
        char text[128] = "";
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return hg_error_set(err,
                            HG_EINVAL,
                            "the pattern \"%.200s\" is no regular expression: %s at character %zu",
                            pattern,
                            text,
                            offset + 1);
    }
    *ret = compiled;
    return HG_OK;
}

int hg_pattern_check(const char *pattern, struct hg_error *err)
{
    HG_CLEANUP(code_freep) pcre2_code *code = NULL;
    return compile(pattern, &code, err);
}

int hg_pattern_matches(const char *pattern, const char *text, size_t n)
{
    HG_CLEANUP(code_freep) pcre2_code *code = NULL;
    int r = compile(pattern, &code, NULL);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(match_context_freep)
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    HG_CLEANUP(match_data_freep)
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (!context || !data) {
        return HG_ENOMEM;
    }
    (void)pcre2_set_match_limit(context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
    r = pcre2_match(code, (PCRE2_SPTR)text, n, 0, 0, data, context);
    if (r >= 0) {
        return 1;
    }
    return r == PCRE2_ERROR_NOMATCH ? 0 : HG_ETOOBIG;
}
