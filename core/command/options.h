/*
 * What the subcommands share: reading arguments, the configuration, saying what is wrong.
 */
#ifndef HG_COMMAND_OPTIONS_H
#define HG_COMMAND_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "config/host_config.h"
#include "plugin/registry.h"

enum { HG_OPERANDS_MAX = 256, HG_OPTIONS_WRONG = -1, HG_OPTIONS_HELP = -2 };

/* One option of a subcommand. Its value goes where the pointer that is set points. */
struct hg_option {
    const char *name;   /* "config", long form */
    char letter;        /* 'c', or 0 */
    const char **text;  /* takes a value, the last one counts */
    bool *flag;         /* takes none */
    const char ***list; /* takes a value each time, appended; room for HG_OPERANDS_MAX */
};

/*
 * Reads argv[1..] by a table ended by a NULL name; the rest go to `operands` (room for
 * HG_OPERANDS_MAX). Returns how many operands there are, HG_OPTIONS_WRONG after it has said on
 * stderr what is wrong, or HG_OPTIONS_HELP when --help or -h asked for the usage.
 */
int hg_options_read(int argc, char **argv, const struct hg_option *options, const char **operands);

/* Whether it is --help or -h. */
bool hg_command_asks_help(const char *arg);

/*
 * For what hg_options_read gave when it is not what the command takes: prints "usage: headgate
 * <usage>", on stdout when it was asked for, and returns the exit code.
 */
int hg_command_usage(int n_operands, const char *usage);

/* Says on stderr that there is no such command, and which of `names` (ended by NULL) is near. */
void hg_command_unknown(const char *of, const char *name, const char *const *names);

/* Prints an error as people read it: "headgate: message" and the hint below. */
void hg_command_complain(const struct hg_error *err);

/*
 * Reads the configuration, and looks at the objects of its files too. As hg_host_config_load:
 * HG_EINVAL with what is wrong in `diagnostics`.
 */
int hg_command_load(const char *file,
                    struct hg_host_config **ret,
                    struct hg_diagnostics *diagnostics,
                    struct hg_error *err);
/* The same, and sets the log up. False after it has printed what is wrong. */
bool hg_command_config(const char *file, struct hg_host_config **ret);

/*
 * A subcommand that takes nothing but --config: reads it and runs `run` with it. Returns the exit
 * code.
 */
int hg_command_with_config(int argc, char **argv, int (*run)(const struct hg_host_config *config));

/* The path of this program; borrowed, static. */
const char *hg_command_self(void);

/* The registry of the configured plugins. `cache` keeps what was inspected in the data folder. */
int hg_command_plugins(const struct hg_host_config *config,
                       bool cache,
                       struct hg_plugin_registry **ret,
                       struct hg_error *err);

#endif
