/* result.h - the status that answers each result, as vitals.h names them. */
#ifndef HTTP_RESULT_H
#define HTTP_RESULT_H

#include "vitals.h"

/* 200 for VT_OK; 499 for VT_PEER_GONE, which only the log sees; 500 for a value out of range. */
int result_status(enum vt_result result);

#endif
