#include "base/env.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static const char *const passed_on[] = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "TSAN_OPTIONS",
    "UBSAN_OPTIONS",
#ifdef HG_FAULTS
    "HEADGATE_FAULT_DIR",
#endif
};

static bool is_passed_on(const char *entry)
{
    for (size_t i = 0; i < HG_COUNT(passed_on); i++) {
        size_t n = strlen(passed_on[i]);
        if (strncmp(entry, passed_on[i], n) == 0 && entry[n] == '=') {
            return true;
        }
    }
    return false;
}

char **hg_env_for_child(void)
{
    static char english[] = "LC_ALL=C.UTF-8";
    char **list = calloc(HG_COUNT(passed_on) + 2, sizeof *list);
    size_t n = 0;
    for (char **entry = environ; list && entry && *entry && n < HG_COUNT(passed_on); entry++) {
        if (is_passed_on(*entry)) {
            list[n++] = *entry;
        }
    }
    if (list) {
        list[n] = english;
    }
    return list;
}
