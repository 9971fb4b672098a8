/*
 * The subcommands. Each reads its own arguments (argv[0] is its name) and returns the exit code:
 * 0, 1 for a failure, 2 for a wrong use or configuration.
 */
#ifndef HG_COMMAND_COMMAND_H
#define HG_COMMAND_COMMAND_H

enum { HG_EXIT_OK = 0, HG_EXIT_FAILED = 1, HG_EXIT_USAGE = 2 };

int hg_command_serve(int argc, char **argv);
int hg_command_run(int argc, char **argv);
int hg_command_check(int argc, char **argv);
int hg_command_migrate(int argc, char **argv);
int hg_command_plugin(int argc, char **argv);

#endif
