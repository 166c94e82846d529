/* cache_control.c - see cache_control.h. */
#include "cache_control.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "syntax.h"

#define SECONDS_MOST INT64_C(2147483648) /* RFC 9111 section 1.2.2 */

struct directive {
	const char *name;
	size_t flag, seconds; /* offset in struct cache_control; NOTHING: it has none */
};

#define NOTHING SIZE_MAX
#define FLAG(n, f)                                                                                                     \
	{                                                                                                              \
		n, offsetof(struct cache_control, f), NOTHING                                                          \
	}
#define SECONDS(n, f)                                                                                                  \
	{                                                                                                              \
		n, NOTHING, offsetof(struct cache_control, f)                                                          \
	}

static const struct directive directives[] = {
	FLAG("no-store", no_store),
	FLAG("no-cache", no_cache),
	FLAG("private", is_private),
	FLAG("must-revalidate", must_revalidate),
	FLAG("proxy-revalidate", must_revalidate),
	FLAG("only-if-cached", only_if_cached),
	SECONDS("max-age", max_age_s),
	SECONDS("s-maxage", s_maxage_s),
	SECONDS("stale-while-revalidate", stale_while_revalidate_s),
	SECONDS("stale-if-error", stale_if_error_s),
};

void
cache_control_init(struct cache_control *control)
{
	*control = (struct cache_control){
		.max_age_s = -1, .s_maxage_s = -1, .stale_while_revalidate_s = -1, .stale_if_error_s = -1};
}

/* Also in quotes, as some send it; -1: no number. */
static int64_t
number(const char *text, size_t size)
{
	int64_t value = 0;
	if (size >= 2 && text[0] == '"' && text[size - 1] == '"') {
		text++;
		size -= 2;
	}
	if (size == 0)
		return -1;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value < SECONDS_MOST ? value * 10 + (text[i] - '0') : SECONDS_MOST;
	}
	return value < SECONDS_MOST ? value : SECONDS_MOST;
}

static void
apply(struct cache_control *control, const char *name, size_t name_size, const char *value, size_t value_size)
{
	for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
		const struct directive *directive = &directives[i];
		if (strlen(directive->name) != name_size || strncasecmp(directive->name, name, name_size) != 0)
			continue;
		if (directive->flag != NOTHING) {
			*(bool *)((char *)control + directive->flag) = true;
			return;
		}
		int64_t *seconds = (int64_t *)(void *)((char *)control + directive->seconds);
		int64_t said = number(value, value_size);
		if (said >= 0 && (*seconds < 0 || said < *seconds))
			*seconds = said;
		return;
	}
}

/* The length up to the next comma that is not in quotes. */
static size_t
element(const char *text)
{
	bool quoted = false;
	size_t size = 0;
	for (; text[size] != '\0' && (quoted || text[size] != ','); size++) {
		if (text[size] == '"')
			quoted = !quoted;
		else if (quoted && text[size] == '\\' && text[size + 1] != '\0')
			size++;
	}
	return size;
}

void
cache_control_add(struct cache_control *control, const char *field)
{
	while (*field != '\0') {
		const char *name = field, *value = "";
		size_t size = element(field), value_size = 0, name_size = size;
		const char *equals = memchr(field, '=', size);
		field += size + (field[size] == ',');
		if (equals != NULL) {
			name_size = (size_t)(equals - name);
			value = equals + 1;
			value_size = size - name_size - 1;
		}
		syntax_trim(&name, &name_size);
		syntax_trim(&value, &value_size);
		apply(control, name, name_size, value, value_size);
	}
}
