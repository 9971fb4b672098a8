#include "store/result.h"

#include <string.h>

#include "base/json.h"
#include "base/parse.h"

const char *hg_result_text(const PGresult *result, int row, const char *column)
{
    int number = PQfnumber(result, column);
    if (number < 0 || row < 0 || row >= PQntuples(result) || PQgetisnull(result, row, number)) {
        return NULL;
    }
    return PQgetvalue(result, row, number);
}

int64_t hg_result_int64(const PGresult *result, int row, const char *column, int64_t if_null)
{
    const char *text = hg_result_text(result, row, column);
    int64_t value = if_null;
    if (!text || hg_parse_int64(text, INT64_MIN, INT64_MAX, &value, NULL) < 0) {
        return if_null;
    }
    return value;
}

bool hg_result_bool(const PGresult *result, int row, const char *column)
{
    const char *text = hg_result_text(result, row, column);
    return text && strcmp(text, "t") == 0;
}

json_t *hg_result_json(const PGresult *result, int row, const char *column)
{
    const char *text = hg_result_text(result, row, column);
    return text ? hg_json_read_text(text, JSON_DECODE_ANY, NULL) : NULL;
}
