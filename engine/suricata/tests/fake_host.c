/* A FAKE HOST, for tests only: makes the calls that Suricata 8 makes of a plugin, over the
 * frames of a pcap file. It decodes Ethernet, IPv4, TCP and UDP, puts TCP streams together,
 * logs what is acknowledged, and lets streams go as the real one does.
 *
 *   fake_host PLUGIN.so CAPTURE.pcap THREADS [NAME=VALUE | NAME=[A,B]]...
 *
 * NAME=VALUE stand for the node `wormsift:` of suricata.yaml; `=VALUE` for its own value.
 * Prints what the plugin logs, and its counters. FAKE_HOST in the environment is one of
 *
 *   gaps       bytes are missing between all segments
 *   midstream  no handshake was seen, so that there are no sessions
 *   unknown    protocol detection gives up at the first data, and no rule wants raw streams
 *   depth      streams are followed for 600 bytes
 *   memcap     every third segment finds no memory
 *   bypass     flows are bypassed from their third data packet on
 *   stopped    a parser stops its stream when the second data packet is acknowledged
 *   inline     data is logged before it is acknowledged
 *   joined     data is logged by three segments at least, or at the end
 *   test       only the configuration is looked at */
#define _GNU_SOURCE
#define __SCFILENAME__ "fake_host"
#include "suricata-stub.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet {
    Packet packet;
    TCPHdr tcp;
    size_t flow;
};

struct stream {
    Flow flow;
    TcpSession session;
    unsigned data_packets, segments;
};

enum how { WHOLE, GAPS, MIDSTREAM, UNKNOWN, DEPTH, MEMCAP, BYPASS, STOPPED, INLINE, JOINED, TEST };
static const char *const hows[] = { "whole", "gaps", "midstream", "unknown", "depth", "memcap",
    "bypass", "stopped", "inline", "joined", "test" };
static enum how how;
#define FAKE_DEPTH 600

static struct packet *packets;
static struct stream *streams;
static size_t packet_count, stream_count, thread_count;
static SCConfNode root;
static pthread_barrier_t barrier;

static struct {
    PacketLogger log;
    PacketLogCondition wanted;
    void *initdata;
    ThreadInitFunc init;
    ThreadDeinitFunc deinit;
} packet_logger;
static struct {
    SCStreamingLogger log;
    void *initdata;
    ThreadInitFunc init;
    ThreadDeinitFunc deinit;
} stream_logger;

int SCOutputRegisterPacketLogger(LoggerId id, const char *name, PacketLogger log,
        PacketLogCondition wanted, void *initdata, ThreadInitFunc init,
        ThreadDeinitFunc deinit)
{
    printf("packet logger %u %s\n", id, name);
    packet_logger.log = log;
    packet_logger.wanted = wanted;
    packet_logger.initdata = initdata;
    packet_logger.init = init;
    packet_logger.deinit = deinit;
    return 0;
}

int SCOutputRegisterStreamingLogger(LoggerId id, const char *name, SCStreamingLogger log,
        void *initdata, enum SCOutputStreamingType type, ThreadInitFunc init,
        ThreadDeinitFunc deinit)
{
    printf("stream logger %u %s %d\n", id, name, (int)type);
    stream_logger.log = log;
    stream_logger.initdata = initdata;
    stream_logger.init = init;
    stream_logger.deinit = deinit;
    return 0;
}

SCConfNode *SCConfGetNode(const char *key)
{
    bool there = !TAILQ_EMPTY(&root.head) || root.val != NULL;
    return strcmp(key, "wormsift") == 0 && there ? &root : NULL;
}

int SCConfGet(const char *name, const char **value)
{
    *value = "/nonexistent";
    return strcmp(name, "default-log-dir") == 0;
}

int SCConfValIsTrue(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
}

int SCConfValIsFalse(const char *value)
{
    return strcmp(value, "no") == 0 || strcmp(value, "false") == 0;
}

int SCRunmodeGet(void)
{
    return how == TEST ? RUNMODE_CONF_TEST : RUNMODE_PCAP_FILE;
}

