/*
 * Takes secrets out of texts by their value, whatever field they stand in: as they are, escaped for
 * URLs or JSON, in hex, in base64 (also in the middle of something longer, as in a header for basic
 * authentication).
 *
 * For texts that come from elsewhere while a secret is in use: what a server answered, what a
 * library says. What is found becomes asterisks, four for each. Nothing is allocated, so scrubbing
 * cannot fail.
 */
#ifndef HG_BASE_SCRUB_H
#define HG_BASE_SCRUB_H

#include <stddef.h>

#include "base/secret.h"

enum {
    HG_SCRUB_MAX = 8,      /* secrets that are in use for one call */
    HG_SCRUB_SHORTEST = 4, /* bytes; what is shorter would blot out whole texts and is left */
};

/* In the caller's frame; zeroed is empty. Borrows the secrets while it is used. */
struct hg_scrubber {
    const struct hg_secret *secrets[HG_SCRUB_MAX];
    size_t n;
};

/* HG_ETOOBIG when there are HG_SCRUB_MAX already. */
int hg_scrub_add(struct hg_scrubber *scrubber,
                 const struct hg_secret *secret,
                 struct hg_error *err);

/*
 * Scrubs `n` bytes in place and returns how many are left, at most n. A secret that the end of the
 * text cuts off is found, too, when HG_SCRUB_SHORTEST bytes of it are there.
 */
size_t hg_scrub_bytes(const struct hg_scrubber *scrubber, char *text, size_t n);
/* A text with its NUL. */
void hg_scrub_text(const struct hg_scrubber *scrubber, char *text);
/* Message, hint and pointer of an error; NULL is fine. */
void hg_scrub_error(const struct hg_scrubber *scrubber, struct hg_error *err);

#endif
