#ifndef CNGHTTP2_SHIM_H
#define CNGHTTP2_SHIM_H

#include <nghttp2/nghttp2.h>
#include <string.h>

/* The members of nghttp2_frame that Swift needs, without its copying the whole union. */

static inline const nghttp2_frame_hd *cnghttp2_header_of(const nghttp2_frame *frame) {
    return &frame->hd;
}

static inline int cnghttp2_headers_category(const nghttp2_frame *frame) {
    return (int)frame->headers.cat;
}

static inline const nghttp2_goaway *cnghttp2_goaway_of(const nghttp2_frame *frame) {
    return &frame->goaway;
}

/* The stream's slot, kept in its user data as slot + 1; -1 where there is none. */
static inline int cnghttp2_slot(nghttp2_session *session, int32_t stream) {
    return (int)((intptr_t)nghttp2_session_get_stream_user_data(session, stream) - 1);
}

static inline int cnghttp2_set_slot(nghttp2_session *session, int32_t stream, int slot) {
    return nghttp2_session_set_stream_user_data(session, stream, (void *)((intptr_t)slot + 1));
}

#endif
