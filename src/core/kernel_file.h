/*
 * kernel_file.h - small text files of /proc and /sys, read whole.
 */
#ifndef CORE_KERNEL_FILE_H
#define CORE_KERNEL_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads what fits, closed with a NUL. Returns its length, or -1 where the file cannot be read. */
long kernel_file_read(const char *path, char *text, size_t size_bytes);
/* The number at the start of the file; -1 where there is none ("max") or no file. */
int kernel_file_number(const char *path, uint64_t *number);
/* The number after key at the start of a line ("MemTotal:", "inactive_file"); -1 where there is no such line. */
int kernel_text_number(const char *text, const char *key, uint64_t *number);

#endif
