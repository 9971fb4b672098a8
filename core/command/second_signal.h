/*
 * The second signal to stop, while a host is stopping: it ends the process at once, as a crash
 * would, but for the private database server, which is asked to end too. What was running is
 * taken up at the next start.
 */
#ifndef HG_COMMAND_SECOND_SIGNAL_H
#define HG_COMMAND_SECOND_SIGNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct hg_cluster;

/* SIGINT and SIGTERM: those that ask a process to stop. */
void hg_ending_signals(sigset_t *ret);

struct hg_second_signal {
    pthread_t thread;
    bool has_thread;
    struct hg_cluster *cluster; /* NULL: the databases are somebody else's */
};

/*
 * SIGINT and SIGTERM are blocked in all threads, and a thread of its own waits for them. The
 * cluster is borrowed until hg_second_signal_leave.
 */
void hg_second_signal_watch(struct hg_second_signal *second, struct hg_cluster *cluster);
/* From here on such a signal, one that has come already too, ends the process and nothing else. */
void hg_second_signal_leave(struct hg_second_signal *second);

#endif
