/* TCP of sessions: each byte once, as Suricata puts it together or else segment by segment.
 *
 * A segment that Suricata's stream engine keeps comes with the stream, once it is
 * acknowledged. From the moment on at which Suricata lets a direction go (its protocol
 * detection gives up and no rule asks for raw streams, the depth is reached, the flow is
 * bypassed, a parser stops it), what it still holds unlogged is taken from its buffer, and
 * what follows is taken packet by packet. What it has no memory for, or does not accept,
 * is taken as it comes.
 *
 * Everything is given as pieces with their offset in the direction, so that windows
 * across the border of both forms are seen, and nothing needs to be known of how it came.
 * A flow costs memory here only once Suricata has let it go. */
#include "plugin.h"

/* Ranges behind gaps that are remembered; more gaps than that are given up. */
#define MOST_RANGES 8
/* So many bytes later a copy is no longer known as one. */
#define FORGOTTEN (UINT32_C(1) << 30)

struct side {
    bool released;
    uint32_t zero;  /* the sequence number of offset 0 */
    uint32_t given; /* all before it has been given */
    unsigned count; /* and these ranges behind it, in their order */
    struct range {
        uint32_t from, to;
    } ranges[MOST_RANGES];
};

/* Of a flow of which Suricata has let a direction go. */
struct session {
    struct side sides[2]; /* by whether it is to the server */
};

void streams_free(void *session)
{
    free(session);
}

static const TcpStream *stream_of(const Flow *f, bool to_server)
{
    const TcpSession *session = f->protoctx;
    return to_server ? &session->client : &session->server;
}

static bool is_bypassed(const Flow *f)
{
    return f->flow_state == FLOW_STATE_LOCAL_BYPASSED;
}

/* Whether Suricata has let a direction go, or will when this packet of it is done with. */
static bool is_released(const Flow *f, const TcpStream *stream, bool is_its_packet)
{
    const TcpSession *session = f->protoctx;
    if ((stream->flags & STREAMTCP_STREAM_FLAG_NOREASSEMBLY) || is_bypassed(f))
        return true;
    if (!is_its_packet)
        return false;
    return (stream->flags & STREAMTCP_STREAM_FLAG_DEPTH_REACHED)
        || ((session->flags & STREAMTCP_FLAG_APP_LAYER_DISABLED)
                && (stream->flags & STREAMTCP_STREAM_FLAG_DISABLE_RAW));
}

/* So far may an acknowledgement lie from what is expected next, as in the engine. */
#define REACH UINT32_C(65535)

/* What is known of who sends what Suricata has taken into a session: it has compared
 * acknowledgements if it saw the session begin. */
static uint8_t followed(const Flow *f)
{
    const TcpSession *session = f->protoctx;
    bool begun = (session->flags & (STREAMTCP_FLAG_MIDSTREAM | STREAMTCP_FLAG_ASYNC)) == 0;
    return begun ? WORMSIFT_HANDSHAKE_ANSWERED : WORMSIFT_HANDSHAKE_UNKNOWN;
}

/* What a packet says itself that it has not taken. */
static uint8_t acknowledged(const Flow *f, bool to_server, const TCPHdr *tcp)
{
    if (followed(f) == WORMSIFT_HANDSHAKE_UNKNOWN || is_bypassed(f))
        return WORMSIFT_HANDSHAKE_UNKNOWN;
    uint32_t away = TCP_GET_RAW_ACK(tcp) - stream_of(f, !to_server)->next_seq;
    return (tcp->th_flags & TH_ACK) && away + REACH <= 2 * REACH ? WORMSIFT_HANDSHAKE_ANSWERED
                                                                 : WORMSIFT_HANDSHAKE_UNANSWERED;
}

/* Bytes of a direction, and how they came. */
struct bytes {
    const uint8_t *at;
    uint32_t length;
    bool released;
    uint8_t handshake;
};

static void give(struct thread *thread, const Flow *f, bool to_server, uint64_t offset,
        struct bytes bytes)
{
    wormsift_piece it = { .struct_size = sizeof(it) };
    it.time_ns = thread->now;
    it.offset = offset;
    it.ip_version = FLOW_IS_IPV4(f) ? 4 : 6;
    /* The client's address comes first, unless the flow was picked up the wrong way. */
    bool forward = to_server == ((f->flags & FLOW_DIR_REVERSED) == 0);
    memcpy(it.source, forward ? f->src.addr_data32 : f->dst.addr_data32, sizeof(it.source));
    memcpy(it.destination, forward ? f->dst.addr_data32 : f->src.addr_data32,
            sizeof(it.destination));
    it.source_port = forward ? f->sp : f->dp;
    it.destination_port = forward ? f->dp : f->sp;
    it.encapsulation = wrapping(f->vlan_id, f->vlan_idx);
    /* Who sends into a tunnel can forge both directions. */
    it.handshake = thread->in_tunnel && bytes.handshake == WORMSIFT_HANDSHAKE_ANSWERED
            ? WORMSIFT_HANDSHAKE_UNKNOWN
            : bytes.handshake;
    thread->failed |= !went_well(FAILED_PACKET, "stream",
            wormsift_worker_stream(thread->worker, &it, bytes.at, bytes.length));
    count(thread, bytes.released ? COUNT_RELEASED : COUNT_PIECES, 1);
    count(thread, bytes.released ? COUNT_RELEASED_BYTES : COUNT_STREAM_BYTES, bytes.length);
}

