/*
 * ${NAME} and ${file:PATH} in texts of files on disk.
 */
#ifndef HG_CONFIG_FILL_H
#define HG_CONFIG_FILL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

/* Whether `text` has a reference in it; $${ is none, it stands for ${ itself. */
bool hg_fill_has_reference(const char *text);
/* Whether it is one reference and nothing else, as secrets are written. */
bool hg_fill_is_reference(const char *text);

/*
 * Appends `text` with ${NAME} replaced by that environment variable and ${file:PATH} by what the
 * file holds, without newlines at its end; PATH is relative to `folder`. HG_EINVAL when something
 * is missing or is no UTF-8; the message never holds what was filled in.
 */
int hg_fill_text(const char *text, const char *folder, struct hg_buf *to, struct hg_error *err);

#endif
