/*
 * An alert as a mail: headers and body. Whatever stands in a name or an error, it cannot become a
 * header or a recipient.
 */
#ifndef HG_ALERTS_MAIL_H
#define HG_ALERTS_MAIL_H

#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

struct hg_mail_head {
    const char *id;   /* of the delivery: the same in each attempt */
    const char *from; /* these two such that hg_mail_is_address takes them */
    const char *const *to;
    int64_t at_us;
};

/* Appends the mail. `content` as hg_alert_content gives it. */
void hg_mail_put(struct hg_buf *buf, const struct hg_mail_head *head, const json_t *content);

#endif
