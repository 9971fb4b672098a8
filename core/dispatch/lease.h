/*
 * How long this host's lease is; that of all it runs.
 */
#ifndef HG_DISPATCH_LEASE_H
#define HG_DISPATCH_LEASE_H

#include <stdint.h>

int64_t hg_lease_ms(void);

#endif
