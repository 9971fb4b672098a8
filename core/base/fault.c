#include "base/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

static const struct {
    const char *word;
    int signal_number;
} actions[] = {{"kill", SIGKILL}, {"stop", SIGSTOP}};

static void act(const char *word)
{
    for (size_t i = 0; i < HG_COUNT(actions); i++) {
        if (strcmp(actions[i].word, word) == 0) {
            (void)kill(getpid(), actions[i].signal_number);
            return;
        }
    }
    _exit(1);
}

void hg_fault_pass(const char *step)
{
    char path[PATH_MAX];
    char word[16] = "";
    const char *folder = getenv("HEADGATE_FAULT_DIR");
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder, step) >= (int)sizeof path) {
        return;
    }
    HG_CLEANUP(hg_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t n = read(fd, word, sizeof word - 1);
    /* Only one process takes it: whoever removes the file. */
    if (n > 0 && unlink(path) == 0) {
        word[strcspn(word, "\n")] = '\0';
        act(word);
    }
}

int64_t hg_fault_number(const char *variable, int64_t usual)
{
    int64_t number = 0;
    const char *text = getenv(variable);
    return text && hg_parse_int64(text, 1, INT64_MAX, &number, NULL) == 0 ? number : usual;
}
