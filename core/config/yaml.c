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
    bool at_start; /* the place is where the thing at fault began */
};

static const struct explanation explanations[] = {
    {"did not find expected alphabetic or numeric character",
     "while scanning an alias",
     0,
     "found a \"*\" that begins an alias without a name",
     "A text that begins with \"*\" must be quoted; quote the cron line: \"* * * * *\".",
     true},
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
    {"did not find expected node content",
     NULL,
     0,
     "found no value where one was expected",
     "Look for a list or map above this place that is not closed, and for a stray comma.",
     false},
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

static const struct explanation *explain(const yaml_parser_t *parser, char at)
{
    for (size_t i = 0; i < HG_COUNT(explanations); i++) {
        const struct explanation *e = &explanations[i];
        if (parser->problem && strcmp(e->problem, parser->problem) == 0 &&
            (!e->context || (parser->context && strcmp(e->context, parser->context) == 0)) &&
            (e->at == 0 || e->at == at)) {
            return e;
        }
    }
    return NULL;
}

/* The place of a byte, for what libyaml's reader refuses before it has a mark. */
static yaml_mark_t mark_of_offset(const struct reader *reader, size_t offset)
{
    yaml_mark_t mark = {0, 0, 0};
    for (size_t i = 0; i < offset && i < reader->n; i++) {
        unsigned char c = (unsigned char)reader->text[i];
        if (c == '\n') {
            mark.line++;
            mark.column = 0;
        } else {
            mark.column += (c & 0xC0) != 0x80;
        }
    }
    return mark;
}

/* The first byte at a place; libyaml's own index counts characters. */
static char character_at(const struct reader *reader, const yaml_mark_t *mark)
{
    size_t line = 0;
    size_t column = 0;
    for (size_t i = 0; i < reader->n; i++) {
        unsigned char c = (unsigned char)reader->text[i];
        if ((c & 0xC0) == 0x80) {
            continue;
        }
        if (line == mark->line && column == mark->column) {
            return (char)c;
        }
        line += c == '\n';
        column = c == '\n' ? 0 : column + 1;
    }
    return '\0';
}

static void complain_of_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        reader->no_memory = true;
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        yaml_mark_t mark = mark_of_offset(reader, parser->problem_offset);
        complain(reader,
                 &mark,
                 "The file must be UTF-8 text without control characters.",
                 "found a byte that does not belong in a YAML file: %s",
                 parser->problem);
        return;
    }
    const struct explanation *known = explain(parser, character_at(reader, &parser->problem_mark));
    if (known) {
        const yaml_mark_t *mark = known->at_start ? &parser->context_mark : &parser->problem_mark;
        complain(reader, mark, known->hint, "%s", known->message);
    } else {
        complain(reader,
                 &parser->problem_mark,
                 NULL,
                 "this is no YAML: %s%s%s",
                 parser->problem ? parser->problem : "unknown problem",
                 parser->context ? " " : "",
                 parser->context ? parser->context : "");
    }
}

static bool next(struct reader *reader, yaml_event_t *ret)
{
    if (!yaml_parser_parse(&reader->parser, ret)) {
        complain_of_syntax(reader);
        memset(ret, 0, sizeof *ret);
        return false;
    }
    return true;
}

/* Nodes -------------------------------------------------------------------------------------- */

static bool read_node(struct reader *reader, yaml_event_t *event, struct hg_yaml_node **ret);

static struct hg_yaml_node *new_node(struct reader *reader,
                                     enum hg_yaml_type type,
                                     const yaml_mark_t *mark)
{
    struct hg_yaml_node *node = hg_arena_alloc(&reader->yaml->arena, sizeof *node);
    if (!node) {
        reader->no_memory = true;
        return NULL;
    }
    node->type = type;
    node->line = line_of(mark);
    node->column = column_of(mark);
    node->weight = 1;
    node->depth = 1;
    return node;
}

/* Counts a node that has been read, or that an alias repeats. */
static bool add_weight(struct reader *reader, const yaml_mark_t *mark, size_t weight)
{
    reader->weight += weight;
    if (reader->weight > HG_YAML_MAX_NODES) {
        complain(reader,
                 mark,
                 "Write out what is needed instead of aliases of aliases.",
                 "the file holds more than %d values once its aliases are written out",
                 HG_YAML_MAX_NODES);
        return false;
    }
    return true;
}

static struct anchor *add_anchor(struct reader *reader, const yaml_char_t *name)
{
    struct anchor *anchor = hg_arena_alloc(&reader->yaml->arena, sizeof *anchor);
    char *copy = hg_arena_strdup(&reader->yaml->arena, (const char *)name);
    if (!anchor || !copy) {
        reader->no_memory = true;
        return NULL;
    }
    anchor->name = copy;
    anchor->next = reader->anchors;
    reader->anchors = anchor;
    return anchor;
}

static bool read_alias(struct reader *reader, const yaml_event_t *event, struct hg_yaml_node **ret)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = reader->anchors;
    while (anchor && strcmp(anchor->name, name) != 0) {
        anchor = anchor->next;
    }
    if (!anchor) {
        complain(reader,
                 &event->start_mark,
                 "A text that begins with \"*\" must be quoted.",
                 "found the alias \"*%s\", but no anchor \"&%s\" before it",
                 name,
                 name);
        return false;
    }
    if (!anchor->node || reader->depth + anchor->node->depth > HG_YAML_MAX_DEPTH) {
        complain(reader,
                 &event->start_mark,
                 NULL,
                 anchor->node ? "the alias \"*%s\" nests too deeply"
                              : "the alias \"*%s\" stands within what it names",
                 name);
        return false;
    }
    *ret = anchor->node;
    return add_weight(reader, &event->start_mark, anchor->node->weight);
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event, struct hg_yaml_node **ret)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    struct hg_yaml_node *node = new_node(reader, HG_YAML_TEXT, &event->start_mark);
    char *copy = hg_arena_strndup(&reader->yaml->arena, text, n);
    if (!node || !copy) {
        return out_of_memory(reader);
    }
    node->text = copy;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag;
    *ret = node;
    if (memchr(text, '\0', n)) {
        complain(reader, &event->start_mark, NULL, "found a text with a NUL character in it");
    } else if (!hg_yaml_resolve(node)) {
        complain(reader,
                 &event->start_mark,
                 "Quote it to keep it as a text.",
                 "found the number %.60s, expected one that fits into 64 bits",
                 text);
    }
    return add_weight(reader, &event->start_mark, 1);
}

