/*
 * headgate: the command line.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "command/command.h"
#include "command/options.h"
#include "worker/worker_main.h"

/* Started by the host's supervisor, not by people. */
static int command_worker(int argc, char **argv)
{
    struct hg_error err = HG_ERROR_INIT;
    int64_t limit_bytes = 0;
    if (argc != 3 || strcmp(argv[1], "--memory-limit") != 0 ||
        hg_parse_int64(argv[2], 0, INT64_MAX, &limit_bytes, &err) < 0) {
        (void)fprintf(stderr, "headgate: worker is started by headgate serve\n");
        return HG_EXIT_USAGE;
    }
    return hg_worker_main(limit_bytes);
}

static int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("headgate %s\n", HG_VERSION);
    return HG_EXIT_OK;
}

static int command_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not for people */
} commands[] = {
    {"serve", hg_command_serve, "serve [-c FILE]                  run the host"},
    {"run",
     hg_command_run,
     "run PIPELINE [--param NAME=VALUE]... [--json] [-c FILE]\n"
     "                                   run one pipeline and wait for it"},
    {"check",
     hg_command_check,
     "check [-c FILE]                  check all files without starting"},
    {"migrate",
     hg_command_migrate,
     "migrate [-c FILE]                bring the databases up to date"},
    {"pause",
     hg_command_pause,
     "pause [PIPELINE] [-c FILE]       begin nothing new, or fire one schedule no more"},
    {"resume", hg_command_resume, "resume [PIPELINE] [-c FILE]      end the pause"},
    {"key",
     hg_command_key,
     "key rotate [--prepare] [-c FILE]\n"
     "                                   seal all secrets with a new master key"},
    {"plugin", hg_command_plugin, "plugin list | inspect | check | run"},
    {"worker", command_worker, NULL},
    {"version", command_version, "version"},
    {"help", command_help, "help"},
};

static void usage(FILE *to)
{
    (void)fprintf(to, "usage: headgate COMMAND\n");
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        if (commands[i].summary) {
            (void)fprintf(to, "  %s\n", commands[i].summary);
        }
    }
}

static int command_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    usage(stdout);
    return HG_EXIT_OK;
}

static int unknown(const char *name)
{
    const char *names[HG_COUNT(commands) + 1] = {NULL};
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        names[i] = commands[i].summary ? commands[i].name : "";
    }
    hg_command_unknown("headgate", name, names);
    usage(stderr);
    return HG_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return HG_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (hg_command_asks_help(name)) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    for (size_t i = 0; i < HG_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown(name);
}
