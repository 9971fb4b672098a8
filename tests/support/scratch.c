#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* To a test program that a test starts: the folder is its starter's. */
#define GIVEN "HG_TEST_SCRATCH"

static char root[32];
static pid_t owner;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int hg_scratch_remove(const char *path)
{
    return nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ? 0 : -1;
}

int hg_scratch_make(const char *name, char ret_path[HG_SCRATCH_BYTES])
{
    (void)snprintf(ret_path, HG_SCRATCH_BYTES, "%s/%.16s-XXXXXX", root, name);
    if (!mkdtemp(ret_path)) {
        perror(ret_path);
        return -1;
    }
    return 0;
}

/* How many entries there are, after naming them. */
static int name_entries(void)
{
    int n = 0;
    DIR *folder = opendir(root);
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry;
         entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)fprintf(stderr, "scratch: the test left %s/%s behind\n", root, entry->d_name);
            n++;
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
    return n;
}

/* Children that leave by exit() share the folder, which is not theirs. */
static void at_end(int status, void *arg)
{
    (void)arg;
    if (getpid() != owner) {
        return;
    }
    int n = name_entries();
    (void)hg_scratch_remove(root);
    if (n > 0 && status == 0) {
        (void)fflush(NULL);
        _exit(1);
    }
}

__attribute__((constructor)) static void at_start(void)
{
    const char *given = getenv(GIVEN);
    if (given) {
        (void)snprintf(root, sizeof root, "%s", given);
        return;
    }
    (void)snprintf(root, sizeof root, "/tmp/hg-unit-XXXXXX");
    /* For the server's user and tests that become another, too. */
    if (!mkdtemp(root) || chmod(root, 01777) < 0 || setenv("TMPDIR", root, 1) < 0 ||
        setenv(GIVEN, root, 1) < 0 || on_exit(at_end, NULL) != 0) {
        perror("scratch: cannot make a folder in /tmp");
        _exit(1);
    }
    owner = getpid();
}
