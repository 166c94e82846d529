/*
 * admission.c - walks record headers: BEGIN_REQUEST, PARAMS to the empty one, STDIN to the empty one.
 *
 * Called by connection.c with what a connection has sent so far. What is refused here never reaches
 * libfcgi: other versions, roles, record types, management records, request ID 0, a second
 * BEGIN_REQUEST, records of another request, parameters beyond the limits or with false lengths, and all
 * but STDIN in a body: a peer that aborts a request is let go at once.
 */
#include "admission.h"

#include "insist.h"
#include "param_scan.h"
#include "record.h"

struct walk {
	const unsigned char *data;
	size_t size, at;
	struct record_header header;
	const unsigned char *content;
};

enum step { STEP_RECORD, STEP_PARTIAL };

/* The next record where all of it, padding included, is there; its header is set in either case where that is there. */
static enum step
next_record(struct walk *walk)
{
	walk->header = (struct record_header){0};
	size_t left = walk->size - walk->at;
	if (left < RECORD_HEADER_BYTES)
		return STEP_PARTIAL;
	walk->header = record_header_decode(walk->data + walk->at);
	size_t record = (size_t)RECORD_HEADER_BYTES + walk->header.content_bytes + walk->header.padding_bytes;
	if (left < record)
		return STEP_PARTIAL;
	walk->content = walk->data + walk->at + RECORD_HEADER_BYTES;
	walk->at += record;
	return STEP_RECORD;
}

static const char *
fault_of_begin(const struct record_header *header)
{
	if (header->version != RECORD_VERSION_1)
		return "not FastCGI version 1";
	if (header->type != RECORD_BEGIN_REQUEST)
		return header->request_id == 0 ? "a management record" : "a record before BEGIN_REQUEST";
	if (header->request_id == 0)
		return "request ID 0";
	if (header->content_bytes != RECORD_BEGIN_BODY_BYTES)
		return "a BEGIN_REQUEST of a wrong size";
	return NULL;
}

static const char *
fault_of_stream(const struct record_header *header, uint16_t request_id, enum record_type type)
{
	if (header->version != RECORD_VERSION_1)
		return "not FastCGI version 1";
	if (header->request_id == 0)
		return "a management record within a request";
	if (header->request_id != request_id)
		return "a record of another request";
	if (header->type == RECORD_ABORT_REQUEST)
		return "the request was aborted";
	if (header->type != (uint8_t)type)
		return "a record of a type that cannot stand there";
	return NULL;
}

static void
refuse(struct admission *admission, const char *reason)
{
	*admission = (struct admission){.verdict = ADMISSION_REFUSED, .reason = reason};
}

/* True where the walk may go on; a header that is there is judged before its content has arrived. */
static bool
walk_begin(struct admission *admission, struct walk *walk)
{
	enum step step = next_record(walk);
	if (walk->size < RECORD_HEADER_BYTES)
		return false;
	const char *fault = fault_of_begin(&walk->header);
	if (fault != NULL) {
		refuse(admission, fault);
		return false;
	}
	if (step == STEP_PARTIAL)
		return false;
	if ((walk->content[0] << 8 | walk->content[1]) != RECORD_ROLE_RESPONDER) {
		refuse(admission, "a role other than responder");
		return false;
	}
	admission->request_id = walk->header.request_id;
	return true;
}

static bool
walk_params(struct admission *admission, const struct admission_limits *limits, struct walk *walk)
{
	struct param_scan scan;
	param_scan_init(&scan, limits->max_params, limits->max_params_bytes);
	for (;;) {
		size_t header_at = walk->at;
		enum step step = next_record(walk);
		if (walk->size - header_at < RECORD_HEADER_BYTES)
			break;
		const char *fault = fault_of_stream(&walk->header, admission->request_id, RECORD_PARAMS);
		if (fault == NULL && step == STEP_RECORD) {
			bool end = walk->header.content_bytes == 0;
			bool fits = end ? param_scan_end(&scan)
			                : param_scan_feed(&scan, walk->content, walk->header.content_bytes);
			if (fits && end && walk->at <= limits->max_head_bytes) {
				admission->malformed = scan.malformed;
				admission->content_length = scan.content_length;
				admission->head_bytes = walk->at;
				return true;
			}
			fault = scan.fault;
		}
		if (fault != NULL) {
			refuse(admission, fault);
			return false;
		}
		if (step == STEP_PARTIAL || walk->at > limits->max_head_bytes)
			break;
	}
	if (walk->size >= limits->max_head_bytes)
		refuse(admission, "a request head larger than the limit");
	return false;
}

/* What is wrong further on, in a body that is not waited for, is found when it is read. */
static void
walk_body(struct admission *admission, struct walk *walk)
{
	for (;;) {
		size_t header_at = walk->at;
		enum step step = next_record(walk);
		admission->walked_bytes = header_at;
		if (walk->size - header_at < RECORD_HEADER_BYTES)
			return;
		const char *fault = fault_of_stream(&walk->header, admission->request_id, RECORD_STDIN);
		if (fault != NULL) {
			refuse(admission, fault);
			return;
		}
		if (step == STEP_PARTIAL)
			return;
		if (walk->header.content_bytes == 0) {
			admission->verdict = ADMISSION_WHOLE;
			admission->request_bytes = walk->at;
			return;
		}
	}
}

void
admission_examine(struct admission *admission, const struct admission_limits *limits, const unsigned char *data,
                  size_t size_bytes)
{
	struct walk walk = {.data = data, .size = size_bytes};
	*admission = (struct admission){.verdict = ADMISSION_INCOMPLETE};
	if (!walk_begin(admission, &walk) || !walk_params(admission, limits, &walk))
		return;
	admission->verdict = ADMISSION_HEAD;
	walk_body(admission, &walk);
}

void
admission_continue(struct admission *admission, const unsigned char *data, size_t size_bytes)
{
	struct walk walk = {.data = data, .size = size_bytes, .at = admission->walked_bytes};
	INSIST(admission->verdict == ADMISSION_HEAD && walk.at <= size_bytes);
	walk_body(admission, &walk);
}
