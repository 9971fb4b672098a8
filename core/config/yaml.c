#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/yaml_scalar.h"

struct anchor {
    struct anchor *next;
    const char *name;
    struct hg_yaml_node *node; /* NULL while the node is still being read */
};

struct reader {
    yaml_parser_t parser;
    struct hg_yaml *yaml;
    struct hg_diagnostics *diagnostics;
    struct anchor *anchors;
    const char *text;
    size_t n;
    size_t weight;
    int depth;
    bool no_memory;
};

static void event_deletep(yaml_event_t *event)
{
    yaml_event_delete(event);
}

static int line_of(const yaml_mark_t *mark)
{
    return (int)mark->line + 1;
}

static int column_of(const yaml_mark_t *mark)
{
    return (int)mark->column + 1;
}

static void complain(struct reader *reader,
                     const yaml_mark_t *mark,
                     const char *hint,
                     const char *fmt,
                     ...) HG_PRINTF(4, 5);
static void complain(
    struct reader *reader, const yaml_mark_t *mark, const char *hint, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_diagnostics_vadd(
        reader->diagnostics, reader->yaml->file, line_of(mark), column_of(mark), hint, fmt, args);
    va_end(args);
}

static bool out_of_memory(struct reader *reader)
{
    reader->no_memory = true;
    return false;
}

/* What libyaml says ---------------------------------------------------------------------------- */

struct explanation {
    const char *problem; /* as libyaml words it */
    const char *context; /* NULL: any */
    char at;             /* the character at the place; 0: any */
    const char *message;
    const char *hint;
    bool at_start; /* the place is where the unclosed thing began */
};

static const struct explanation explanations[] = {
    {"did not find expected alphabetic or numeric character",
     "while scanning an alias",
     0,
     "found a \"*\" that begins an alias without a name",
     "A text that begins with \"*\" must be quoted; quote the cron line: \"* * * * *\".",
     false},
    {"found character that cannot start any token",
     NULL,
     '\t',
     "found a tab, expected spaces",
     "YAML is indented with spaces; replace the tab.",
     false},
    {"found a tab character that violates indentation",
     NULL,
     0,
     "found a tab, expected spaces",
     "YAML is indented with spaces; replace the tab.",
     false},
    {"found character that cannot start any token",
     NULL,
     '@',
     "found an unquoted \"@\" at the start of a value",
     "Quote it: \"@daily\".",
     false},
    {"found character that cannot start any token",
     NULL,
     0,
     "found a character that can't begin a value",
     "Quote the text.",
     false},
    {"found unknown escape character",
     NULL,
     0,
     "found an unknown escape in a text in double quotes",
     "Write \\\\ for a backslash, or use single quotes.",
     false},
    {"mapping values are not allowed in this context",
     NULL,
     0,
     "found a second \":\" where a value was expected",
     "A text that holds \": \" must be quoted; else look at the indentation of this line.",
     false},
    {"could not find expected ':'",
     NULL,
     0,
     "found a key without \":\"",
     "Write key: value, with a space after the colon.",
     false},
    {"did not find expected key",
     NULL,
     0,
     "found something that is no key of the block around it",
     "Look at the indentation of this line, and for an unclosed quote or bracket above it.",
     false},
    {"did not find expected '-' indicator",
     NULL,
     0,
     "found something that is no item of the list around it",
     "Look at the indentation: the items of a list begin with \"- \" in one column.",
     false},
    {"did not find expected ',' or ']'",
     NULL,
     0,
     "found a list in brackets that is not closed",
     "Separate the items with \",\" and close the list with \"]\".",
     true},
    {"did not find expected ',' or '}'",
     NULL,
     0,
     "found a map in braces that is not closed",
     "Separate the pairs with \",\", close the map with \"}\"; quote texts with \"{\" or \",\".",
     true},
    {"found unexpected end of stream",
     "while scanning a quoted scalar",
     0,
     "found the end of the file in a quoted text",
     "Close the quote.",
     true},
    {"found undefined tag handle",
     NULL,
     0,
     "found a tag",
     "Tags (\"!name\") are not supported.",
     false},
};

static struct properties properties_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (struct properties){event->data.scalar.anchor, event->data.scalar.tag};
    case YAML_SEQUENCE_START_EVENT:
        return (struct properties){event->data.sequence_start.anchor,
                                   event->data.sequence_start.tag};
    default:
        return (struct properties){event->data.mapping_start.anchor, event->data.mapping_start.tag};
    }
}

static bool read_content(struct reader *reader, yaml_event_t *event, struct hg_yaml_node **ret)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return read_scalar(reader, event, ret);
    }
    if (reader->depth >= HG_YAML_MAX_DEPTH) {
        complain(reader,
                 &event->start_mark,
                 NULL,
                 "found more than %d levels within each other",
                 HG_YAML_MAX_DEPTH);
        return false;
    }
    reader->depth++;
    bool ok = event->type == YAML_SEQUENCE_START_EVENT ? read_list(reader, event, ret)
                                                       : read_map(reader, event, ret);
    reader->depth--;
    return ok;
}