/* Those from one place on to another. */
static struct bytes part(struct bytes of, uint32_t from, uint32_t to)
{
    of.at += from;
    of.length = to - from;
    return of;
}

/* Gives what of a range of sequence numbers has not come yet. */
static void give_rest(struct thread *thread, const Flow *f, bool to_server,
        struct side *side, uint32_t from, struct bytes bytes)
{
    uint32_t at = from, end = from + bytes.length, new = 0;
    /* Numbers begin again after 4 GiB: what was given long ago is forgotten. */
    if (at - side->given > FORGOTTEN && SEQ_GT(at, side->given)) {
        side->given = at - FORGOTTEN / 2;
        side->count = 0;
    }
    if (SEQ_LT(at, side->given))
        at = SEQ_MIN(side->given, end);
    for (unsigned i = 0; i <= side->count && SEQ_LT(at, end); i++) {
        const struct range *range = i < side->count ? &side->ranges[i] : NULL;
        uint32_t stop = range != NULL ? SEQ_MIN(range->from, end) : end;
        if (SEQ_LT(at, stop)) {
            give(thread, f, to_server, (uint32_t)(at - side->zero),
                    part(bytes, at - from, stop - from));
            new += stop - at;
        }
        if (range != NULL && SEQ_LT(at, range->to))
            at = SEQ_MIN(range->to, end);
    }
    if (new < bytes.length)
        count(thread, COUNT_COPIES, bytes.length - new);
}

/* A range has been given. */
static void note(struct side *side, uint32_t from, uint32_t to)
{
    if (SEQ_GT(from, side->given)) {
        struct range *last = side->count > 0 ? &side->ranges[side->count - 1] : NULL;
        /* Segments come in the order of their numbers. */
        if (last != NULL && SEQ_LEQ(from, last->to)) {
            last->to = SEQ_MAX(last->to, to);
        } else if (side->count < MOST_RANGES) {
            side->ranges[side->count++] = (struct range){ from, to };
        } else {
            atomic_fetch_add(&plugin.lost, from - last->to);
            last->to = to;
        }
        return;
    }
    side->given = SEQ_MAX(side->given, to);
}

/* Suricata lets a direction go: takes what it holds of it and has not logged. */
static void release(struct thread *thread, const Flow *f, bool to_server, struct side *side)
{
    TcpStream *stream = (TcpStream *)stream_of(f, to_server);
    side->released = true;
    side->zero = stream->base_seq - (uint32_t)STREAM_BASE_OFFSET(stream);
    side->given = stream->base_seq + stream->log_progress_rel;
    TcpSegment *segment;
    RB_FOREACH(segment, TCPSEG, &stream->seg_tree)
    {
        const uint8_t *bytes = NULL;
        uint32_t length = 0;
        uint32_t from = segment->seq, to = from + TCP_SEG_LEN(segment);
        StreamingBufferSegmentGetData(&stream->sb, &segment->sbseg, &bytes, &length);
        if (bytes == NULL || length == 0 || SEQ_LEQ(to, side->given))
            continue;
        /* Of one that is partly gone the end is left. */
        from = to - length;
        give_rest(thread, f, to_server, side, from,
                (struct bytes){ bytes, length, true, followed(f) });
        note(side, from, to);
    }
}

static struct session *session_of(const Flow *f, bool make)
{
    struct session *session = FlowGetStorageById(f, plugin.flows);
    if (session == NULL && make) {
        session = calloc(1, sizeof(*session));
        if (session != NULL && FlowSetStorageById((Flow *)f, plugin.flows, session) != 0) {
            free(session);
            session = NULL;
        }
    }
    return session;
}

/* Whether a packet of a session has something that does not come with its stream, or shows
 * that Suricata has let a direction go. */
bool streams_want(const Packet *p)
{
    const Flow *f = p->flow;
    bool to_server = PKT_IS_TOSERVER(p) != 0;
    bool carries = !PKT_IS_PSEUDOPKT(p) && p->payload_len > 0;
    if (carries && !(p->flags & PKT_STREAM_ADD))
        return true;
    for (int own = 1; own >= 0; own--) {
        bool direction = own == to_server;
        if (!is_released(f, stream_of(f, direction), own && !PKT_IS_PSEUDOPKT(p)))
            continue;
        const struct session *session = session_of(f, false);
        if ((carries && own) || session == NULL || !session->sides[direction].released)
            return true;
    }
    return false;
}

static bool has_wrong_checksum(const Packet *p)
{
    return !(p->flags & PKT_IGNORE_CHECKSUM) && p->l4.csum_set && p->l4.csum != 0;
}

