#include "definition/sql_params.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum { NAME_MAX_BYTES = 100, KNOWN_MAX = 128, WORD_MAX = 32 };

struct lexer {
    const char *file;
    const char *text;
    const char *at;
    const json_t *schema; /* of the parameters; may be NULL */
    struct hg_diagnostics *diagnostics;
    struct hg_buf sql;
    json_t *params;
    bool at_start; /* no word of the statement has been read yet */
    bool no_memory;
};

/* Reporting ---------------------------------------------------------------------------------- */

static void complain(struct lexer *lexer, const char *at, const char *hint, const char *fmt, ...)
    HG_PRINTF(4, 5);
static void complain(struct lexer *lexer, const char *at, const char *hint, const char *fmt, ...)
{
    int line = 1;
    int column = 1;
    for (const char *c = lexer->text; c < at; c++) {
        if (*c == '\n') {
            line++;
            column = 1;
        } else {
            column += ((unsigned char)*c & 0xC0) != 0x80;
        }
    }
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(lexer->diagnostics, lexer->file, line, column, hint, fmt, args);
    va_end(args);
}

/* Names -------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *type;
} run_names[] = {
    {"run.id", "uuid"},
    {"run.scheduled_for", "timestamptz"},
    {"run.interval_start", "timestamptz"},
    {"run.interval_end", "timestamptz"},
};

static const struct {
    const char *schema_type;
    const char *format; /* NULL: any other */
    const char *sql_type;
} sql_types[] = {
    {"string", "date", "date"},
    {"string", "date-time", "timestamptz"},
    {"string", "uuid", "uuid"},
    {"string", NULL, "text"},
    {"integer", NULL, "bigint"},
    {"number", NULL, "numeric"},
    {"boolean", NULL, "boolean"},
};

/* The one type of a schema, "null" beside it not counted; NULL when there are several. */
static const char *single_type(const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    const char *found = json_string_value(type);
    size_t i;
    json_t *item;
    json_array_foreach (type, i, item) {
        const char *name = json_string_value(item);
        if (name && strcmp(name, "null") != 0) {
            if (found) {
                return NULL;
            }
            found = name;
        }
    }
    return found;
}

static const char *type_of_param(const json_t *schema)
{
    const char *type = single_type(schema);
    const char *format = json_string_value(json_object_get(schema, "format"));
    for (size_t i = 0; type && i < HG_COUNT(sql_types); i++) {
        if (strcmp(sql_types[i].schema_type, type) == 0 &&
            (!sql_types[i].format || (format && strcmp(sql_types[i].format, format) == 0))) {
            return sql_types[i].sql_type;
        }
    }
    return "jsonb";
}

/* The SQL type of a name, or NULL when there is no such name. */
static const char *type_of(const struct lexer *lexer, const char *name)
{
    for (size_t i = 0; i < HG_COUNT(run_names); i++) {
        if (strcmp(run_names[i].name, name) == 0) {
            return run_names[i].type;
        }
    }
    if (!hg_starts_with(name, "params.")) {
        return NULL;
    }
    const json_t *declared =
        json_object_get(json_object_get(lexer->schema, "properties"), name + 7);
    return declared ? type_of_param(declared) : NULL;
}

static void complain_of_name(struct lexer *lexer, const char *at, const char *name)
{
    char params[KNOWN_MAX][NAME_MAX_BYTES];
    const char *names[KNOWN_MAX + HG_COUNT(run_names) + 1] = {NULL};
    size_t n = 0;
    const char *key;
    json_t *property;
    json_object_foreach (json_object_get(lexer->schema, "properties"), key, property) {
        if (n < KNOWN_MAX) {
            (void)snprintf(params[n], sizeof params[n], "params.%.80s", key);
            names[n] = params[n];
            n++;
        }
    }
    for (size_t i = 0; i < HG_COUNT(run_names); i++) {
        names[n++] = run_names[i].name;
    }
    const char *nearest = hg_nearest(name, names);
    char hint[256] = "Known are params.NAME for each parameter of the pipeline, run.id, "
                     "run.scheduled_for, run.interval_start, run.interval_end.";
    if (nearest) {
        (void)snprintf(hint, sizeof hint, "Did you mean ${%s}?", nearest);
    }
    complain(lexer, at, hint, "there is no value ${%s}", name);
}

void hg_sql_setting_name(const char *name, char ret_setting[HG_SQL_SETTING_NAME])
{
    (void)snprintf(ret_setting, HG_SQL_SETTING_NAME, "headgate.p_%s", name);
    for (char *c = ret_setting + strlen("headgate.p_"); *c; c++) {
        *c = isalnum((unsigned char)*c) ? *c : '_';
    }
}

