/*
 * The process's limit of open files, and what the server's connections take of it.
 */
#ifndef HG_HTTP_DESCRIPTORS_H
#define HG_HTTP_DESCRIPTORS_H

/*
 * How many sockets there may be beside `connections` where a process may have `limit` open files:
 * `sockets`, or as many as leave the rest of the host (databases, workers, logs) its own. Not under
 * one.
 */
int hg_descriptors_fit(unsigned long long limit, int connections, int sockets);
/*
 * The same for this process. Its soft limit is raised as far as that takes and the hard one allows;
 * where it is still too low, a warning says so. Call it at start-up.
 */
int hg_descriptors_make_room(int connections, int sockets);

#endif
