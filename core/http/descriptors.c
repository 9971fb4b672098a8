#include "http/descriptors.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"

enum { OF_THE_REST = 256 }; /* pools, workers, files of logs: about a hundred by day */

int hg_descriptors_fit(unsigned long long limit, int connections, int sockets)
{
    unsigned long long taken = OF_THE_REST + (unsigned long long)connections;
    if (limit >= taken + (unsigned long long)sockets) {
        return sockets;
    }
    return limit > taken ? (int)(limit - taken) : 1;
}

static void warn(unsigned long long limit, unsigned long long wanted, int sockets)
{
    char texts[3][24];
    (void)snprintf(texts[0], sizeof texts[0], "%llu", limit);
    (void)snprintf(texts[1], sizeof texts[1], "%llu", wanted);
    (void)snprintf(texts[2], sizeof texts[2], "%d", sockets);
    hg_log(HG_LOG_WARNING,
           "the limit of open files is low: there may be fewer live connections",
           "limit",
           texts[0],
           "wanted",
           texts[1],
           "live_connections",
           texts[2],
           "hint",
           "Raise it: LimitNOFILE= of the unit, or `ulimit -Hn` of the shell.",
           NULL);
}

int hg_descriptors_make_room(int connections, int sockets)
{
    struct rlimit limit;
    const rlim_t wanted = OF_THE_REST + (rlim_t)connections + (rlim_t)sockets;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return sockets;
    }
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = limit;
        raised.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    int fit = hg_descriptors_fit(limit.rlim_cur, connections, sockets);
    if (fit < sockets) {
        warn(limit.rlim_cur, wanted, fit);
    }
    return fit;
}
