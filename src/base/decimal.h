/*
 * decimal.h - numbers as decimal digits, for what is written at every request: printf() costs ten times as much.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* The longest: a minus, twenty digits. No NUL is written. */
#define DECIMAL_BYTES 21

/* Returns how many characters were written. */
size_t decimal_uint(char out[static DECIMAL_BYTES], uint64_t value);
size_t decimal_int(char out[static DECIMAL_BYTES], int64_t value);
/* Exactly so many digits, with zeros in front; higher ones are left out. Returns the end. */
char *decimal_padded(char *out, uint64_t value, int digits);

#endif