static bool read_list(struct reader *reader, const yaml_event_t *start, struct hg_yaml_node **ret)
{
    struct hg_yaml_node *list = new_node(reader, HG_YAML_LIST, &start->start_mark);
    HG_CLEANUP(hg_freep) struct hg_yaml_node **items = NULL;
    size_t room = 0;
    bool ok = list != NULL;
    while (ok) {
        HG_CLEANUP(event_deletep) yaml_event_t event;
        ok = next(reader, &event);
        if (!ok || event.type == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        struct hg_yaml_node *item = NULL;
        ok = read_node(reader, &event, &item);
        if (item) {
            if (hg_grow(&items, list->n, &room, sizeof(struct hg_yaml_node *)) < 0) {
                return out_of_memory(reader);
            }
            items[list->n++] = item;
            list->weight += item->weight;
            list->depth = item->depth >= list->depth ? item->depth + 1 : list->depth;
        }
    }
    if (!list) {
        return false;
    }
    list->items = hg_arena_alloc(&reader->yaml->arena, (list->n + 1) * sizeof *list->items);
    if (!list->items) {
        list->n = 0;
        return out_of_memory(reader);
    }
    if (list->n > 0) {
        memcpy(list->items, items, list->n * sizeof *list->items);
    }
    *ret = list;
    return ok && add_weight(reader, &start->start_mark, 1);
}

/* A key that repeats or is no text is reported, and the rest of the map is read all the same. */
static bool read_key(struct reader *reader,
                     const yaml_event_t *event,
                     const struct hg_yaml_pair *pairs,
                     size_t n,
                     struct hg_yaml_pair *ret)
{
    if (event->type != YAML_SCALAR_EVENT) {
        complain(reader,
                 &event->start_mark,
                 "Quote texts that begin with \"{\", \"[\" or \"*\".",
                 "found something that is no plain key");
        return false;
    }
    const char *key = (const char *)event->data.scalar.value;
    ret->key_line = line_of(&event->start_mark);
    ret->key_column = column_of(&event->start_mark);
    ret->key = hg_arena_strndup(&reader->yaml->arena, key, event->data.scalar.length);
    if (!ret->key) {
        return out_of_memory(reader);
    }
    if (strcmp(key, "<<") == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        complain(reader,
                 &event->start_mark,
                 "Write the keys out.",
                 "found a merge key \"<<\", which is not supported");
    }
    if (n >= HG_YAML_MAX_KEYS) {
        complain(reader,
                 &event->start_mark,
                 NULL,
                 "found more than %d keys in one map",
                 HG_YAML_MAX_KEYS);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].key, key) == 0) {
            complain(reader,
                     &event->start_mark,
                     "Remove one of them.",
                     "found the key \"%s\" again, it stands in line %d already",
                     key,
                     pairs[i].key_line);
            break;
        }
    }
    return true;
}

static bool read_pair(struct reader *reader,
                      yaml_event_t *key,
                      const struct hg_yaml_pair *pairs,
                      size_t n,
                      struct hg_yaml_pair *ret)
{
    if (!read_key(reader, key, pairs, n, ret)) {
        return false;
    }
    HG_CLEANUP(event_deletep) yaml_event_t event;
    return next(reader, &event) && read_node(reader, &event, &ret->value);
}

static bool read_map(struct reader *reader, const yaml_event_t *start, struct hg_yaml_node **ret)
{
    struct hg_yaml_node *map = new_node(reader, HG_YAML_MAP, &start->start_mark);
    HG_CLEANUP(hg_freep) struct hg_yaml_pair *pairs = NULL;
    size_t room = 0;
    bool ok = map != NULL;
    while (ok) {
        HG_CLEANUP(event_deletep) yaml_event_t event;
        ok = next(reader, &event);
        if (!ok || event.type == YAML_MAPPING_END_EVENT) {
            break;
        }
        struct hg_yaml_pair pair = {0};
        ok = read_pair(reader, &event, pairs, map->n, &pair);
        if (pair.value) {
            if (hg_grow(&pairs, map->n, &room, sizeof pair) < 0) {
                return out_of_memory(reader);
            }
            pairs[map->n++] = pair;
            map->weight += pair.value->weight;
            map->depth = pair.value->depth >= map->depth ? pair.value->depth + 1 : map->depth;
        }
    }
    if (!map) {
        return false;
    }
    map->pairs = hg_arena_alloc(&reader->yaml->arena, (map->n + 1) * sizeof *map->pairs);
    if (!map->pairs) {
        map->n = 0;
        return out_of_memory(reader);
    }
    if (map->n > 0) {
        memcpy(map->pairs, pairs, map->n * sizeof *map->pairs);
    }
    *ret = map;
    return ok && add_weight(reader, &start->start_mark, 1);
}

struct properties {
    const yaml_char_t *anchor;
    const yaml_char_t *tag;
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
