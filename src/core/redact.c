/*
 * redact.c - which names are secret. The built-in names stand here and nowhere else.
 *
 * Used by the log for every field. The names are kept by their last letter, and a name is compared from its end on
 * without being copied, so that an ordinary one costs a few comparisons of single letters.
 */
#include "redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "percent.h"
#include "redact_parts.h"

/* How a known name must stand in the one that is asked for. */
enum place {
	AT_END,       /* at its end, even inside a word: no ordinary word ends like that */
	AT_WORDS_END, /* as its last word: too short for the above */
	ALONE,        /* as all of it, or all behind a dot */
};

enum kind {
	SECRET = 1,
	SIGNED_URL = 2, /* secret in a query only */
	QUALIFIER = 4,  /* says nothing by itself: what stands before it is the name */
};

struct name {
	const char *text; /* folded: small letters and digits, nothing else */
	size_t size;
	enum place place;
	enum kind kind;
};

/* "tokens" is not among them: it is a number of them nearly always. */
static const struct name built_in[] = {
#define NAME(text_, place_, kind_)                                                                                     \
	{                                                                                                              \
		.text = (text_), .size = sizeof(text_) - 1, .place = (place_), .kind = (kind_)                         \
	}
	NAME("password", AT_END, SECRET),
	NAME("passwords", AT_END, SECRET),
	NAME("passwd", AT_END, SECRET),
	NAME("passphrase", AT_END, SECRET),
	NAME("passcode", AT_END, SECRET),
	NAME("requirepass", AT_END, SECRET),
	NAME("pwd", AT_WORDS_END, SECRET),
	NAME("secret", AT_END, SECRET),
	NAME("secrets", AT_END, SECRET),
	NAME("token", AT_END, SECRET),
	NAME("accesstokens", AT_END, SECRET),
	NAME("refreshtokens", AT_END, SECRET),
	NAME("apikey", AT_END, SECRET),
	NAME("apikeys", AT_END, SECRET),
	NAME("authkey", AT_END, SECRET),
	NAME("accesskey", AT_END, SECRET),
	NAME("secretkey", AT_END, SECRET),
	NAME("signingkey", AT_END, SECRET),
	NAME("encryptionkey", AT_END, SECRET),
	NAME("subscriptionkey", AT_END, SECRET),
	NAME("privatekey", AT_END, SECRET),
	NAME("privatekeys", AT_END, SECRET),
	NAME("authorization", AT_END, SECRET),
	NAME("credential", AT_END, SECRET),
	NAME("credentials", AT_END, SECRET),
	NAME("cookie", AT_END, SECRET),
	NAME("cookies", AT_END, SECRET),
	NAME("ssn", AT_WORDS_END, SECRET),
	NAME("creditcard", AT_END, SECRET),
	NAME("cardnumber", AT_END, SECRET),
	NAME("cvv", AT_WORDS_END, SECRET),
	NAME("cvc", AT_WORDS_END, SECRET),
	NAME("otp", AT_WORDS_END, SECRET),
	NAME("jwt", AT_WORDS_END, SECRET),
	/* OpenTelemetry's list and what Amazon and Google sign with beside it. */
	NAME("awsaccesskeyid", ALONE, SIGNED_URL),
	NAME("signature", ALONE, SIGNED_URL),
	NAME("sig", ALONE, SIGNED_URL),
	NAME("xgoogsignature", ALONE, SIGNED_URL),
	NAME("xgoogcredential", ALONE, SIGNED_URL),
	NAME("xamzsignature", ALONE, SIGNED_URL),
	NAME("xamzcredential", ALONE, SIGNED_URL),
	NAME("xamzsecuritytoken", ALONE, SIGNED_URL),
	/* "passwordConfirm", "password_hash" */
	NAME("confirm", AT_END, QUALIFIER),
	NAME("confirmed", AT_END, QUALIFIER),
	NAME("confirmation", AT_END, QUALIFIER),
	NAME("verify", AT_END, QUALIFIER),
	NAME("verification", AT_END, QUALIFIER),
	NAME("again", AT_END, QUALIFIER),
	NAME("repeat", AT_END, QUALIFIER),
	NAME("new", AT_END, QUALIFIER),
	NAME("old", AT_END, QUALIFIER),
	NAME("current", AT_END, QUALIFIER),
	NAME("value", AT_END, QUALIFIER),
	NAME("plain", AT_END, QUALIFIER),
	NAME("raw", AT_END, QUALIFIER),
	NAME("text", AT_END, QUALIFIER),
	NAME("hash", AT_END, QUALIFIER),
	NAME("digest", AT_END, QUALIFIER),
#undef NAME
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define QUALIFIERS_MAX 3

struct redact {
	struct name *names;     /* by their last letter */
	size_t first[257];      /* of each letter in names; the end of each is the next one's first */
	uint64_t before[256];   /* of each letter: what may stand before it, by letter_bit() */
	struct text_list extra; /* folded; names point there */
};

/* The letter or digit, small; '\0' for whatever separates words. */
static char
fold(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return c;
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : '\0';
}

/* A bit for each folded letter and digit. */
static uint64_t
letter_bit(char c)
{
	return UINT64_C(1) << (c & 63);
}

/* ---- Compiling ---- */

static size_t
fold_in_place(char *text)
{
	size_t n = 0;
	for (const char *p = text; *p != '\0'; p++)
		if (fold(*p) != '\0')
			text[n++] = fold(*p);
	text[n] = '\0';
	return n;
}

static int
copy_folded(struct text_list *to, const struct text_list *from)
{
	to->items = calloc(from->count + 1, sizeof *to->items);
	if (to->items == NULL)
		return -1;
	for (size_t i = 0; i < from->count; i++) {
		char *text = strdup(from->items[i]);
		if (text == NULL)
			return -1;
		to->items[to->count++] = text;
		fold_in_place(text);
	}
	return 0;
}

static const struct name *
nth_name(const struct redact *redact, size_t n, struct name *extra)
{
	if (n < LENGTH(built_in))
		return &built_in[n];
	const char *text = redact->extra.items[n - LENGTH(built_in)];
	*extra = (struct name){.text = text, .size = strlen(text), .place = ALONE, .kind = SECRET};
	return extra;
}

/* Counts the names of each last letter, then puts each into its letter's range. */
static int
sort_names(struct redact *redact)
{
	size_t count = LENGTH(built_in) + redact->extra.count, next[256];
	struct name extra;
	redact->names = calloc(count, sizeof *redact->names);
	if (redact->names == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct name *name = nth_name(redact, i, &extra);
		if (name->size > 0)
			redact->first[(unsigned char)name->text[name->size - 1] + 1]++;
	}
	for (size_t letter = 0; letter < 256; letter++) {
		redact->first[letter + 1] += redact->first[letter];
		next[letter] = redact->first[letter];
	}
	for (size_t i = 0; i < count; i++) {
		const struct name *name = nth_name(redact, i, &extra);
		if (name->size == 0)
			continue;
		unsigned char last = (unsigned char)name->text[name->size - 1];
		redact->names[next[last]++] = *name;
		redact->before[last] |= name->size > 1 ? letter_bit(name->text[name->size - 2]) : UINT64_MAX;
	}
	return 0;
}

struct redact *
redact_create(const struct text_list *extra)
{
	struct redact *redact = calloc(1, sizeof *redact);
	if (redact == NULL)
		return NULL;
	if ((extra != NULL && copy_folded(&redact->extra, extra) != 0) || sort_names(redact) != 0) {
		redact_destroy(redact);
		return NULL;
	}
	return redact;
}

void
redact_destroy(struct redact *redact)
{
	if (redact == NULL)
		return;
	text_list_fini(&redact->extra);
	free(redact->names);
	free(redact);
}

/* ---- Looking up ---- */

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* The known name, which ends where name does, starts at name[at]. */
static bool
placed(const struct name *known, const char *name, size_t at)
{
	switch (known->place) {
	case AT_END:
		return true;
	case AT_WORDS_END:
		return at == 0 || fold(name[at - 1]) == '\0' || (is_upper(name[at]) && !is_upper(name[at - 1]));
	case ALONE:
		break;
	}
	while (at > 0 && name[at - 1] != '.' && fold(name[at - 1]) == '\0')
		at--;
	return at == 0 || name[at - 1] == '.';
}

static bool
ends_with(const struct name *known, const char *name, size_t size, size_t *at)
{
	size_t i = size;
	for (size_t left = known->size; left > 0;) {
		if (i == 0)
			return false;
		char c = fold(name[--i]);
		if (c != '\0' && c != known->text[--left])
			return false;
	}
	*at = i;
	return placed(known, name, i);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Most names have an end that no known one has: their last two letters tell. */
static bool
ends_like_a_known(const struct redact *redact, const char *name, size_t size)
{
	uint64_t before = redact->before[(unsigned char)fold(name[--size])];
	while (size > 0 && fold(name[size - 1]) == '\0')
		size--;
	return before == UINT64_MAX || (size > 0 && (before & letter_bit(fold(name[size - 1]))) != 0);
}

/*
 * True where the name ends like a secret one. Otherwise *size becomes what stands before a qualifier or number at its
 * end, 0 where there is none.
 */
static bool
secret_at_end(const struct redact *redact, const char *name, size_t *size, unsigned kinds)
{
	unsigned char last = (unsigned char)fold(name[*size - 1]);
	size_t before = 0;
	size_t i = ends_like_a_known(redact, name, *size) ? redact->first[last] : redact->first[last + 1];
	for (; i < redact->first[last + 1]; i++) {
		const struct name *known = &redact->names[i];
		size_t at;
		if (!ends_with(known, name, *size, &at))
			continue;
		if ((known->kind & kinds) != 0)
			return true;
		if (known->kind == QUALIFIER)
			before = at;
	}
	if (is_digit(name[*size - 1]))
		for (before = *size; before > 0 && is_digit(name[before - 1]);)
			before--;
	*size = before;
	return false;
}

static bool
is_secret(const struct redact *redact, const char *name, size_t size, unsigned kinds)
{
	for (int qualifiers = 0; qualifiers <= QUALIFIERS_MAX; qualifiers++) {
		while (size > 0 && fold(name[size - 1]) == '\0')
			size--;
		if (size == 0)
			return false;
		if (secret_at_end(redact, name, &size, kinds))
			return true;
	}
	return false;
}

bool
redact_is_secret(const struct redact *redact, const char *name, size_t size_bytes)
{
	return is_secret(redact, name, size_bytes, SECRET);
}

/* ---- Parameters ---- */

size_t
redact_percent_decode(char *text, size_t size_bytes)
{
	size_t n = 0;
	for (size_t i = 0; i < size_bytes;) {
		if (text[i] == '%' && size_bytes - i > 2 &&
		    percent_decode(text + n, text + i, 3, PERCENT_PLUS_KEEP) == 1) {
			n++;
			i += 3;
		} else {
			text[n++] = text[i++];
		}
	}
	return n;
}

/* The name as a whole, and each part of "user[password][first]". */
static bool
secret_in_brackets(const struct redact *redact, const char *name, size_t size)
{
	if (is_secret(redact, name, size, SECRET | SIGNED_URL))
		return true;
	if (memchr(name, '[', size) == NULL)
		return false;
	for (size_t start = 0, i = 0; i <= size; i++) {
		if (i < size && name[i] != '[' && name[i] != ']')
			continue;
		if (i > start && is_secret(redact, name + start, i - start, SECRET | SIGNED_URL))
			return true;
		start = i + 1;
	}
	return false;
}

bool
redact_is_secret_parameter(const struct redact *redact, const char *name, size_t size_bytes)
{
	char decoded[512];
	if (size_bytes > sizeof decoded)
		return true; /* a name of that length hides something, if only its end */
	if (secret_in_brackets(redact, name, size_bytes))
		return true;
	if (memchr(name, '%', size_bytes) == NULL)
		return false;
	memcpy(decoded, name, size_bytes);
	/* Once by the server that reads it, and the encodings that proxies and clients add. */
	for (int pass = 0; pass < 3; pass++) {
		size_t shorter = redact_percent_decode(decoded, size_bytes);
		if (shorter == size_bytes)
			return false;
		size_bytes = shorter;
		if (secret_in_brackets(redact, decoded, size_bytes))
			return true;
	}
	return false;
}
