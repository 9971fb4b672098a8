/*
 * Fault points: named steps at which a test can end or freeze the process that passes by. Compiled
 * only into test builds (HG_FAULTS); elsewhere they are nothing.
 *
 * A test puts a file named as the step into the folder $HEADGATE_FAULT_DIR; the first process that
 * passes the step takes the file away and does what it says: "kill" or "stop" (SIGKILL and SIGSTOP
 * to itself), or "exit".
 */
#ifndef HG_BASE_FAULT_H
#define HG_BASE_FAULT_H

#include <stdint.h>

#ifdef HG_FAULTS
#define HG_FAULT(step) hg_fault_pass(step)
/* A figure that a test may set by the environment; `usual` where it does not. */
#define HG_FAULT_NUMBER(variable, usual) hg_fault_number(variable, usual)
#else
#define HG_FAULT(step)                   ((void)0)
#define HG_FAULT_NUMBER(variable, usual) (usual)
#endif

void hg_fault_pass(const char *step);
int64_t hg_fault_number(const char *variable, int64_t usual);

#endif