static struct {
    const char *name;
    uint64_t (*ask)(void);
    _Atomic uint64_t value;
} counters[64];
static unsigned counter_count = 1;
static pthread_mutex_t counter_mutex = PTHREAD_MUTEX_INITIALIZER;

static uint16_t new_counter(const char *name, uint64_t (*ask)(void))
{
    pthread_mutex_lock(&counter_mutex);
    unsigned at = 1;
    while (at < counter_count && strcmp(counters[at].name, name) != 0)
        at++;
    if (at == counter_count)
        counter_count++;
    counters[at].name = name;
    counters[at].ask = ask;
    pthread_mutex_unlock(&counter_mutex);
    return (uint16_t)at;
}

uint16_t StatsRegisterCounter(const char *name, ThreadVars *tv)
{
    (void)tv;
    return new_counter(name, NULL);
}

uint16_t StatsRegisterGlobalCounter(const char *name, uint64_t (*ask)(void))
{
    return new_counter(name, ask);
}

void StatsAddUI64(ThreadVars *tv, uint16_t at, uint64_t by)
{
    (void)tv;
    counters[at].value += by;
}

bool SCThreadRegisterInitCallback(void (*made)(ThreadVars *, void *), void *user)
{
    (void)made;
    (void)user;
    return true;
}

static void (*on_ready)(void *);

int SCRegisterOnLoggingReady(void (*ready)(void *), void *user)
{
    (void)user;
    on_ready = ready;
    return 0;
}

void OutputRegisterFileRotationFlag(int *flag)
{
    (void)flag;
}

void OutputUnregisterFileRotationFlag(int *flag)
{
    (void)flag;
}

static void (*free_storage)(void *);

FlowStorageId FlowStorageRegister(const char *name, unsigned size, void *(*make)(unsigned),
        void (*release)(void *))
{
    (void)name;
    (void)size;
    (void)make;
    free_storage = release;
    return (FlowStorageId){ 1 };
}

void *FlowGetStorageById(const Flow *f, FlowStorageId id)
{
    return id.id == 1 ? f->stub_storage : NULL;
}

int FlowSetStorageById(Flow *f, FlowStorageId id, void *storage)
{
    (void)id;
    f->stub_storage = storage;
    return 0;
}

static SCFlowUpdateCallbackFn on_update;
static SCFlowFinishCallbackFn on_finish;

bool SCFlowRegisterUpdateCallback(SCFlowUpdateCallbackFn fn, void *user)
{
    (void)user;
    on_update = fn;
    return true;
}

bool SCFlowRegisterFinishCallback(SCFlowFinishCallbackFn fn, void *user)
{
    (void)user;
    on_finish = fn;
    return true;
}

TcpSegment *TCPSEG_RB_MINMAX(struct TCPSEG *head, int which)
{
    (void)which;
    return head->stub_first;
}

TcpSegment *TCPSEG_RB_NEXT(TcpSegment *segment)
{
    return segment->stub_next;
}

TcpSegment *TCPSEG_RB_NFIND(struct TCPSEG *head, TcpSegment *wanted)
{
    TcpSegment *it = head->stub_first;
    while (it != NULL && SEQ_LT(it->seq, wanted->seq))
        it = it->stub_next;
    return it;
}

void StreamingBufferSegmentGetData(const StreamingBuffer *sb, const StreamingBufferSegment *at,
        const uint8_t **bytes, uint32_t *length)
{
    (void)sb;
    const TcpSegment *segment =
            (const TcpSegment *)((const char *)at - offsetof(TcpSegment, sbseg));
    *bytes = segment->stub_bytes;
    *length = segment->payload_len;
}

void StubLog(const char *level, const char *format, ...)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    va_list arguments;
    pthread_mutex_lock(&one);
    printf("%s: ", level);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    pthread_mutex_unlock(&one);
}