void streams_packet(struct thread *thread, const Packet *p)
{
    const Flow *f = p->flow;
    bool to_server = PKT_IS_TOSERVER(p) != 0;
    bool real = !PKT_IS_PSEUDOPKT(p);
    struct session *session = NULL;
    for (int own = 1; own >= 0; own--) {
        bool direction = own == to_server;
        if (!is_released(f, stream_of(f, direction), real && own))
            continue;
        session = session_of(f, true);
        if (session == NULL) {
            failed(FAILED_LOST, "stream", "out of memory");
            atomic_fetch_add(&plugin.lost, p->payload_len);
            return;
        }
        if (!session->sides[direction].released)
            release(thread, f, direction, &session->sides[direction]);
    }
    if (!real || p->payload_len == 0)
        return;
    TCPHdr tcp; /* a copy: it need not be aligned */
    memcpy(&tcp, PacketGetTCP(p), sizeof(tcp));
    uint32_t from = TCP_GET_RAW_SEQ(&tcp) + ((tcp.th_flags & TH_SYN) ? 1 : 0);
    if (tcp.th_flags & TH_RST) {
        give_packet(thread, p); /* no part of the stream */
        return;
    }
    struct bytes bytes = { p->payload, p->payload_len, true, acknowledged(f, to_server, &tcp) };
    struct side *side = session != NULL ? &session->sides[to_server] : NULL;
    if (side == NULL || !side->released) {
        if (p->flags & PKT_STREAM_ADD)
            return; /* it comes with the stream */
        if (has_wrong_checksum(p)) {
            count(thread, COUNT_REFUSED, p->payload_len);
            return;
        }
        const TcpStream *stream = stream_of(f, to_server);
        struct side kept = {
            .zero = stream->base_seq - (uint32_t)STREAM_BASE_OFFSET(stream),
            .given = stream->base_seq + stream->log_progress_rel,
        };
        give_rest(thread, f, to_server, &kept, from, bytes);
        return;
    }
    if (has_wrong_checksum(p)) {
        count(thread, COUNT_REFUSED, p->payload_len);
        return;
    }
    give_rest(thread, f, to_server, side, from, bytes);
}

/* Where bytes stand in their direction: Suricata does not say, but they lie in one of the
 * buffers of its stream. */
static uint64_t offset_of(const TcpStream *stream, const uint8_t *bytes)
{
    uintptr_t at = (uintptr_t)bytes;
    for (const StreamingBufferRegion *it = &stream->sb.region; it != NULL; it = it->next) {
        uintptr_t start = (uintptr_t)it->buf;
        if (it->buf != NULL && at >= start && at - start < it->buf_size)
            return it->stream_offset + (at - start);
    }
    return STREAM_LOG_PROGRESS(stream);
}

/* What is acknowledged at once comes in one. It is given as the segments that it came in,
 * since a content counts once a piece, and so that what surrounds a window is as much as in
 * packets. Of segments that overlap each ends where the next begins. */
void streams_piece(struct thread *thread, const Flow *f, const uint8_t *bytes, uint32_t length,
        bool to_server)
{
    struct session *session = session_of(f, false);
    TcpStream *stream = (TcpStream *)stream_of(f, to_server);
    uint64_t offset = offset_of(stream, bytes);
    struct bytes all = { bytes, length, false, followed(f) };
    if (session != NULL && session->sides[to_server].released) {
        struct side *side = &session->sides[to_server];
        give_rest(thread, f, to_server, side, side->zero + (uint32_t)offset, all);
        return;
    }
    uint32_t from = stream->base_seq + (uint32_t)(offset - STREAM_BASE_OFFSET(stream)), at = 0;
    TcpSegment next = { .seq = from + 1 };
    TcpSegment *segment = TCPSEG_RB_NFIND(&stream->seg_tree, &next);
    while (at < length) {
        while (segment != NULL && SEQ_LEQ(segment->seq, from + at))
            segment = TCPSEG_RB_NEXT(segment);
        uint32_t end = segment != NULL ? segment->seq - from : length;
        end = end < length ? end : length;
        give(thread, f, to_server, offset + at, part(all, at, end));
        at = end;
    }
}

/* A flow ends: what Suricata held of it and never logged is lost. */
void streams_finish(const Flow *f)
{
    if (f->protoctx == NULL)
        return;
    const struct session *session = session_of(f, false);
    for (int to_server = 0; to_server < 2; to_server++) {
        const TcpStream *stream = stream_of(f, to_server);
        if ((session != NULL && session->sides[to_server].released)
                || RB_EMPTY(&stream->seg_tree))
            continue;
        uint32_t logged = stream->base_seq + stream->log_progress_rel;
        if (SEQ_GT(STREAM_SEQ_RIGHT_EDGE(stream), logged))
            atomic_fetch_add(&plugin.lost, STREAM_SEQ_RIGHT_EDGE(stream) - logged);
    }
}
