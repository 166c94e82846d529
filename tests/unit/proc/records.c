/* records.c - see records.h. */
#include "records.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

void
bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	ck_assert_uint_le(size, sizeof bytes->data - bytes->size);
	if (size > 0)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

void
record_add(struct bytes *bytes, int type, int id, const void *content, size_t size, int padding)
{
	unsigned char zeros[256] = {0};
	unsigned char header[8] = {1,
	                           (unsigned char)type,
	                           (unsigned char)(id >> 8),
	                           (unsigned char)id,
	                           (unsigned char)(size >> 8),
	                           (unsigned char)size,
	                           (unsigned char)padding,
	                           0};
	bytes_add(bytes, header, sizeof header);
	bytes_add(bytes, content, size);
	bytes_add(bytes, zeros, (size_t)padding);
}

void
begin_add(struct bytes *bytes, int id, int role, int flags)
{
	unsigned char body[8] = {(unsigned char)(role >> 8), (unsigned char)role, (unsigned char)flags};
	record_add(bytes, 1, id, body, sizeof body, 0);
}

static void
length_add(struct bytes *bytes, size_t length)
{
	unsigned char four[4] = {(unsigned char)(length >> 24 | 0x80), (unsigned char)(length >> 16),
	                         (unsigned char)(length >> 8), (unsigned char)length};
	if (length < 128)
		bytes_add(bytes, four + 3, 1);
	else
		bytes_add(bytes, four, 4);
}

void
pair_add_sized(struct bytes *bytes, const char *name, size_t name_size, const char *value, size_t value_size)
{
	length_add(bytes, name_size);
	length_add(bytes, value_size);
	bytes_add(bytes, name, name_size);
	bytes_add(bytes, value, value_size);
}

void
pair_add(struct bytes *bytes, const char *name, const char *value)
{
	pair_add_sized(bytes, name, strlen(name), value, strlen(value));
}

void
head_add(struct bytes *bytes, int id, const char *method, const char *path, long content_length)
{
	static struct bytes params;
	char number[32];
	params.size = 0;
	pair_add(&params, "REQUEST_METHOD", method);
	pair_add(&params, "REQUEST_URI", path);
	snprintf(number, sizeof number, "%ld", content_length);
	if (content_length >= 0)
		pair_add(&params, "CONTENT_LENGTH", number);
	begin_add(bytes, id, 1, 1);
	record_add(bytes, 4, id, params.data, params.size, 3);
	record_add(bytes, 4, id, NULL, 0, 0);
}

void
body_add(struct bytes *bytes, int id, const char *body)
{
	if (body[0] != '\0')
		record_add(bytes, 5, id, body, strlen(body), 1);
	record_add(bytes, 5, id, NULL, 0, 0);
}