/* References --------------------------------------------------------------------------------- */

static void remember(struct lexer *lexer, const char *name, const char *type)
{
    size_t i;
    json_t *param;
    json_array_foreach (lexer->params, i, param) {
        if (strcmp(json_string_value(json_object_get(param, "name")), name) == 0) {
            return;
        }
    }
    if (json_array_append_new(lexer->params, json_pack("{s:s, s:s}", "name", name, "type", type)) <
        0) {
        lexer->no_memory = true;
    }
}

static void put_reference(struct lexer *lexer, const char *name, const char *type)
{
    char setting[HG_SQL_SETTING_NAME];
    hg_sql_setting_name(name, setting);
    hg_buf_printf(&lexer->sql, "(nullif(current_setting('%s', true), '')::%s)", setting, type);
    remember(lexer, name, type);
}

/* At "${". */
static void read_reference(struct lexer *lexer)
{
    const char *start = lexer->at;
    size_t n = strcspn(start + 2, "}\n");
    if (start[2 + n] != '}' || n == 0 || n >= NAME_MAX_BYTES) {
        complain(lexer,
                 start,
                 "Write ${params.NAME} or ${run.id}.",
                 "found \"${\" that begins no name with a \"}\" behind it");
        lexer->at += 2;
        return;
    }
    char name[NAME_MAX_BYTES];
    memcpy(name, start + 2, n);
    name[n] = '\0';
    lexer->at += n + 3;
    const char *type = type_of(lexer, name);
    if (type) {
        put_reference(lexer, name, type);
    } else {
        complain_of_name(lexer, start, name);
    }
    lexer->at_start = false;
}

/* Quotes and comments -------------------------------------------------------------------------- */

/* Copies up to `end`, refusing ${...} within. */
static void copy_quoted(struct lexer *lexer, const char *end, const char *what)
{
    for (const char *c = lexer->at; c + 1 < end; c++) {
        if (c[0] == '$' && c[1] == '{') {
            complain(lexer,
                     c,
                     "Take it out of the quotes: 'prefix ' || ${params.name}.",
                     "found ${...} within %s, where it would be text",
                     what);
            break;
        }
    }
    hg_buf_append(&lexer->sql, lexer->at, (size_t)(end - lexer->at));
    lexer->at = end;
    lexer->at_start = false;
}

static void complain_of_end(struct lexer *lexer, const char *what)
{
    complain(lexer, lexer->at, "Close it.", "found %s that is not closed", what);
    lexer->at += strlen(lexer->at);
}

/* At the opening quote. Doubled quotes stay within; backslashes escape when `escapes`. */
static void read_quoted(struct lexer *lexer, char quote, bool escapes, const char *what)
{
    const char *c = lexer->at + 1;
    for (; *c; c++) {
        if ((escapes && *c == '\\' && c[1]) || (*c == quote && c[1] == quote)) {
            c++;
        } else if (*c == quote) {
            copy_quoted(lexer, c + 1, what);
            return;
        }
    }
    complain_of_end(lexer, what);
}

/* Length of "$tag$" at `text`, or 0. */
static size_t dollar_tag(const char *text)
{
    size_t n = 1;
    if (isalpha((unsigned char)text[n]) || text[n] == '_' || (unsigned char)text[n] >= 0x80) {
        while (isalnum((unsigned char)text[n]) || text[n] == '_' ||
               (unsigned char)text[n] >= 0x80) {
            n++;
        }
    }
    return text[n] == '$' ? n + 1 : 0;
}

static void read_dollar_quoted(struct lexer *lexer, size_t tag_length)
{
    HG_CLEANUP(hg_freep) char *tag = strndup(lexer->at, tag_length);
    const char *end = tag ? strstr(lexer->at + tag_length, tag) : NULL;
    if (!tag) {
        lexer->no_memory = true;
        lexer->at += strlen(lexer->at);
    } else if (!end) {
        complain_of_end(lexer, "a dollar-quoted text");
    } else {
        copy_quoted(lexer, end + tag_length, "a dollar-quoted text");
    }
}

/* Comments are left as they are: a ${...} there is text for people. */
static void copy_comment(struct lexer *lexer, const char *end)
{
    hg_buf_append(&lexer->sql, lexer->at, (size_t)(end - lexer->at));
    lexer->at = end;
}

static void read_block_comment(struct lexer *lexer)
{
    int depth = 0;
    for (const char *c = lexer->at; *c; c++) {
        if (c[0] == '/' && c[1] == '*') {
            depth++;
            c++;
        } else if (c[0] == '*' && c[1] == '/') {
            depth--;
            c++;
            if (depth == 0) {
                copy_comment(lexer, c + 1);
                return;
            }
        }
    }
    complain_of_end(lexer, "a comment");
}

