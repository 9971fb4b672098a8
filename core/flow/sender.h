/*
 * COPY ... FROM STDIN (FORMAT BINARY) with a thread of its own that sends, so that the next rows
 * are encoded while the last ones travel.
 *
 * A few buffers go round: the encoding thread fills one, hands it over and takes an empty one,
 * waiting when all are on their way. While a COPY is open its connection belongs to the sending
 * thread; everyone else keeps away from it until hg_sender_finish or hg_sender_abort returned.
 */
#ifndef HG_FLOW_SENDER_H
#define HG_FLOW_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/db.h"

struct hg_sender;

/* Starts the COPY. *ret is freed by hg_sender_finish or hg_sender_abort. */
int hg_sender_start(struct hg_db *db,
                    const char *copy_sql,
                    struct hg_sender **ret,
                    struct hg_error *err);
/*
 * `n` bytes to be written to, contiguous, until hg_sender_advance; NULL when there is no memory or
 * the server has ended the COPY: hg_sender_finish says why.
 */
uint8_t *hg_sender_room(struct hg_sender *sender, size_t n);
void hg_sender_advance(struct hg_sender *sender, size_t n);
/* Sends the rest, ends the COPY and frees the sender, also on failure. *ret_rows: rows copied. */
int hg_sender_finish(struct hg_sender *sender, int64_t *ret_rows, struct hg_error *err);
/* Ends the COPY as failed (the transaction with it) and frees the sender; takes NULL. */
void hg_sender_abort(struct hg_sender *sender);

#endif
