/* Addresses of mail. */
#ifndef HG_BASE_MAIL_H
#define HG_BASE_MAIL_H

#include <stdbool.h>

/*
 * name@domain of ASCII, without anything that would need quotes: what may stand in a header and in
 * a command to a server as it is.
 */
bool hg_mail_is_address(const char *text);

#endif