/* Words -------------------------------------------------------------------------------------- */

static bool is_word_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '$' ||
           (unsigned char)text[n] >= 0x80) {
        /* "a${x}" is a word and a reference, not a word with a dollar in it. */
        if (text[n] == '$' && text[n + 1] == '{') {
            break;
        }
        n++;
    }
    return n;
}

/* "PREPARE TRANSACTION" ends our transaction, "PREPARE name AS" does not. */
static bool second_word_is(const char *text, const char *word)
{
    text += strspn(text, " \t\r\n");
    size_t n = strlen(word);
    return strncasecmp(text, word, n) == 0 && word_length(text) == n;
}

static void check_statement(struct lexer *lexer, size_t n)
{
    static const char *const control[] = {
        "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", NULL};
    char word[WORD_MAX] = "";
    if (n >= sizeof word) {
        return;
    }
    memcpy(word, lexer->at, n);
    bool refused = strcasecmp(word, "prepare") == 0 && second_word_is(lexer->at + n, "transaction");
    for (size_t i = 0; control[i]; i++) {
        refused = refused || strcasecmp(word, control[i]) == 0;
    }
    if (refused) {
        complain(lexer,
                 lexer->at,
                 "Remove it: the script runs in one transaction, which is committed when it ends.",
                 "found %s, which controls the transaction",
                 word);
    }
}

static void read_word(struct lexer *lexer)
{
    size_t n = word_length(lexer->at);
    bool escape_text = n == 1 && (*lexer->at == 'e' || *lexer->at == 'E') && lexer->at[1] == '\'';
    if (escape_text) {
        hg_buf_putc(&lexer->sql, *lexer->at++);
        read_quoted(lexer, '\'', true, "a text");
        return;
    }
    if (lexer->at_start) {
        check_statement(lexer, n);
        lexer->at_start = false;
    }
    hg_buf_append(&lexer->sql, lexer->at, n);
    lexer->at += n;
}

/* Numbers, so that the "e" of 1e5 is no word; operators and the rest one by one. */
static void read_other(struct lexer *lexer)
{
    size_t n = 1;
    if (isdigit((unsigned char)*lexer->at)) {
        while (isalnum((unsigned char)lexer->at[n]) || lexer->at[n] == '.') {
            n++;
        }
    }
    if (*lexer->at == ';') {
        lexer->at_start = true;
    } else if (!isspace((unsigned char)*lexer->at)) {
        lexer->at_start = false;
    }
    hg_buf_append(&lexer->sql, lexer->at, n);
    lexer->at += n;
}

static void read_token(struct lexer *lexer)
{
    const char *at = lexer->at;
    if (at[0] == '$' && at[1] == '{') {
        read_reference(lexer);
    } else if (at[0] == '$' && dollar_tag(at) > 0) {
        read_dollar_quoted(lexer, dollar_tag(at));
    } else if (at[0] == '\'') {
        read_quoted(lexer, '\'', false, "a text");
    } else if (at[0] == '"') {
        read_quoted(lexer, '"', false, "a quoted name");
    } else if (at[0] == '-' && at[1] == '-') {
        copy_comment(lexer, at + strcspn(at, "\n"));
    } else if (at[0] == '/' && at[1] == '*') {
        read_block_comment(lexer);
    } else if (is_word_start(at[0])) {
        read_word(lexer);
    } else {
        read_other(lexer);
    }
}

int hg_sql_params_rewrite(const char *file,
                          const char *sql,
                          const json_t *params_schema,
                          char **ret_sql,
                          json_t **ret_params,
                          struct hg_diagnostics *diagnostics,
                          struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *params = json_array();
    struct lexer lexer = {.file = file,
                          .text = sql,
                          .at = sql,
                          .schema = params_schema,
                          .diagnostics = diagnostics,
                          .sql = HG_BUF_INIT,
                          .params = params,
                          .at_start = true};
    size_t before = hg_diagnostics_count(diagnostics);
    while (*lexer.at) {
        read_token(&lexer);
    }
    HG_CLEANUP(hg_freep) char *rewritten = hg_buf_take(&lexer.sql);
    if (!params || !rewritten || lexer.no_memory) {
        return hg_error_nomem(err);
    }
    if (hg_diagnostics_count(diagnostics) > before) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" can't be run as it is", file);
    }
    *ret_sql = HG_TAKE(rewritten);
    *ret_params = HG_TAKE(params);
    return HG_OK;
}
