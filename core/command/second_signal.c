#include "command/second_signal.h"

#include <signal.h>

#include "base/log.h"
#include "store/cluster.h"

enum { LEAVE = SIGUSR1 }; /* sent to the thread alone */

void hg_ending_signals(sigset_t *ret)
{
    (void)sigemptyset(ret);
    (void)sigaddset(ret, SIGINT);
    (void)sigaddset(ret, SIGTERM);
}

static void end_now(const struct hg_second_signal *second, int signal_number)
{
    sigset_t it;
    hg_log(HG_LOG_WARNING,
           "ends at once, without waiting for running tasks; they are taken up at the next start",
           "signal",
           sigabbrev_np(signal_number),
           "postgresql",
           second->cluster ? "asked to end" : NULL,
           NULL);
    if (second->cluster) {
        hg_cluster_ask_to_end(second->cluster);
    }
    (void)sigemptyset(&it);
    (void)sigaddset(&it, signal_number);
    (void)pthread_sigmask(SIG_UNBLOCK, &it, NULL);
    (void)raise(signal_number);
}

static void *wait_for_it(void *arg)
{
    sigset_t watched;
    int signal_number = 0;
    hg_ending_signals(&watched);
    (void)sigaddset(&watched, LEAVE);
    while (sigwait(&watched, &signal_number) != 0) {
    }
    if (signal_number != LEAVE) {
        end_now(arg, signal_number);
    }
    return NULL;
}

void hg_second_signal_watch(struct hg_second_signal *second, struct hg_cluster *cluster)
{
    sigset_t all;
    sigset_t old;
    second->cluster = cluster;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    second->has_thread = pthread_create(&second->thread, NULL, wait_for_it, second) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!second->has_thread) {
        hg_second_signal_leave(second);
    }
}

void hg_second_signal_leave(struct hg_second_signal *second)
{
    sigset_t ending;
    if (second->has_thread) {
        (void)pthread_kill(second->thread, LEAVE);
        (void)pthread_join(second->thread, NULL);
        second->has_thread = false;
    }
    hg_ending_signals(&ending);
    (void)pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}
