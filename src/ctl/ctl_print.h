/* ctl_print.h - how vitalsctl prints times, and what others chose. */
#ifndef CTL_CTL_PRINT_H
#define CTL_CTL_PRINT_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct jsonw;

#define CTL_AGE_BYTES 32
#define CTL_ANY_WIDTH INT_MAX

/* "3d 4h", "2h 5m", "7m 3s", "12s". */
void ctl_write_age(char text[static CTL_AGE_BYTES], double seconds);
/* What is no printable character of valid UTF-8 becomes '?', so that nobody's bytes steer the terminal. */
void ctl_put_safe(const char *text, FILE *out);
/* The same, of at most so many characters, the last of which is then "…". Returns how many were printed. */
int ctl_put_cut(const char *text, int width, FILE *out);

/* ---- The same in JSON ---- */

struct err;
/* One object in one line: put writes what is in it. -1 with err: no memory. */
int ctl_show_object(void (*put)(struct jsonw *w, const void *what), const void *what, FILE *out, struct err *err);

#endif
