/* A FAKE HOST, for tests only: makes the calls that Suricata 8 makes of a plugin, over the
 * frames of a pcap file. It decodes Ethernet, IPv4, TCP and UDP, and puts TCP streams
 * together as far as segments come in order.
 *
 *   fake_host PLUGIN.so CAPTURE.pcap THREADS [NAME=VALUE | NAME=[A,B]]...
 *
 * NAME=VALUE stand for the node `wormsift:` of suricata.yaml. Prints what the plugin logs.
 * In the environment: FAKE_HOST=gaps says that bytes are missing between all segments,
 * FAKE_HOST=midstream that no handshake was seen, so that there are no sessions. */
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
    uint32_t next[2];
    uint64_t offset[2];
    bool open[2];
};

static struct packet *packets;
static struct stream *streams;
static size_t packet_count, stream_count, thread_count;
static bool gaps, midstream;
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
    return strcmp(key, "wormsift") == 0 && !TAILQ_EMPTY(&root.head) ? &root : NULL;
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

/* What a stream engine would hand on of a segment: the new bytes, which lie in the second
 * of two buffers. */
static void reassemble(const struct packet *it, void *data)
{
    struct stream *stream = &streams[it->flow];
    const Packet *p = &it->packet;
    Flow *f = &stream->flow;
    int to_server = p->src.addr_data32[0] == f->src.addr_data32[0] && p->sp == f->sp;
    uint32_t sequence = ntohl(it->tcp.th_seq);
    uint8_t flags = to_server ? OUTPUT_STREAMING_FLAG_TOSERVER : OUTPUT_STREAMING_FLAG_TOCLIENT;
    TcpStream *half = to_server ? &stream->session.client : &stream->session.server;
    uint8_t other[64];
    if (it->tcp.th_flags & 2) {
        stream->next[to_server] = sequence + 1;
        stream->open[to_server] = true;
        return;
    }
    if (p->payload_len > 0 && sequence == stream->next[to_server]) {
        StreamingBufferRegion second = { .buf = p->payload,
            .buf_size = p->payload_len,
            .stream_offset = stream->offset[to_server] };
        half->sb.region = (StreamingBufferRegion){ .buf = other,
            .buf_size = sizeof(other),
            .next = &second };
        stream->next[to_server] += p->payload_len;
        stream->offset[to_server] += p->payload_len + (gaps ? 1000u : 0u);
        if (stream->open[to_server])
            flags |= OUTPUT_STREAMING_FLAG_OPEN;
        stream->open[to_server] = false;
        stream_logger.log(NULL, data, f, p->payload, p->payload_len, 0, flags);
        half->sb.region.next = NULL;
    }
    if (it->tcp.th_flags & 1)
        stream_logger.log(NULL, data, f, NULL, 0, 0, flags | OUTPUT_STREAMING_FLAG_CLOSE);
}

/* Packets that the plugin must not take: those that the host makes itself, and the outer
 * ones of tunnels. */
static void offer_others(const Packet *p, void *data)
{
    for (uint32_t flag = STUB_PSEUDO; flag <= STUB_TUNNEL_ROOT; flag <<= 1) {
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
        const struct packet *it = &packets[i];
        if (it->flow % thread_count != mine)
            continue;
        struct stream *stream = &streams[it->flow];
        stream->flow.lastts = it->packet.ts;
        if (it->packet.stub_tcp != NULL && (it->tcp.th_flags & 2) && !midstream)
            stream->flow.protoctx = &stream->session;
        offer_others(&it->packet, packet_data);
        if (packet_logger.wanted(NULL, packet_data, &it->packet))
            packet_logger.log(NULL, packet_data, &it->packet);
        if (stream_logger.log != NULL && stream->flow.protoctx != NULL)
            reassemble(it, stream_data);
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
    const char *how = getenv("FAKE_HOST");
    gaps = how != NULL && strcmp(how, "gaps") == 0;
    midstream = how != NULL && strcmp(how, "midstream") == 0;
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
    if (packet_logger.log != NULL) {
        pthread_t threads[64];
        pthread_barrier_init(&barrier, NULL, (unsigned)thread_count);
        for (size_t i = 0; i < thread_count; i++)
            pthread_create(&threads[i], NULL, work, (void *)i);
        for (size_t i = 0; i < thread_count; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&barrier);
    }
    dlclose(library);
    forget(&root);
    free(packets);
    free(streams);
    free(file);
    return 0;
}
