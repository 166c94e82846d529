/*
 * random_id.c - one block of random bytes a thread, handed out from its end.
 *
 * The block lies on a page of its own that the kernel gives to a child as zeros (MADV_WIPEONFORK, madvise(2)): "left"
 * is 0 there, so a child asks for bytes of its own, whichever way it was made. A hook of pthread_atfork() would miss
 * children of clone(2) and of _Fork(). Where there is no such page, every call asks the kernel.
 */
#include "random_id.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "insist.h"

struct block {
	size_t left;
	unsigned char bytes[RANDOM_BLOCK_BYTES];
};

/* The state of a library, as that of malloc(): nobody could hand it down to who makes an ID. */
static _Thread_local struct block *block;
static _Thread_local bool no_page;

static void
ask_kernel(unsigned char *out, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = getrandom(out + got, size - got, 0);
		INSIST(n > 0 || errno == EINTR);
		got += n > 0 ? (size_t)n : 0;
	}
}

static bool
have_page(void)
{
	if (block != NULL || no_page)
		return block != NULL;
	void *page = mmap(NULL, sizeof *block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED && madvise(page, sizeof *block, MADV_WIPEONFORK) == 0) {
		block = page;
		return true;
	}
	if (page != MAP_FAILED)
		munmap(page, sizeof *block);
	no_page = true;
	return false;
}

void
random_bytes(void *out, size_t size_bytes)
{
	INSIST(size_bytes <= RANDOM_BLOCK_BYTES);
	if (!have_page()) {
		ask_kernel(out, size_bytes);
		return;
	}
	if (block->left < size_bytes) {
		ask_kernel(block->bytes, sizeof block->bytes);
		block->left = sizeof block->bytes;
	}
	block->left -= size_bytes;
	memcpy(out, block->bytes + block->left, size_bytes);
}

static bool
all_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

void
random_hex(char *out, size_t size_bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[RANDOM_BLOCK_BYTES];
	do
		random_bytes(bytes, size_bytes);
	while (all_zero(bytes, size_bytes));
	for (size_t i = 0; i < size_bytes; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * size_bytes] = '\0';
}
