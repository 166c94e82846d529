/*
 * param_scan.c - checks lengths, number and bytes of the name-value pairs (FastCGI 1.0 section 3.4).
 *
 * Called by admission.c only. Pure.
 */
#include "param_scan.h"

#include <string.h>

static const char content_length_name[] = "CONTENT_LENGTH";

void
param_scan_init(struct param_scan *scan, size_t max_count, size_t max_bytes)
{
	*scan = (struct param_scan){
		.max_count = max_count, .max_bytes = max_bytes, .state = SCAN_NAME_LENGTH, .content_length = -1};
}

static bool
fail(struct param_scan *scan, const char *fault)
{
	scan->fault = fault;
	return false;
}

static bool
pair_complete(struct param_scan *scan)
{
	scan->state = SCAN_NAME_LENGTH;
	scan->count++;
	return scan->count <= scan->max_count ? true : fail(scan, "too many parameters");
}

/* Both lengths are known: they must fit into what the limit leaves. */
static bool
lengths_complete(struct param_scan *scan, uint64_t value_length)
{
	if (scan->name_length + value_length > scan->max_bytes)
		return fail(scan, "a parameter longer than the limit");
	if (scan->name_length == 0)
		scan->malformed = "a parameter without a name";
	scan->name_left = scan->name_length;
	scan->value_left = scan->value_length = value_length;
	scan->state = scan->name_left > 0 ? SCAN_NAME : SCAN_VALUE;
	return scan->name_left + scan->value_left > 0 ? true : pair_complete(scan);
}

static bool
length_complete(struct param_scan *scan, uint32_t length)
{
	if (scan->state == SCAN_NAME_LENGTH) {
		scan->name_length = length;
		scan->state = SCAN_VALUE_LENGTH;
		return true;
	}
	return lengths_complete(scan, length);
}

static bool
feed_length(struct param_scan *scan, unsigned char byte)
{
	if (scan->length_bytes_left > 0) {
		scan->length = scan->length << 8 | byte;
		scan->length_bytes_left--;
		return scan->length_bytes_left > 0 ? true : length_complete(scan, scan->length);
	}
	if (byte & 0x80) {
		scan->length = byte & 0x7fU;
		scan->length_bytes_left = 3;
		return true;
	}
	return length_complete(scan, byte);
}

/* Keeps the beginning of a name: enough to tell CONTENT_LENGTH. */
static void
remember_name(struct param_scan *scan, const unsigned char *data, size_t size)
{
	uint64_t at = scan->name_length - scan->name_left;
	for (size_t i = 0; i < size && at + i < sizeof scan->name; i++)
		scan->name[at + i] = (char)data[i];
}

static bool
is_content_length(const struct param_scan *scan)
{
	return scan->name_length == sizeof content_length_name - 1 &&
	       memcmp(scan->name, content_length_name, sizeof content_length_name - 1) == 0;
}

/* What is no number here is refused by request_parse(); this only tells how much body to wait for. */
static void
read_content_length(struct param_scan *scan, const unsigned char *data, size_t size)
{
	if (scan->value_left == scan->value_length)
		scan->content_length = 0;
	for (size_t i = 0; i < size && scan->content_length >= 0; i++) {
		int digit = data[i] - '0';
		if (digit < 0 || digit > 9) {
			scan->content_length = -1;
			return;
		}
		if (scan->content_length > (INT64_MAX - digit) / 10)
			scan->content_length = INT64_MAX;
		else
			scan->content_length = scan->content_length * 10 + digit;
	}
}

/* Takes as much of a name or value as there is; a parameter text of libfcgi's is "NAME=value" closed by NUL. */
static size_t
feed_text(struct param_scan *scan, const unsigned char *data, size_t size)
{
	uint64_t *left = scan->state == SCAN_NAME ? &scan->name_left : &scan->value_left;
	size_t n = *left < size ? (size_t)*left : size;
	if (memchr(data, '\0', n) != NULL)
		scan->malformed = "a NUL in a parameter";
	if (scan->state == SCAN_NAME && memchr(data, '=', n) != NULL)
		scan->malformed = "a '=' in a parameter's name";
	if (scan->state == SCAN_NAME)
		remember_name(scan, data, n);
	else if (is_content_length(scan))
		read_content_length(scan, data, n);
	*left -= n;
	return n;
}

/* A length of one byte or four at *at, which moves past it. False: it is not all there. */
static bool
take_length(const unsigned char **at, const unsigned char *end, uint32_t *length)
{
	const unsigned char *p = *at;
	if (p == end || ((p[0] & 0x80) != 0 && end - p < 4))
		return false;
	bool is_long = (p[0] & 0x80) != 0;
	*length = is_long ? (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : p[0];
	*at = p + (is_long ? 4 : 1);
	return true;
}

/* The same as feeding it in pieces, for a pair of which all is there, as it nearly always is. Returns its bytes; 0: not so. */
static size_t
take_pair(struct param_scan *scan, const unsigned char *data, size_t size)
{
	const unsigned char *name = data, *end = data + size;
	uint32_t name_length, value_length;
	if (scan->state != SCAN_NAME_LENGTH || scan->length_bytes_left > 0 || !take_length(&name, end, &name_length) ||
	    !take_length(&name, end, &value_length))
		return 0;
	uint64_t length = (uint64_t)name_length + value_length;
	if (length == 0 || length > scan->max_bytes || length > (uint64_t)(end - name))
		return 0;
	if (name_length == 0)
		scan->malformed = "a parameter without a name";
	if (memchr(name, '=', name_length) != NULL)
		scan->malformed = "a '=' in a parameter's name";
	if (memchr(name, '\0', (size_t)length) != NULL)
		scan->malformed = "a NUL in a parameter";
	if (name_length == sizeof content_length_name - 1 && value_length > 0 &&
	    memcmp(name, content_length_name, name_length) == 0) {
		scan->value_left = scan->value_length = value_length;
		read_content_length(scan, name + name_length, value_length);
	}
	pair_complete(scan);
	return (size_t)(name - data) + (size_t)length;
}

bool
param_scan_feed(struct param_scan *scan, const unsigned char *data, size_t size_bytes)
{
	scan->bytes += size_bytes;
	if (scan->bytes > scan->max_bytes)
		return fail(scan, "parameters larger than the limit");
	while (size_bytes > 0) {
		size_t n = take_pair(scan, data, size_bytes);
		if (scan->fault != NULL)
			return false;
		if (n > 0) {
			data += n;
			size_bytes -= n;
			continue;
		}
		n = 1;
		if (scan->state == SCAN_NAME_LENGTH || scan->state == SCAN_VALUE_LENGTH) {
			if (!feed_length(scan, *data))
				return false;
		} else {
			n = feed_text(scan, data, size_bytes);
			if (scan->state == SCAN_NAME && scan->name_left == 0)
				scan->state = SCAN_VALUE;
			if (scan->state == SCAN_VALUE && scan->value_left == 0 && !pair_complete(scan))
				return false;
		}
		data += n;
		size_bytes -= n;
	}
	return true;
}

bool
param_scan_end(struct param_scan *scan)
{
	if (scan->state != SCAN_NAME_LENGTH || scan->length_bytes_left > 0)
		return fail(scan, "parameters that end within a pair");
	return true;
}
