/*
 * crash_map.h - which code lies where in this process, noted down beforehand, so that a signal handler can name an
 * address: dladdr() and its like take locks that the crashed thread may hold.
 */
#ifndef PROC_CRASH_MAP_H
#define PROC_CRASH_MAP_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

#define CRASH_OBJECTS_MAX 128

struct crash_object {
	char name[48];             /* "demo.so", cut to fit */
	uintptr_t base;            /* what its addresses are relative to */
	uintptr_t start, end;      /* its code */
	const ElfW(Sym) * symbols; /* what it exports and imports; NULL: none that could be read */
	size_t symbol_count;
	const char *strings;
	size_t strings_bytes;
};

struct crash_map {
	struct crash_object objects[CRASH_OBJECTS_MAX];
	size_t count;
};

/* Notes down what is loaded now. */
void crash_map_read(struct crash_map *map);

/* What follows is for a signal handler: no lock, no memory, only what was noted down and is still mapped. */

bool crash_map_has(const struct crash_map *map, uintptr_t pc);

enum crash_frame {
	CRASH_FRAME_FAULT, /* pc is the instruction itself */
	CRASH_FRAME_CALLER /* pc is behind the call, which may be the function's last instruction */
};

/*
 * Appends "demo.so+0x1234", with " (name+0x12)" behind it where the function is one that its object exports; "0x7f…"
 * for an address in nothing that was noted down. addr2line -e demo.so takes the offset.
 */
void crash_map_write(const struct crash_map *map, struct strbuf *out, uintptr_t pc, enum crash_frame kind);

#endif
