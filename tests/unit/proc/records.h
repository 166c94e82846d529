/* records.h - FastCGI records built by hand, right or wrong, for the tests of proc. */
#ifndef TESTS_RECORDS_H
#define TESTS_RECORDS_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	unsigned char data[262144];
	size_t size;
};

void bytes_add(struct bytes *bytes, const void *data, size_t size);
/* A record with so much padding. */
void record_add(struct bytes *bytes, int type, int id, const void *content, size_t size, int padding);
/* BEGIN_REQUEST with role and flags. */
void begin_add(struct bytes *bytes, int id, int role, int flags);
/* A name-value pair with lengths in their shortest form. */
void pair_add(struct bytes *bytes, const char *name, const char *value);
void pair_add_sized(struct bytes *bytes, const char *name, size_t name_size, const char *value, size_t value_size);
/* BEGIN, parameters (method, path and content length where >= 0) and the empty PARAMS record. */
void head_add(struct bytes *bytes, int id, const char *method, const char *path, long content_length);
/* STDIN with the body, where there is one, and the empty record. */
void body_add(struct bytes *bytes, int id, const char *body);

#endif
