/*
 * address_block.h - a block of IP addresses, "10.0.0.0/8", "2001:db8::/32" or a single address: what
 * ADMIN_ALLOW is made of.
 */
#ifndef CORE_ADDRESS_BLOCK_H
#define CORE_ADDRESS_BLOCK_H

#include <stdbool.h>

struct err;

struct address_block {
	unsigned char bytes[16]; /* IPv4 mapped into IPv6, RFC 4291 section 2.5.5.2 */
	unsigned prefix_bits;    /* 0 to 128 */
};

/* 0, or -1 with a sentence that says what is allowed. */
int address_block_parse(struct address_block *block, const char *text, struct err *err);
/* True where ip is a numeric address in the block; IPv4 and its form mapped into IPv6 are the same. */
bool address_block_contains(const struct address_block *block, const char *ip);

#endif
