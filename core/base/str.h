/*
 * Text helpers.
 */
#ifndef HG_BASE_STR_H
#define HG_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

/* Appends `text` as a JSON string; bytes that are not UTF-8 become U+FFFD. */
void hg_json_quote(struct hg_buf *buf, const char *text);
/* The same for `n` bytes, which may hold NULs. */
void hg_json_quote_n(struct hg_buf *buf, const char *text, size_t n);

/*
 * A JSON string of any bytes, those that are not UTF-8 as U+FFFD: json_string() refuses them, and a
 * text that was cut to its room may end in the middle of a character. NULL without memory.
 */
json_t *hg_json_text(const char *text);

/* Appends one step of a JSON pointer: "~" becomes "~0", "/" becomes "~1". */
void hg_pointer_escape(struct hg_buf *buf, const char *key);

/* Bytes at the start of `text` that are whole, valid UTF-8; n when all is. */
size_t hg_utf8_valid(const char *text, size_t n);

/*
 * Of `names` (ended by NULL), the one nearest to `name` by edits, or NULL when none is near enough
 * to be what was meant.
 */
const char *hg_nearest(const char *name, const char *const *names);

/* [a-z0-9-]{1,63} */
bool hg_is_slug(const char *text);

bool hg_starts_with(const char *text, const char *prefix);
bool hg_ends_with(const char *text, const char *suffix);

/* "a/b" and "c" to "a/b/c"; an absolute `path` is returned as it is. Owned by the caller, free. */
char *hg_path_join(const char *folder, const char *path);
/*
 * The same with "." and ".." steps taken out by name alone (a ".." behind a symbolic link goes to
 * where the name says, not where the link leads). Owned by the caller, free.
 */
char *hg_path_resolve(const char *folder, const char *path);
/* The folder part of a path, "." when it has none. Owned by the caller, free. */
char *hg_path_folder(const char *path);

#endif
