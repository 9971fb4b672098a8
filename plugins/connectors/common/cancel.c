#include "cancel.h"

#include <sys/eventfd.h>
#include <unistd.h>

void src_cancel_open(struct src_cancel *cancel, const struct hg_host *host)
{
    cancel->host = host;
    atomic_init(&cancel->wanted, false);
    /* Without one a cancelled read that waits is seen by asking the host now and then. */
    cancel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void src_cancel_close(struct src_cancel *cancel)
{
    if (cancel->event_fd >= 0) {
        close(cancel->event_fd);
    }
}

void src_cancel_now(struct src_cancel *cancel)
{
    atomic_store(&cancel->wanted, true);
    if (cancel->event_fd >= 0) {
        uint64_t one = 1;
        ssize_t n = write(cancel->event_fd, &one, sizeof one);
        (void)n; /* a full counter wakes the reader as well */
    }
}

bool src_cancelled(struct src_cancel *cancel)
{
    if (!atomic_load_explicit(&cancel->wanted, memory_order_relaxed) &&
        cancel->host->is_cancelled(cancel->host)) {
        atomic_store(&cancel->wanted, true);
    }
    return atomic_load_explicit(&cancel->wanted, memory_order_relaxed);
}
