/*
 * admission.h - may these bytes be handed to libfcgi?
 *
 * libfcgi blocks on what is incomplete and trusts what is not: so a connection's bytes are examined
 * before it sees any. Pure: looks at a buffer, decides, keeps nothing of its own.
 */
#ifndef PROC_ADMISSION_H
#define PROC_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum admission_verdict {
	ADMISSION_INCOMPLETE, /* right so far; the parameters have not all arrived */
	ADMISSION_HEAD,       /* BEGIN_REQUEST and all parameters are there, the body not wholly */
	ADMISSION_WHOLE,      /* the request is there to the end of its body */
	ADMISSION_REFUSED     /* not a request that is served here: close the connection */
};

struct admission_limits {
	size_t max_params, max_params_bytes;
	size_t max_head_bytes; /* records, padding included, up to the end of the parameters */
};

struct admission {
	enum admission_verdict verdict;
	const char *reason;    /* REFUSED: static, for the log */
	const char *malformed; /* HEAD and WHOLE: static, the request deserves a 400; or NULL */
	uint16_t request_id;
	int64_t content_length; /* HEAD and WHOLE: CONTENT_LENGTH, -1 where there is none */
	size_t head_bytes;      /* HEAD and WHOLE: through the empty PARAMS record */
	size_t walked_bytes;    /* HEAD: so far the body's records have been looked at */
	size_t request_bytes;   /* WHOLE: through the empty STDIN record */
};

void admission_examine(struct admission *admission, const struct admission_limits *limits, const unsigned char *data,
                       size_t size_bytes);
/*
 * More of a request whose verdict was HEAD has come behind the same bytes: goes on where it stopped, so that a body in
 * many small pieces is not walked anew at each.
 */
void admission_continue(struct admission *admission, const unsigned char *data, size_t size_bytes);

#endif
