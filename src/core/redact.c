/*
 * redact.c - which names are secret. The built-in names stand here and nowhere else.
 *
 * Used by the log for every field, so a comparison allocates nothing and starts with the length.
 */
#include "redact.h"

#include <stdlib.h>
#include <string.h>

#include "percent.h"

struct name {
	size_t size;
	const char *text; /* folded: lower case, '_' for '-' */
};

/* The sizes are constants, so that most comparisons end there. */
#define NAME(text)                                                                                                     \
	{                                                                                                              \
		sizeof(text) - 1, text                                                                                 \
	}

static const struct name secret_names[] = {
	NAME("password"),      NAME("passwd"),
	NAME("secret"),        NAME("token"),
	NAME("access_token"),  NAME("refresh_token"),
	NAME("api_key"),       NAME("apikey"),
	NAME("authorization"), NAME("proxy_authorization"),
	NAME("cookie"),        NAME("set_cookie"),
	NAME("ssn"),           NAME("credit_card"),
	NAME("card_number"),   NAME("cvv"),
	NAME("private_key"),   NAME("sslpassword"),
};

/* Keys of signed URLs: secret in a query only. */
static const struct name signed_url_names[] = {
	NAME("awsaccesskeyid"),
	NAME("signature"),
	NAME("sig"),
	NAME("x_goog_signature"),
	NAME("x_goog_credential"),
	NAME("x_amz_signature"),
	NAME("x_amz_credential"),
	NAME("x_amz_security_token"),
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

struct redact {
	struct text_list extra;
};

static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '-' ? '_' : c;
}

static bool
same(const char *known, const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (fold(known[i]) != fold(name[i]))
			return false;
	return true;
}

static bool
among(const struct name *names, size_t count, const char *name, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].size == size && same(names[i].text, name, size))
			return true;
	return false;
}

static int
copy_list(struct text_list *to, const struct text_list *from)
{
	to->items = calloc(from->count + 1, sizeof *to->items);
	if (to->items == NULL)
		return -1;
	for (size_t i = 0; i < from->count; i++) {
		to->items[i] = strdup(from->items[i]);
		if (to->items[i] == NULL)
			return -1;
		to->count++;
	}
	return 0;
}

struct redact *
redact_create(const struct text_list *extra)
{
	struct redact *redact = calloc(1, sizeof *redact);
	if (redact == NULL)
		return NULL;
	if (extra != NULL && copy_list(&redact->extra, extra) != 0) {
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
	free(redact);
}

bool
redact_is_secret(const struct redact *redact, const char *name, size_t size_bytes)
{
	if (among(secret_names, LENGTH(secret_names), name, size_bytes))
		return true;
	for (size_t i = 0; i < redact->extra.count; i++)
		if (strlen(redact->extra.items[i]) == size_bytes && same(redact->extra.items[i], name, size_bytes))
			return true;
	return false;
}

/* Decodes what is percent-encoded in place and leaves a stray '%' as it is; returns the new size. */
static size_t
decode_leniently(char *text, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < size;) {
		if (text[i] == '%' && size - i > 2 && percent_decode(text + n, text + i, 3, PERCENT_PLUS_KEEP) == 1) {
			n++;
			i += 3;
		} else {
			text[n++] = text[i++];
		}
	}
	return n;
}

static bool
secret_word(const struct redact *redact, const char *name, size_t size)
{
	static const char around[] = " \t+\r\n";
	while (size > 0 && strchr(around, name[0]) != NULL) {
		name++;
		size--;
	}
	while (size > 0 && strchr(around, name[size - 1]) != NULL)
		size--;
	return redact_is_secret(redact, name, size) || among(signed_url_names, LENGTH(signed_url_names), name, size);
}

/* The name as a whole, and each part of "user[password][]". */
static bool
secret_in_brackets(const struct redact *redact, const char *name, size_t size)
{
	if (secret_word(redact, name, size))
		return true;
	for (size_t start = 0, i = 0; i <= size; i++) {
		if (i < size && name[i] != '[' && name[i] != ']')
			continue;
		if (i > start && secret_word(redact, name + start, i - start))
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
	memcpy(decoded, name, size_bytes);
	/* Three passes: once by the server that reads it, and the encodings that proxies and clients add. */
	for (int pass = 0; pass < 4; pass++) {
		if (secret_in_brackets(redact, decoded, size_bytes))
			return true;
		size_t shorter = decode_leniently(decoded, size_bytes);
		if (shorter == size_bytes)
			return false;
		size_bytes = shorter;
	}
	return false;
}
