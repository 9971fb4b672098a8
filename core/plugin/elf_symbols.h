/*
 * The dynamic symbols of a shared object, read from the file without loading it.
 */
#ifndef HG_PLUGIN_ELF_SYMBOLS_H
#define HG_PLUGIN_ELF_SYMBOLS_H

#include "base/error.h"

/*
 * Calls `each` for every symbol that the file lets out. HG_EDATA when it is no 64-bit ELF shared
 * object of this machine or is cut short.
 */
int hg_elf_exports(const char *file,
                   void (*each)(void *arg, const char *name),
                   void *arg,
                   struct hg_error *err);

#endif
