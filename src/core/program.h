/* program.h - where this program's file is, to execute it again. */
#ifndef CORE_PROGRAM_H
#define CORE_PROGRAM_H

#include <stddef.h>

struct err;

/*
 * The absolute path that name, which was argv[0], stood for: as it is, below the working directory, or in PATH.
 * Symbolic links stay in it, so that one that is turned to another version is followed then. -1 with err.
 */
int program_path(const char *name, char *path, size_t size_bytes, struct err *err);

#endif
