/*
 * chance.h - random numbers to spread things in time; not for secrets.
 */
#ifndef STORE_CHANCE_H
#define STORE_CHANCE_H

#include <stdint.h>

/* Any 32-bit number. Needs no state, so that forked workers do not share a sequence. */
uint32_t chance(void);

#endif
