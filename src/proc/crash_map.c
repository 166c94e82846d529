/*
 * crash_map.c - see crash_map.h. Read by a worker when it starts; modules are loaded by then, and stay.
 *
 * Symbols are those of the dynamic symbol table, which is always in memory. How many there are only the hash table
 * beside it tells (ELF gABI "Hash Table"; the GNU form has no count and is walked to its end).
 */
#include "crash_map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "strbuf.h"

/* ---- Beforehand --------------------------------------------------------------------------------- */

static size_t
count_gnu(const uint32_t *table)
{
	uint32_t buckets = table[0], first = table[1], blooms = table[2], last = 0;
	const uint32_t *bucket = table + 4 + blooms * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	const uint32_t *chain = bucket + buckets;
	for (uint32_t i = 0; i < buckets; i++)
		last = bucket[i] > last ? bucket[i] : last;
	if (last < first)
		return first;
	while ((chain[last - first] & 1) == 0)
		last++;
	return (size_t)last + 1;
}

/* The loader has made addresses of most objects' entries, and left some (the kernel's object) as they were. */
static const void *
dynamic_address(const struct crash_object *object, const ElfW(Dyn) * entry)
{
	uintptr_t address = entry->d_un.d_ptr;
	return (const void *)(address < object->base ? object->base + address : address); // NOLINT
}

static void
read_dynamic(struct crash_object *object, const ElfW(Dyn) * entry)
{
	for (; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB:
			object->symbols = dynamic_address(object, entry);
			break;
		case DT_STRTAB:
			object->strings = dynamic_address(object, entry);
			break;
		case DT_STRSZ:
			object->strings_bytes = entry->d_un.d_val;
			break;
		case DT_HASH:
			object->symbol_count = ((const uint32_t *)dynamic_address(object, entry))[1];
			break;
		case DT_GNU_HASH:
			if (object->symbol_count == 0)
				object->symbol_count = count_gnu(dynamic_address(object, entry));
			break;
		default:
			break;
		}
	}
	if (object->strings == NULL || object->symbols == NULL)
		object->symbol_count = 0;
}

/* One piece of code an object: a linker makes one. */
static void
read_segments(struct crash_object *object, const struct dl_phdr_info *info)
{
	for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = object->base + segment->p_vaddr;
		if (segment->p_type == PT_DYNAMIC) {
			read_dynamic(object, (const ElfW(Dyn) *)start); // NOLINT
		} else if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 && object->end == 0) {
			object->start = start;
			object->end = start + segment->p_memsz;
		}
	}
}

static int
note_object(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct crash_map *map = argument;
	(void)size;
	if (map->count == CRASH_OBJECTS_MAX)
		return 1;
	struct crash_object *object = &map->objects[map->count++];
	const char *name = info->dlpi_name;
	const char *slash = strrchr(name, '/');
	if (slash != NULL)
		name = slash + 1;
	else if (name[0] == '\0') /* the program itself */
		name = program_invocation_short_name;
	snprintf(object->name, sizeof object->name, "%s", name);
	object->base = info->dlpi_addr;
	read_segments(object, info);
	return 0;
}

void
crash_map_read(struct crash_map *map)
{
	*map = (struct crash_map){.count = 0};
	dl_iterate_phdr(note_object, map);
}

/* ---- In a handler ------------------------------------------------------------------------------- */

static const struct crash_object *
find_object(const struct crash_map *map, uintptr_t pc)
{
	for (size_t i = 0; i < map->count; i++)
		if (pc >= map->objects[i].start && pc < map->objects[i].end)
			return &map->objects[i];
	return NULL;
}

bool
crash_map_has(const struct crash_map *map, uintptr_t pc)
{
	return find_object(map, pc) != NULL;
}

/* Only a function that the address is inside of: between those that are exported lie others. */
static bool
covers(const struct crash_object *object, const ElfW(Sym) * symbol, uintptr_t offset)
{
	return symbol->st_shndx != SHN_UNDEF && (symbol->st_info & 0xf) == STT_FUNC && offset >= symbol->st_value &&
	       offset - symbol->st_value < symbol->st_size && symbol->st_name < object->strings_bytes;
}

/* Of several names of a function the first one that is nobody's own, as "__getpid" beside "getpid". */
static const ElfW(Sym) * find_symbol(const struct crash_object *object, uintptr_t offset)
{
	const ElfW(Sym) *found = NULL;
	for (size_t i = 0; i < object->symbol_count; i++) {
		const ElfW(Sym) *symbol = &object->symbols[i];
		if (!covers(object, symbol, offset))
			continue;
		found = symbol;
		if (object->strings[symbol->st_name] != '_')
			break;
	}
	return found;
}

static void
put_hex(struct strbuf *out, uintptr_t number)
{
	char digits[2 * sizeof number];
	size_t n = sizeof digits;
	do {
		digits[--n] = "0123456789abcdef"[number & 0xf];
		number >>= 4;
	} while (number != 0);
	strbuf_puts(out, "0x");
	strbuf_append(out, digits + n, sizeof digits - n);
}

void
crash_map_write(const struct crash_map *map, struct strbuf *out, uintptr_t pc, enum crash_frame kind)
{
	uintptr_t inside = kind == CRASH_FRAME_CALLER && pc > 0 ? pc - 1 : pc;
	const struct crash_object *object = find_object(map, inside);
	if (object == NULL) {
		put_hex(out, pc);
		return;
	}
	strbuf_puts(out, object->name);
	strbuf_putc(out, '+');
	put_hex(out, pc - object->base);
	const ElfW(Sym) *symbol = find_symbol(object, inside - object->base);
	if (symbol == NULL)
		return;
	strbuf_puts(out, " (");
	strbuf_puts(out, object->strings + symbol->st_name);
	strbuf_putc(out, '+');
	put_hex(out, pc - object->base - symbol->st_value);
	strbuf_putc(out, ')');
}
