/* accept.h - proactive negotiation by Accept, RFC 9110 section 12.5.1. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stddef.h>

struct vt_request;

/*
 * Which of the offered media types (most preferred first) the Accept field wants: the highest quality,
 * the most specific range deciding each type's quality, earlier offers winning ties. accept NULL or
 * empty: the first. Returns the index, or -1 where none is acceptable.
 */
int accept_choose(const char *accept, const char *const *offers, size_t count);

/* A form that an answer has. */
struct accept_form {
	const char *name; /* as in ?format=name */
	const char *media_type;
};

/* As many forms as accept_choose_form() takes. */
#define ACCEPT_FORMS_MAX 8

/*
 * Which of the forms (most preferred first, at most ACCEPT_FORMS_MAX) the request wants: ?format names it, for clients
 * that cannot set headers, otherwise Accept chooses; where that wants none of them, the first, which section 12.5.1
 * allows. Returns the index, or -1 where ?format names none of them.
 */
int accept_choose_form(const struct vt_request *req, const struct accept_form *forms, size_t count);

#endif
