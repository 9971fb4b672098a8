#include "worker/blame.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

struct hg_blame {
    struct hg_blame_note note;
};

int hg_blame_open(int fd, struct hg_blame **ret, struct hg_error *err)
{
    void *page = mmap(NULL, sizeof(struct hg_blame), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return hg_error_errno(err, errno, "cannot map the page shared with the worker");
    }
    *ret = page;
    return HG_OK;
}

int hg_blame_new(struct hg_blame **ret, int *ret_fd, struct hg_error *err)
{
    HG_CLEANUP(hg_closep) int fd = memfd_create("headgate-blame", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(struct hg_blame)) < 0) {
        return hg_error_errno(err, errno, "cannot make the page shared with the worker");
    }
    int r = hg_blame_open(fd, ret, err);
    if (r < 0) {
        return r;
    }
    *ret_fd = fd;
    fd = -1;
    return HG_OK;
}

void hg_blame_free(struct hg_blame *blame)
{
    if (blame) {
        (void)munmap(blame, sizeof *blame);
    }
}

static void set_text(char to[HG_BLAME_TEXT], const char *text)
{
    size_t n = text ? strnlen(text, HG_BLAME_TEXT - 1) : 0;
    if (n > 0) {
        memcpy(to, text, n);
    }
    to[n] = '\0';
}

void hg_blame_set(struct hg_blame *blame, const char *job, const char *plugin_id)
{
    set_text(blame->note.job, job);
    set_text(blame->note.plugin, plugin_id);
    /* The reader looks after this process died: the stores only must not be left out or reordered
     * around the call into the plugin. */
    __asm__ volatile("" ::: "memory");
}

void hg_blame_get(const struct hg_blame *blame, struct hg_blame_note *ret)
{
    *ret = blame->note;
    ret->plugin[HG_BLAME_TEXT - 1] = '\0'; /* whatever a plugin wrote there */
    ret->job[HG_BLAME_TEXT - 1] = '\0';
}
