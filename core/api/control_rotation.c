#include "api/control_rotation.h"

#include <stdio.h>

#include "base/str.h"

json_t *hg_control_rotation_json(const struct hg_rotation *rotation)
{
    return json_pack("{s:i, s:b, s:b, s:I, s:I, s:b, s:o}",
                     "kid",
                     (int)rotation->kid,
                     "resumed",
                     rotation->resumed,
                     "prepared",
                     rotation->prepared,
                     "total",
                     (json_int_t)rotation->n_total,
                     "done",
                     (json_int_t)rotation->n_done,
                     "old_stays",
                     rotation->old_stays,
                     "why",
                     hg_json_text(rotation->old_stays ? rotation->why.message : ""));
}

void hg_control_rotation_read(const json_t *json, struct hg_rotation *ret)
{
    const char *why = json_string_value(json_object_get(json, "why"));
    *ret = (struct hg_rotation){
        .kid = (int32_t)json_integer_value(json_object_get(json, "kid")),
        .resumed = json_is_true(json_object_get(json, "resumed")),
        .prepared = json_is_true(json_object_get(json, "prepared")),
        .n_total = json_integer_value(json_object_get(json, "total")),
        .n_done = json_integer_value(json_object_get(json, "done")),
        .old_stays = json_is_true(json_object_get(json, "old_stays")),
        .why = HG_ERROR_INIT,
    };
    (void)snprintf(ret->why.message, sizeof ret->why.message, "%s", why ? why : "");
}