static SCConfNode *child(SCConfNode *parent, const char *name, const char *value)
{
    SCConfNode *node = calloc(1, sizeof(*node));
    node->name = strdup(name);
    /* As Suricata's YAML loader does it. */
    for (char *c = node->name; (c = strchr(c, '_')) != NULL;)
        *c = '-';
    node->val = value != NULL ? strdup(value) : NULL;
    TAILQ_INIT(&node->head);
    TAILQ_INSERT_TAIL(&parent->head, node, next);
    return node;
}

static void set(char *argument)
{
    char *value = strchr(argument, '=');
    *value++ = 0;
    if (*argument == 0) {
        root.val = value;
        return;
    }
    if (*value != '[') {
        child(&root, argument, value);
        return;
    }
    SCConfNode *list = child(&root, argument, NULL);
    char *rest = NULL;
    for (char *item = strtok_r(value, "[,]", &rest); item != NULL;
            item = strtok_r(NULL, "[,]", &rest))
        child(list, "item", item);
}

static void forget(SCConfNode *node)
{
    SCConfNode *first;
    while ((first = TAILQ_FIRST(&node->head)) != NULL) {
        TAILQ_REMOVE(&node->head, first, next);
        forget(first);
        free(first->name);
        free(first->val);
        free(first);
    }
}

/* The flow of a packet; who sent first is its client. */
static size_t flow_of(const Packet *p)
{
    for (size_t i = stream_count; i-- > 0;) {
        const Flow *f = &streams[i].flow;
        uint32_t a = f->src.addr_data32[0], b = f->dst.addr_data32[0];
        uint32_t from = p->src.addr_data32[0], to = p->dst.addr_data32[0];
        if (f->proto == p->proto
                && ((a == from && b == to && f->sp == p->sp && f->dp == p->dp)
                        || (a == to && b == from && f->sp == p->dp && f->dp == p->sp)))
            return i;
    }
    Flow *f = &streams[stream_count].flow;
    f->src = p->src;
    f->dst = p->dst;
    f->sp = p->sp;
    f->dp = p->dp;
    f->proto = p->proto;
    f->flags = STUB_FLOW_IPV4;
    return stream_count++;
}

