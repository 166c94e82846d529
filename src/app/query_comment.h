/*
 * query_comment.h - the comment by which a request's statements name it, in the form of sqlcommenter:
 * correlation_id, route and traceparent as key='value' in this order, values percent-encoded.
 */
#ifndef APP_QUERY_COMMENT_H
#define APP_QUERY_COMMENT_H

struct vt_request;

/*
 * The whole comment, with the signs that begin and end it, made once a request and in its arena; NULL where DB_COMMENT_SAMPLE does not
 * take the request. Whatever the IDs hold, it is one comment and nothing else.
 */
const char *query_comment(struct vt_request *req);

#endif
