/* address_block.c - blocks of addresses. All is done in IPv6, with IPv4 mapped into it. */
#include "address_block.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The bytes of an address; returns the bits that its notation counts (32, 128), or 0. */
static unsigned
read_ip(unsigned char bytes[16], const char *text)
{
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return 128;
	if (inet_pton(AF_INET, text, bytes + 12) != 1)
		return 0;
	memcpy(bytes, mapped_prefix, sizeof mapped_prefix);
	return 32;
}

static int
read_bits(unsigned *bits, const char *text, unsigned most)
{
	size_t size = strlen(text);
	if (size == 0 || size > 3 || strspn(text, "0123456789") != size)
		return -1;
	*bits = (unsigned)strtoul(text, NULL, 10);
	return *bits <= most ? 0 : -1;
}

int
address_block_parse(struct address_block *block, const char *text, struct err *err)
{
	char ip[INET6_ADDRSTRLEN];
	size_t size = strcspn(text, "/");
	unsigned width = 0, bits;
	if (size < sizeof ip) {
		memcpy(ip, text, size);
		ip[size] = '\0';
		width = read_ip(block->bytes, ip);
	}
	bits = width;
	if (width == 0 || (text[size] == '/' && read_bits(&bits, text + size + 1, width) != 0))
		return err_set(err, "\"%s\" is neither an IP address nor a block such as 10.0.0.0/8 or 2001:db8::/32.",
		               text);
	block->prefix_bits = bits + (128 - width);
	return 0;
}

bool
address_block_contains(const struct address_block *block, const char *ip)
{
	unsigned char bytes[16];
	if (read_ip(bytes, ip) == 0)
		return false;
	unsigned whole = block->prefix_bits / 8, rest = block->prefix_bits % 8;
	if (memcmp(bytes, block->bytes, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ block->bytes[whole]) >> (8 - rest)) == 0;
}
