/*
 * accept.c - which of a few media types a client wants.
 *
 * Called by handlers that have more than one form of an answer. What a client sends is read leniently: a
 * member of the list that is malformed is as if it were not there, and a list with no sound member is no list.
 */
#include "accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "insist.h"
#include "syntax.h"
#include "vitals.h"

#define QUALITY_MAX 1000
#define QUALITY_MALFORMED (-1)

enum { ANY_TYPE = 1, ANY_SUBTYPE = 1000, EXACT_TYPE = 2000 };

struct text {
	const char *start;
	size_t size;
};

/* A media range or type, split: "text" "html" "level=1;charset=x". */
struct media {
	struct text type, subtype, parameters;
};

static bool
text_equal(struct text a, struct text b)
{
	return a.size == b.size && strncasecmp(a.start, b.start, a.size) == 0;
}

static bool
text_is(struct text a, const char *b)
{
	return text_equal(a, (struct text){b, strlen(b)});
}

/* Bytes up to the separator, quoted strings (RFC 9110 section 5.6.4) skipped. */
static size_t
span_until(struct text text, char separator)
{
	bool quoted = false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.start[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == separator && !quoted)
			return i;
	}
	return text.size;
}

/* Cuts the next part, trimmed, off the rest; false at the end. */
static bool
next_part(struct text *rest, char separator, struct text *part)
{
	if (rest->size == 0)
		return false;
	size_t size = span_until(*rest, separator);
	*part = (struct text){rest->start, size};
	syntax_trim(&part->start, &part->size);
	size_t used = size < rest->size ? size + 1 : size;
	rest->start += used;
	rest->size -= used;
	return true;
}

static bool
media_parse(struct media *media, struct text text)
{
	size_t size = span_until(text, ';');
	media->parameters = (struct text){text.start + size, text.size - size};
	if (media->parameters.size > 0) {
		media->parameters.start++;
		media->parameters.size--;
	}
	syntax_trim(&text.start, &size);
	const char *slash = memchr(text.start, '/', size);
	if (slash == NULL)
		return false;
	size_t type_size = (size_t)(slash - text.start);
	media->type = (struct text){text.start, type_size};
	media->subtype = (struct text){slash + 1, size - type_size - 1};
	if (!syntax_token(media->type.start, media->type.size) ||
	    !syntax_token(media->subtype.start, media->subtype.size))
		return false;
	return !text_is(media->type, "*") || text_is(media->subtype, "*");
}

/* RFC 9110 section 12.4.2: "0", "0.5", "1.000", in thousandths. */
static int
parse_quality(struct text text)
{
	if (text.size == 0 || text.size > 5 || (text.start[0] != '0' && text.start[0] != '1'))
		return QUALITY_MALFORMED;
	int quality = (text.start[0] - '0') * QUALITY_MAX;
	if (text.size > 1 && text.start[1] != '.')
		return QUALITY_MALFORMED;
	int weight = 100;
	for (size_t i = 2; i < text.size; i++, weight /= 10) {
		char c = text.start[i];
		if (c < '0' || c > '9')
			return QUALITY_MALFORMED;
		quality += (c - '0') * weight;
	}
	return quality <= QUALITY_MAX ? quality : QUALITY_MALFORMED;
}

static bool
is_quality(struct text parameter)
{
	return parameter.size >= 2 && (parameter.start[0] == 'q' || parameter.start[0] == 'Q') &&
	       parameter.start[1] == '=';
}

static bool
has_parameter(struct text parameters, struct text wanted)
{
	struct text part;
	while (next_part(&parameters, ';', &part))
		if (text_equal(part, wanted))
			return true;
	return false;
}

struct match {
	int specificity; /* 0: does not fit; else how exact, and one more for each parameter */
	int quality;
};

/* Whether the range fits the offer, and with what weight. */
static struct match
match_range(const struct media *range, const struct media *offer)
{
	struct match match = {.specificity = EXACT_TYPE, .quality = QUALITY_MAX};
	if (text_is(range->type, "*"))
		match.specificity = ANY_TYPE;
	else if (!text_equal(range->type, offer->type))
		return (struct match){.specificity = 0};
	else if (text_is(range->subtype, "*"))
		match.specificity = ANY_SUBTYPE;
	else if (!text_equal(range->subtype, offer->subtype))
		return (struct match){.specificity = 0};
	struct text rest = range->parameters, part;
	while (next_part(&rest, ';', &part)) {
		if (is_quality(part)) {
			/* What follows the weight was an extension once and is ignored now. */
			match.quality = parse_quality((struct text){part.start + 2, part.size - 2});
			return match;
		}
		if (part.size > 0 && !has_parameter(offer->parameters, part))
			return (struct match){.specificity = 0};
		match.specificity += part.size > 0;
	}
	return match;
}

/* True where the range has a weight that can be read, or none. */
static bool
range_sound(const struct media *range)
{
	struct text rest = range->parameters, part;
	while (next_part(&rest, ';', &part))
		if (is_quality(part))
			return parse_quality((struct text){part.start + 2, part.size - 2}) != QUALITY_MALFORMED;
	return true;
}

/* The weight that the list gives an offer: the most specific range's. *any says whether a range was sound. */
static int
quality_of(const char *accept, const char *offer, bool *any)
{
	struct media media;
	if (!media_parse(&media, (struct text){offer, strlen(offer)}))
		return 0;
	struct match best = {.specificity = 0, .quality = 0};
	struct text rest = {accept, strlen(accept)}, member;
	while (next_part(&rest, ',', &member)) {
		struct media range;
		if (!media_parse(&range, member) || !range_sound(&range))
			continue;
		*any = true;
		struct match match = match_range(&range, &media);
		bool same = match.specificity == best.specificity;
		if (match.specificity > best.specificity || (same && match.quality > best.quality))
			best = match;
	}
	return best.specificity > 0 ? best.quality : 0;
}

int
accept_choose(const char *accept, const char *const *offers, size_t count)
{
	int chosen = -1, best = 0;
	bool any = false;
	for (size_t i = 0; accept != NULL && i < count; i++) {
		int quality = quality_of(accept, offers[i], &any);
		if (quality > best) {
			best = quality;
			chosen = (int)i;
		}
	}
	return any || count == 0 ? chosen : 0;
}

static int
find_form(const char *name, const struct accept_form *forms, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, forms[i].name) == 0)
			return (int)i;
	return -1;
}

int
accept_choose_form(const struct vt_request *req, const struct accept_form *forms, size_t count)
{
	const char *offers[ACCEPT_FORMS_MAX];
	const char *name = vt_query_param(req, "format", 0);
	INSIST(count > 0 && count <= ACCEPT_FORMS_MAX);
	if (name != NULL)
		return find_form(name, forms, count);
	for (size_t i = 0; i < count; i++)
		offers[i] = forms[i].media_type;
	int chosen = accept_choose(vt_header(req, "Accept", 0), offers, count);
	return chosen >= 0 ? chosen : 0;
}
