/*
 * record.h - the FastCGI record header (FastCGI Specification 1.0, section 3.3 and appendix 8), decoded.
 *
 * libfcgi's own <fastcgi.h> gives the same numbers, but only connection.c may depend on libfcgi.
 */
#ifndef PROC_RECORD_H
#define PROC_RECORD_H

#include <stdint.h>

#define RECORD_HEADER_BYTES 8
#define RECORD_VERSION_1 1
#define RECORD_BEGIN_BODY_BYTES 8
#define RECORD_ROLE_RESPONDER 1
#define RECORD_FLAG_KEEP_CONN 1

enum record_type {
	RECORD_BEGIN_REQUEST = 1,
	RECORD_ABORT_REQUEST = 2,
	RECORD_END_REQUEST = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5
};

struct record_header {
	uint8_t version, type;
	uint16_t request_id, content_bytes;
	uint8_t padding_bytes;
};

static inline struct record_header
record_header_decode(const unsigned char bytes[RECORD_HEADER_BYTES])
{
	return (struct record_header){
		.version = bytes[0],
		.type = bytes[1],
		.request_id = (uint16_t)(bytes[2] << 8 | bytes[3]),
		.content_bytes = (uint16_t)(bytes[4] << 8 | bytes[5]),
		.padding_bytes = bytes[6],
	};
}

#endif
