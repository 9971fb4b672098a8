/*
 * Temporary folders of a test program. Linked into every program of hg_add_unit_test: before main
 * it makes a folder of its own and puts it into TMPDIR; at the end the program fails when something
 * is left in there, says what, and removes it.
 */
#ifndef HG_TEST_SCRATCH_H
#define HG_TEST_SCRATCH_H

/* Room for the path of a folder: short, as sockets lie in some. */
enum { HG_SCRATCH_BYTES = 64 };

/*
 * Makes an empty folder, mode 0700, in the program's own. `name` has at most 16 characters. 0, or
 * -1 after saying why.
 */
int hg_scratch_make(const char *name, char ret_path[HG_SCRATCH_BYTES]);

/* Removes a folder with all that is in it. 0, or -1 when something stays. A missing one is fine. */
int hg_scratch_remove(const char *path);

#endif
