#include "definition/context.h"

#include "config/yaml_json.h"

void hg_definition_complain(struct hg_definition_context *context,
                            const char *pointer,
                            bool at_key,
                            const char *hint,
                            const char *fmt,
                            ...)
{
    struct hg_yaml_place at = hg_yaml_find(context->yaml->root, pointer, at_key);
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(context->diagnostics, context->file, at.line, at.column, hint, fmt, args);
    va_end(args);
}

void hg_definition_put(struct hg_definition_context *context,
                       json_t *object,
                       const char *key,
                       json_t *value)
{
    if (json_object_set_new(object, key, value) < 0) {
        context->no_memory = true;
    }
}

const char *hg_definition_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}
