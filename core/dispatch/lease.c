#include "dispatch/lease.h"

#include "base/fault.h"
#include "flow/ledger.h"

int64_t hg_lease_ms(void)
{
    return HG_FAULT_NUMBER("HEADGATE_LEASE_MS", HG_LEASE_MS);
}