static uint32_t little(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static unsigned big(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void decode(uint8_t *frame, size_t length, uint64_t seconds, uint64_t micros)
{
    if (length < 34 || big(frame + 12) != 0x0800)
        return;
    uint8_t *ip = frame + 14;
    size_t header = (ip[0] & 15) * 4u, total = big(ip + 2);
    if (total > length - 14 || total < header || (big(ip + 6) & 0x3fff) != 0)
        return;
    struct packet *it = &packets[packet_count];
    Packet *p = &it->packet;
    uint8_t *transport = ip + header;
    size_t rest = total - header, skip = 0;
    p->stub_version = 4;
    p->proto = ip[9];
    p->ts.secs = seconds & ((UINT64_C(1) << 44) - 1);
    p->ts.usecs = micros & 0xfffff;
    memcpy(p->src.addr_data32, ip + 12, 4);
    memcpy(p->dst.addr_data32, ip + 16, 4);
    if (p->proto == IPPROTO_TCP && rest >= 20) {
        memcpy(&it->tcp, transport, sizeof(it->tcp));
        p->stub_tcp = &it->tcp;
        skip = (transport[12] >> 4) * 4u;
    } else if (p->proto == IPPROTO_UDP && rest >= 8) {
        skip = 8;
    } else {
        return;
    }
    if (skip > rest)
        return;
    p->sp = (uint16_t)big(transport);
    p->dp = (uint16_t)big(transport + 2);
    p->payload = transport + skip;
    p->payload_len = (uint16_t)(rest - skip);
    it->flow = flow_of(p);
    packet_count++;
}

static uint8_t *read_capture(const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        perror(path);
        exit(1);
    }
    fseek(stream, 0, SEEK_END);
    size_t size = (size_t)ftell(stream);
    rewind(stream);
    uint8_t *file = malloc(size);
    if (file == NULL || fread(file, 1, size, stream) != size || size < 24)
        exit(1);
    fclose(stream);
    uint32_t unit = little(file) == 0xa1b23c4d ? 1000 : 1;
    size_t most = size / 16 + 1;
    packets = calloc(most, sizeof(*packets));
    streams = calloc(most, sizeof(*streams));
    for (size_t at = 24; at + 16 <= size;) {
        size_t length = little(file + at + 8);
        decode(file + at + 16, length, little(file + at), little(file + at + 4) / unit);
        at += 16 + length;
    }
    for (size_t i = 0; i < packet_count; i++) {
        packets[i].packet.flow = &streams[packets[i].flow].flow;
        if (packets[i].packet.stub_tcp != NULL)
            packets[i].packet.stub_tcp = &packets[i].tcp;
    }
    return file;
}

static void forget_segments(TcpStream *half)
{
    while (half->seg_tree.stub_first != NULL) {
        TcpSegment *first = half->seg_tree.stub_first;
        half->seg_tree.stub_first = first->stub_next;
        free(first);
    }
}

/* The stream engine keeps a segment; whether it did. */
static bool keep(struct stream *stream, TcpStream *half, const Packet *p, uint32_t sequence)
{
    uint32_t length = p->payload_len;
    if (half->flags & STREAMTCP_STREAM_FLAG_NOREASSEMBLY)
        return false;
    if (how == MEMCAP && ++stream->segments % 3 == 0)
        return false;
    if (how == DEPTH) {
        uint32_t before = sequence - half->base_seq;
        if (before + length >= FAKE_DEPTH)
            half->flags |= STREAMTCP_STREAM_FLAG_DEPTH_REACHED;
        if (before >= FAKE_DEPTH)
            return true; /* beyond it, and yet no failure */
        if (before + length > FAKE_DEPTH)
            length = FAKE_DEPTH - before;
    }
    if (SEQ_LT(sequence, half->base_seq + half->log_progress_rel))
        return true; /* a copy */
    TcpSegment **at = &half->seg_tree.stub_first;
    while (*at != NULL && SEQ_LT((*at)->seq, sequence))
        at = &(*at)->stub_next;
    if (*at != NULL && (*at)->seq == sequence)
        return true; /* a copy */
    TcpSegment *segment = calloc(1, sizeof(*segment));
    segment->payload_len = (uint16_t)length;
    segment->seq = sequence;
    segment->stub_bytes = p->payload;
    segment->stub_next = *at;
    *at = segment;
    half->segs_right_edge = SEQ_MAX(half->segs_right_edge, sequence + length);
    return true;
}

/* The streaming logger gets what is acknowledged, or all at the end. */
static void log_stream(struct stream *stream, void *data, bool to_server, bool all)
{
    TcpStream *half = to_server ? &stream->session.client : &stream->session.server;
    uint8_t flags = to_server ? OUTPUT_STREAMING_FLAG_TOSERVER : OUTPUT_STREAMING_FLAG_TOCLIENT;
    if (half->flags & STREAMTCP_STREAM_FLAG_NOREASSEMBLY)
        return;
    unsigned due = 0;
    for (TcpSegment *it = half->seg_tree.stub_first; it != NULL; it = it->stub_next)
        due += SEQ_LEQ(it->seq + it->payload_len, half->last_ack)
            && !SEQ_LT(it->seq, half->base_seq + half->log_progress_rel);
    if (how == JOINED && due < 3 && !all)
        return;
    for (TcpSegment *it = half->seg_tree.stub_first; it != NULL;) {
        uint32_t logged = half->base_seq + half->log_progress_rel, from = it->seq, length = 0;
        uint8_t *joined = NULL;
        /* What lies in a row comes in one. */
        for (; it != NULL && (joined == NULL || it->seq == from + length); it = it->stub_next) {
            if (SEQ_LT(it->seq, logged)) {
                from = it->stub_next != NULL ? it->stub_next->seq : from;
                continue;
            }
            if (!all && SEQ_GT(it->seq + it->payload_len, half->last_ack))
                break;
            joined = realloc(joined, length + it->payload_len);
            memcpy(joined + length, it->stub_bytes, it->payload_len);
            length += it->payload_len;
        }
        if (joined == NULL)
            break;
        /* The bytes lie in the second of two buffers. */
        uint8_t other[64];
        StreamingBufferRegion second = { .buf = joined,
            .buf_size = length,
            .stream_offset = from - half->base_seq };
        half->sb.region = (StreamingBufferRegion){ .buf = other,
            .buf_size = sizeof(other),
            .next = &second };
        stream_logger.log(NULL, data, &stream->flow, joined, length, 0, flags);
        half->sb.region.next = NULL;
        half->log_progress_rel = from + length - half->base_seq;
        free(joined);
    }
}

/* What the real one does when a packet of a direction is done with. */
static void prune(struct stream *stream, TcpStream *half)
{
    if (half->flags & STREAMTCP_STREAM_FLAG_NOREASSEMBLY)
        return;
    if ((half->flags & STREAMTCP_STREAM_FLAG_DEPTH_REACHED)
            || ((stream->session.flags & STREAMTCP_FLAG_APP_LAYER_DISABLED)
                    && (half->flags & STREAMTCP_STREAM_FLAG_DISABLE_RAW))) {
        half->flags |= STREAMTCP_STREAM_FLAG_NOREASSEMBLY;
        forget_segments(half);
        return;
    }
    while (half->seg_tree.stub_first != NULL
            && SEQ_LEQ(half->seg_tree.stub_first->seq + half->seg_tree.stub_first->payload_len,
                    half->base_seq + half->log_progress_rel)) {
        TcpSegment *first = half->seg_tree.stub_first;
        half->seg_tree.stub_first = first->stub_next;
        free(first);
    }
}

/* The stream engine sees a packet. */
static void follow(struct packet *it, bool to_server)
{
    struct stream *stream = &streams[it->flow];
    TcpSession *session = &stream->session;
    TcpStream *half = to_server ? &session->client : &session->server;
    TcpStream *other = to_server ? &session->server : &session->client;
    uint32_t sequence = ntohl(it->tcp.th_seq);
    if (it->tcp.th_flags & TH_SYN) {
        half->isn = sequence;
        half->base_seq = half->segs_right_edge = half->last_ack = half->next_seq = sequence + 1;
        return;
    }
    if (it->tcp.th_flags & 0x10) {
        other->last_ack = how == GAPS ? other->segs_right_edge : ntohl(it->tcp.th_ack);
        bool data = other->seg_tree.stub_first != NULL;
        if (how == UNKNOWN && data) {
            session->flags |= STREAMTCP_FLAG_APP_LAYER_DISABLED;
            session->client.flags |= STREAMTCP_STREAM_FLAG_DISABLE_RAW;
            session->server.flags |= STREAMTCP_STREAM_FLAG_DISABLE_RAW;
        }
        if (how == STOPPED && data && stream->data_packets >= 2)
            other->flags |= STREAMTCP_STREAM_FLAG_NOREASSEMBLY;
    }
    if (it->packet.payload_len == 0)
        return;
    stream->data_packets++;
    half->next_seq = SEQ_MAX(half->next_seq, sequence + it->packet.payload_len);
    if (how == GAPS)
        sequence += 1000 * ++stream->segments;
    it->packet.flags &= ~(uint32_t)PKT_STREAM_ADD;
    if (keep(stream, half, &it->packet, sequence))
        it->packet.flags |= PKT_STREAM_ADD;
    if (how == BYPASS && stream->data_packets >= 3)
        stream->flow.flow_state = FLOW_STATE_LOCAL_BYPASSED;
}

/* Packets that the plugin must not take: those that the host makes itself, and the outer
 * ones of tunnels. */
static void offer_others(const Packet *p, void *data)
{
    for (uint32_t flag = STUB_PSEUDO; flag <= STUB_TUNNEL_ROOT; flag <<= 1) {
        if (flag == STUB_PSEUDO && p->stub_tcp != NULL)
            continue; /* may show that a stream was let go */
        Packet other = *p;
        other.flags |= flag;
        if (packet_logger.wanted(NULL, data, &other)) {
            fprintf(stderr, "took a packet with flag %u\n", (unsigned)flag);
            exit(1);
        }
    }
}

static void *work(void *argument)
{
    size_t mine = (size_t)argument;
    void *packet_data = NULL, *stream_data = NULL;
    packet_logger.init(NULL, packet_logger.initdata, &packet_data);
    if (stream_logger.log != NULL)
        stream_logger.init(NULL, stream_logger.initdata, &stream_data);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < packet_count; i++) {
        struct packet *it = &packets[i];
        if (it->flow % thread_count != mine)
            continue;
        struct stream *stream = &streams[it->flow];
        Packet *p = &it->packet;
        bool to_server = p->src.addr_data32[0] == stream->flow.src.addr_data32[0]
            && p->sp == stream->flow.sp;
        p->flowflags = to_server ? 1 : 2;
        stream->flow.lastts = p->ts;
        if (on_update != NULL)
            on_update(NULL, &stream->flow, p, NULL);
        if (stream->flow.flow_state == FLOW_STATE_LOCAL_BYPASSED)
            continue; /* nothing else sees it */
        if (p->stub_tcp != NULL && (it->tcp.th_flags & TH_SYN) && how != MIDSTREAM)
            stream->flow.protoctx = &stream->session;
        bool follows = p->stub_tcp != NULL && stream->flow.protoctx != NULL;
        if (follows)
            follow(it, to_server);
        offer_others(p, packet_data);
        if (packet_logger.wanted(NULL, packet_data, p))
            packet_logger.log(NULL, packet_data, p);
        if (stream_logger.log != NULL && follows)
            log_stream(stream, stream_data, how == INLINE ? to_server : !to_server,
                    how == INLINE);
        if (follows)
            prune(stream, to_server ? &stream->session.client : &stream->session.server);
    }
    for (size_t i = 0; i < stream_count; i++) {
        if (i % thread_count != mine)
            continue;
        struct stream *stream = &streams[i];
        for (int to_server = 0; to_server < 2 && stream->flow.protoctx != NULL; to_server++) {
            if (stream_logger.log != NULL)
                log_stream(stream, stream_data, to_server, true);
        }
        if (on_finish != NULL)
            on_finish(NULL, &stream->flow, NULL);
        if (stream->flow.stub_storage != NULL)
            free_storage(stream->flow.stub_storage);
        forget_segments(&stream->session.client);
        forget_segments(&stream->session.server);
    }
    pthread_barrier_wait(&barrier);
    packet_logger.deinit(NULL, packet_data);
    if (stream_logger.log != NULL)
        stream_logger.deinit(NULL, stream_data);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const char *named = getenv("FAKE_HOST");
    for (size_t i = 0; named != NULL && i < sizeof(hows) / sizeof(*hows); i++)
        if (strcmp(named, hows[i]) == 0)
            how = (enum how)i;
    TAILQ_INIT(&root.head);
    for (int i = 4; i < argc; i++)
        set(argv[i]);
    thread_count = strtoul(argv[3], NULL, 10);
    uint8_t *file = read_capture(argv[2]);

    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    SCPluginRegisterFunc entry;
    *(void **)&entry = dlsym(library, "SCPluginRegister");
    const SCPlugin *plugin = entry();
    if (plugin->version != SC_API_VERSION)
        return 1;
    printf("plugin %s %s\n", plugin->name, plugin->license);
    plugin->Init();
    if (on_ready != NULL)
        on_ready(NULL);
    if (packet_logger.log != NULL) {
        pthread_t threads[64];
        pthread_barrier_init(&barrier, NULL, (unsigned)thread_count);
        for (size_t i = 0; i < thread_count; i++)
            pthread_create(&threads[i], NULL, work, (void *)i);
        for (size_t i = 0; i < thread_count; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&barrier);
    }
    for (unsigned i = 1; i < counter_count; i++)
        printf("counter %s %llu\n", counters[i].name,
                (unsigned long long)(counters[i].ask != NULL ? counters[i].ask()
                                                             : counters[i].value));
    dlclose(library);
    forget(&root);
    free(packets);
    free(streams);
    free(file);
    return 0;
}
