/*
 * The environment that child processes get.
 */
#ifndef HG_BASE_ENV_H
#define HG_BASE_ENV_H

/*
 * A list for exec, ended by NULL: only variables that are known to hold no secret (paths,
 * sanitizer options), and the C locale, whatever ours is: programs' messages are read by us and
 * numbers must not change with the language. Our own environment may hold passwords and connection
 * strings, which must not be seen in a child's. The list is owned by the caller, free; its texts
 * are borrowed from the process's environment. NULL without memory. Not while another thread
 * changes the environment.
 */
char **hg_env_for_child(void);

#endif
