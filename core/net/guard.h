/*
 * What the host may reach: public addresses, and those that the operator has allowed besides. URLs
 * are user input, so an address is judged after its name was resolved and right before it is
 * connected to: no spelling and no name server gets past that.
 */
#ifndef HG_NET_GUARD_H
#define HG_NET_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "headgate/plugin.h"

struct hg_guard;

/* `allowed` as hg_networks_new takes them: besides the public ones. Owned by the caller. */
int hg_guard_new(const char *const *allowed, struct hg_guard **ret, struct hg_error *err);
/* NULL is fine. */
void hg_guard_free(struct hg_guard *guard);
HG_DEFINE_CLEANUP(hg_guard_freep, struct hg_guard *, hg_guard_free)

/*
 * Whether it may be connected to. IPv4 that is wrapped in IPv6 (mapped, NAT64, 6to4) is judged by
 * what is inside; what is neither IPv4 nor IPv6 may not. [any] thread.
 */
bool hg_guard_allows(const struct hg_guard *guard, const struct sockaddr *address);

/* The same for an address as text, for any port; one that cannot be read may not. */
bool hg_guard_allows_text(const struct hg_guard *guard, const char *address, int port);

#endif
