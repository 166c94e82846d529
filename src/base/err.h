/*
 * err.h - why something failed while starting up: one whole sentence for the operator.
 *
 * Functions that can fail at start return 0 or -1 and take a struct err *. The sentence names the
 * setting or file, its value (never a secret) and what to do.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
	char text[512];
};

/* Sets the sentence, cut at 511 bytes; always returns -1. err may be NULL. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