/* *ret may be set although it fails: to the part that was read. */
static bool read_node(struct reader *reader, yaml_event_t *event, struct hg_yaml_node **ret)
{
    if (event->type == YAML_ALIAS_EVENT) {
        return read_alias(reader, event, ret);
    }
    struct properties given = properties_of(event);
    if (given.tag && strcmp((const char *)given.tag, YAML_STR_TAG) != 0) {
        complain(reader,
                 &event->start_mark,
                 "Tags (\"!name\") are not supported; quote a text that begins with \"!\".",
                 "found the tag \"%.60s\"",
                 (const char *)given.tag);
    }
    struct anchor *anchor = NULL;
    if (given.anchor) {
        anchor = add_anchor(reader, given.anchor);
        if (!anchor) {
            return false;
        }
    }
    bool ok = read_content(reader, event, ret);
    if (ok && anchor) {
        anchor->node = *ret;
    }
    return ok;
}

/* Documents ---------------------------------------------------------------------------------- */

static void read_document(struct reader *reader)
{
    bool seen = false;
    for (;;) {
        HG_CLEANUP(event_deletep) yaml_event_t event;
        if (!next(reader, &event) || event.type == YAML_STREAM_END_EVENT) {
            return;
        }
        if (event.type == YAML_DOCUMENT_START_EVENT && seen) {
            complain(reader,
                     &event.start_mark,
                     "Put it into a file of its own.",
                     "found a second document, expected one");
            return;
        }
        bool is_frame = event.type == YAML_STREAM_START_EVENT ||
                        event.type == YAML_DOCUMENT_START_EVENT ||
                        event.type == YAML_DOCUMENT_END_EVENT;
        seen = seen || event.type == YAML_DOCUMENT_START_EVENT;
        if (!is_frame && !read_node(reader, &event, &reader->yaml->root)) {
            return;
        }
    }
}

static struct hg_yaml *new_yaml(const char *file)
{
    struct hg_yaml *yaml = calloc(1, sizeof *yaml);
    if (yaml) {
        yaml->file = hg_arena_strdup(&yaml->arena, file);
    }
    if (yaml && !yaml->file) {
        hg_yaml_free(yaml);
        return NULL;
    }
    return yaml;
}

int hg_yaml_parse(const char *file,
                  const char *text,
                  size_t n,
                  struct hg_yaml **ret,
                  struct hg_diagnostics *diagnostics,
                  struct hg_error *err)
{
    HG_CLEANUP(hg_yaml_freep) struct hg_yaml *yaml = new_yaml(file);
    struct reader reader = {.yaml = yaml, .diagnostics = diagnostics, .text = text, .n = n};
    if (!yaml || !yaml_parser_initialize(&reader.parser)) {
        return hg_error_nomem(err);
    }
    size_t before = hg_diagnostics_count(diagnostics);
    if (n > HG_YAML_MAX_BYTES) {
        hg_diagnostics_add(
            diagnostics, file, 0, 0, NULL, "the file is larger than %d bytes", HG_YAML_MAX_BYTES);
    } else {
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, n);
        read_document(&reader);
    }
    yaml_parser_delete(&reader.parser);
    if (reader.no_memory) {
        return hg_error_nomem(err);
    }
    *ret = HG_TAKE(yaml);
    if (hg_diagnostics_count(diagnostics) > before) {
        return hg_error_set(err, HG_EINVAL, "\"%s\" is no well-formed YAML file", file);
    }
    return HG_OK;
}

int hg_yaml_read(const char *file,
                 struct hg_yaml **ret,
                 struct hg_diagnostics *diagnostics,
                 struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *text = NULL;
    size_t n = 0;
    struct hg_error why = HG_ERROR_INIT;
    int r = hg_read_file(file, HG_YAML_MAX_BYTES, &text, &n, &why);
    if (r == HG_OK) {
        return hg_yaml_parse(file, text, n, ret, diagnostics, err);
    }
    if (r == HG_ENOMEM) {
        return hg_error_nomem(err);
    }
    struct hg_yaml *yaml = new_yaml(file);
    if (!yaml) {
        return hg_error_nomem(err);
    }
    hg_diagnostics_add(diagnostics, file, 0, 0, why.hint, "%s", why.message);
    *ret = yaml;
    return hg_error_set(err, HG_EINVAL, "%s", why.message);
}

void hg_yaml_free(struct hg_yaml *yaml)
{
    if (yaml) {
        hg_arena_free(&yaml->arena);
        free(yaml);
    }
}

/* Looking in ----------------------------------------------------------------------------------- */

const struct hg_yaml_pair *hg_yaml_pair(const struct hg_yaml_node *map, const char *key)
{
    for (size_t i = 0; map && map->type == HG_YAML_MAP && i < map->n; i++) {
        if (strcmp(map->pairs[i].key, key) == 0) {
            return &map->pairs[i];
        }
    }
    return NULL;
}

const struct hg_yaml_node *hg_yaml_get(const struct hg_yaml_node *map, const char *key)
{
    const struct hg_yaml_pair *pair = hg_yaml_pair(map, key);
    return pair ? pair->value : NULL;
}

const char *hg_yaml_text(const struct hg_yaml_node *node)
{
    return node && node->type == HG_YAML_TEXT ? node->text : NULL;
}
