#include "store/failure.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { TAIL_BYTES = 16384 };

/* The first whose text occurs gives code and hint. */
static const struct {
    const char *text;
    int code;
    const char *hint;
} causes[] = {
    {"No space left on device", HG_EUNAVAILABLE, "Free space on the disk that holds the data dir."},
    {"Disk quota exceeded", HG_EUNAVAILABLE, "The user's disk quota is used up: raise it."},
    {"could not look up effective user ID",
     HG_EINVAL,
     "The user that Headgate runs as has no entry in /etc/passwd: add one, or run as user "
     "headgate."},
    {"cannot be run as root", HG_EFORBIDDEN, "Run Headgate as an ordinary user."},
    {"root\" execution of the PostgreSQL server is not permitted",
     HG_EFORBIDDEN,
     "Run Headgate as an ordinary user."},
    {"invalid locale name", HG_ENOTFOUND, "Install the locale: apt-get install libc-bin locales"},
    {"is incompatible with operating system",
     HG_ENOTFOUND,
     "The cluster was made with a locale that this machine lacks: apt-get install locales"},
    {"wrong ownership",
     HG_EFORBIDDEN,
     "Give the data dir to the user that Headgate runs as (chown)."},
    {"invalid permissions", HG_EFORBIDDEN, "chmod 0700 the folder postgres in the data dir."},
    {"Permission denied",
     HG_EFORBIDDEN,
     "Give the data dir to the user that Headgate runs as (chown)."},
    {"Read-only file system",
     HG_EFORBIDDEN,
     "The disk that holds the data dir is mounted read-only."},
    {"pre-existing shared memory block",
     HG_ECONFLICT,
     "Processes of a server that crashed still run: end them, then start again."},
    {"could not create shared memory segment",
     HG_EUNAVAILABLE,
     "The machine's shared memory is used up; in a container raise its limit (--shm-size)."},
    {"Cannot allocate memory", HG_EUNAVAILABLE, "The machine has too little free memory."},
    {"Address already in use", HG_ECONFLICT, "Another server uses the socket's folder."},
    {"not compatible with this version",
     HG_ECONFLICT,
     "The cluster was made by another major version of PostgreSQL."},
    {"could not locate a valid checkpoint record",
     HG_EIO,
     "The cluster's files are damaged: restore a backup."},
};

/* The last line that tells of an error, without what stands before the message; "" for none. */
static void last_message(const char *output, char *ret, size_t n)
{
    static const char *const marks[] = {"FATAL:", "PANIC:", "error:", "ERROR:"};
    const char *found = NULL;
    for (size_t i = 0; i < HG_COUNT(marks); i++) {
        for (const char *at = strstr(output, marks[i]); at; at = strstr(at + 1, marks[i])) {
            const char *text = at + strlen(marks[i]);
            /* What follows a shutdown's reason says nothing. */
            if (text > found && !strstr(text, "the database system is shutting down\n")) {
                found = text;
            }
        }
    }
    if (!found) {
        found = output;
    }
    found += strspn(found, " \n\t");
    (void)snprintf(ret, n, "%.*s", (int)strcspn(found, "\n"), found);
}

int hg_pg_failure(const char *what, const char *output, struct hg_error *err)
{
    char message[320];
    last_message(output, message, sizeof message);
    for (size_t i = 0; i < HG_COUNT(causes); i++) {
        if (strstr(output, causes[i].text)) {
            hg_error_set(err, causes[i].code, "%s: %s", what, message);
            (void)hg_error_hint(err, "%s", causes[i].hint);
            return causes[i].code;
        }
    }
    return hg_error_set(
        err, HG_EUNAVAILABLE, "%s: %s", what, message[0] ? message : "it gave no message");
}

int hg_pg_failure_in_log(const char *what, const char *log, long offset, struct hg_error *err)
{
    char text[TAIL_BYTES + 1];
    size_t n = 0;
    HG_CLEANUP(hg_fclosep) FILE *file = fopen(log, "re");
    if (file && fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        long from = end - offset > TAIL_BYTES ? end - TAIL_BYTES : offset;
        n = fseek(file, from, SEEK_SET) == 0 ? fread(text, 1, TAIL_BYTES, file) : 0;
    }
    text[n] = '\0';
    int code = hg_pg_failure(what, text, err);
    if (err && !err->hint[0]) {
        (void)hg_error_hint(err, "See %.200s", log);
    }
    return code;
}
