#include "base/error_json.h"

#include "base/str.h"

static json_t *text_or_null(const char *text)
{
    return text[0] ? hg_json_text(text) : json_null();
}

json_t *hg_error_to_json(const struct hg_error *err)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}",
                     "code",
                     hg_code_name(err->code),
                     "message",
                     hg_json_text(err->message),
                     "hint",
                     text_or_null(err->hint),
                     "pointer",
                     text_or_null(err->pointer),
                     "sqlstate",
                     text_or_null(err->sqlstate));
}
