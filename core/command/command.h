/*
 * The subcommands. Each reads its own arguments (argv[0] is its name) and returns the exit code:
 * 0, 1 for a failure, 2 for a wrong use or configuration, 3 from `run` when it lost sight of a run
 * that may go on.
 */
#ifndef HG_COMMAND_COMMAND_H
#define HG_COMMAND_COMMAND_H

enum { HG_EXIT_OK = 0, HG_EXIT_FAILED = 1, HG_EXIT_USAGE = 2, HG_EXIT_UNKNOWN = 3 };

int hg_command_serve(int argc, char **argv);
int hg_command_run(int argc, char **argv);
int hg_command_check(int argc, char **argv);
int hg_command_migrate(int argc, char **argv);
int hg_command_pause(int argc, char **argv);
int hg_command_resume(int argc, char **argv);
int hg_command_key(int argc, char **argv);
int hg_command_plugin(int argc, char **argv);

#endif
