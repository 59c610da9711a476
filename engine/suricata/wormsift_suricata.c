/* A plugin for Suricata 8: its packets and reassembled TCP streams through wormsift.
 *
 * Each worker thread of Suricata has a wormsift worker of its own for each of the two
 * loggers, and no locks on the way in. About once a second of packet time one thread moves
 * the engine on and writes what was found; the others never wait for it. A failure is said
 * once, and then the plugin stays out of the way: it never stops Suricata.
 *
 * The file includes Suricata's headers, so what is built from it falls under the GPL,
 * version 2; wormsift itself stays under MIT or Apache-2.0, the former of which permits
 * that. */
#include "suricata-common.h"
#include "suricata-plugin.h"

#include "conf.h"
#include "decode.h"
#include "flow.h"
#include "output-packet.h"
#include "output-streaming.h"
#include "output.h"
#include "stream-tcp-private.h"
#include "util-debug.h"

#include "rules_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wormsift.h>

#define SECOND UINT64_C(1000000000)
/* Packets of threads may be so far apart when time is moved on. */
#define SLACK (2 * SECOND)

struct thread {
    wormsift_worker *worker;
    /* When the worker was last flushed, in packet time. */
    uint64_t flushed;
    bool failed;
};

static struct {
    wormsift_engine *engine;
    bool stream, rules;
    char *state;
    FILE *output;
    pthread_mutex_t mutex; /* of the output and of `next` */
    uint64_t next;         /* packet time at which the engine is moved on */
    _Atomic unsigned threads;
    _Atomic bool said;
} plugin = { .stream = true, .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Says what went wrong, once. Whether the call went well. */
static bool went_well(const char *what, wormsift_status status)
{
    if (status >= 0)
        return true;
    if (!atomic_exchange(&plugin.said, true))
        SCLogError("wormsift: %s: %s: %s", what, wormsift_status_text(status),
                wormsift_last_error());
    return false;
}

/* What was found since the last call goes to the file. The caller has the mutex. */
static void write_findings(void)
{
    wormsift_finding *finding = NULL;
    bool any = false;
    while (wormsift_engine_next(plugin.engine, &finding) == WORMSIFT_OK) {
        wormsift_buffer line = { 0 };
        if (went_well("finding",
                    wormsift_finding_render(finding, WORMSIFT_JSON, 0, 0, &line))) {
            wormsift_summary it = { .struct_size = sizeof(it) };
            if (wormsift_finding_summary(finding, &it) == WORMSIFT_OK
                    && it.kind == WORMSIFT_SIGNATURE)
                SCLogNotice("wormsift: %s: protocol %u, port %d, from %u to %u hosts, passed on "
                            "by %u", wormsift_finding_id(finding), (unsigned)it.protocol,
                        (int)it.port, (unsigned)it.sources, (unsigned)it.destinations,
                        (unsigned)it.relays);
            any |= fwrite(line.data, 1, line.length, plugin.output) == line.length
                && fputc('\n', plugin.output) != EOF;
        }
        if (plugin.rules)
            went_well("rule", rules_take(finding));
        wormsift_buffer_free(&line);
        wormsift_finding_free(finding);
    }
    if (plugin.rules && !rules_write() && !atomic_exchange(&plugin.said, true))
        SCLogError("wormsift: rules: %s", strerror(errno));
    if ((any && fflush(plugin.output) != 0) || ferror(plugin.output)) {
        if (!atomic_exchange(&plugin.said, true))
            SCLogError("wormsift: output: %s", strerror(errno));
        clearerr(plugin.output);
    }
    wormsift_buffer warning = { 0 };
    while (wormsift_engine_next_warning(plugin.engine, &warning) == WORMSIFT_OK) {
        SCLogWarning("wormsift: %s", warning.data);
        wormsift_buffer_free(&warning);
    }
}

/* Packet time has come to `now`: once a second the thread hands over, and one thread, with
 * no other waiting for it, moves the engine on. Time that steps back by a minute is that of
 * another capture. */
static void tick(struct thread *thread, uint64_t now)
{
    if (now < thread->flushed + SECOND && now + SLACK >= thread->flushed)
        return;
    thread->flushed = now;
    thread->failed |= !went_well("worker", wormsift_worker_flush(thread->worker));
    if (pthread_mutex_trylock(&plugin.mutex) != 0)
        return;
    if (now >= plugin.next || plugin.next - now > 60 * SECOND) {
        plugin.next = now + SECOND;
        if (now > SLACK)
            went_well("engine", wormsift_engine_advance(plugin.engine, now - SLACK));
        write_findings();
    }
    pthread_mutex_unlock(&plugin.mutex);
}

static uint64_t nanoseconds(SCTime_t time)
{
    return (uint64_t)SCTIME_SECS(time) * SECOND + (uint64_t)SCTIME_USECS(time) * 1000;
}

/* VLAN ids as one number. */
static uint64_t wrapping(const uint16_t *ids, unsigned count)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < count && i < 3; i++)
        all = all << 16 | (uint64_t)(ids[i] + 1u);
    return all;
}

static bool is_wanted(const Packet *p)
{
    /* What a tunnel carries comes as packets of their own. */
    if (plugin.engine == NULL || PKT_IS_PSEUDOPKT(p) || PacketIsTunnelRoot(p)
            || !(PacketIsIPv4(p) || PacketIsIPv6(p)))
        return false;
    /* TCP with a session comes as a stream. */
    return !(plugin.stream && PacketIsTCP(p) && p->flow != NULL
             && p->flow->protoctx != NULL);
}

static bool PacketCondition(ThreadVars *tv, void *data, const Packet *p)
{
    (void)tv;
    return data != NULL && !((struct thread *)data)->failed && is_wanted(p);
}

static int LogPacket(ThreadVars *tv, void *data, const Packet *p)
{
    (void)tv;
    struct thread *thread = data;
    wormsift_packet it = { .struct_size = sizeof(it) };
    it.time_ns = nanoseconds(p->ts);
    it.ip_version = PacketIsIPv4(p) ? 4 : 6;
    it.protocol = p->proto;
    memcpy(it.source, p->src.addr_data32, sizeof(it.source));
    memcpy(it.destination, p->dst.addr_data32, sizeof(it.destination));
    it.encapsulation = wrapping(p->vlan_id, p->vlan_idx);
    if (PacketIsTCP(p)) {
        const TCPHdr *tcp = PacketGetTCP(p);
        it.sequence = TCP_GET_RAW_SEQ(tcp);
        it.acknowledgement = TCP_GET_RAW_ACK(tcp);
        it.tcp_flags = tcp->th_flags;
    }
    if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
        it.destination_port = (uint16_t)(p->icmp_s.type << 8 | p->icmp_s.code);
    } else if (PacketIsTCP(p) || PacketIsUDP(p)) {
        it.source_port = p->sp;
        it.destination_port = p->dp;
    }
    thread->failed = !went_well("packet",
            wormsift_worker_packet(thread->worker, &it, p->payload, p->payload_len));
    tick(thread, it.time_ns);
    return 0;
}

/* Where bytes stand in their direction of the connection: Suricata does not say, but they
 * lie in one of the buffers of its stream. */
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

static int LogStream(ThreadVars *tv, void *data, const Flow *f, const uint8_t *bytes,
        uint32_t length, uint64_t tx_id, uint8_t flags)
{
    (void)tv;
    (void)tx_id;
    struct thread *thread = data;
    const TcpSession *session = f->protoctx;
    if (thread == NULL || thread->failed || plugin.engine == NULL || session == NULL
            || bytes == NULL || length == 0)
        return 0;
    bool to_server = (flags & OUTPUT_STREAMING_FLAG_TOSERVER) != 0;
    wormsift_piece it = { .struct_size = sizeof(it) };
    it.time_ns = nanoseconds(f->lastts);
    it.offset = offset_of(to_server ? &session->client : &session->server, bytes);
    it.ip_version = FLOW_IS_IPV4(f) ? 4 : 6;
    /* The client's address comes first, unless the flow was picked up the wrong way. */
    bool forward = to_server == ((f->flags & FLOW_DIR_REVERSED) == 0);
    memcpy(it.source, forward ? f->src.addr_data32 : f->dst.addr_data32, sizeof(it.source));
    memcpy(it.destination, forward ? f->dst.addr_data32 : f->src.addr_data32,
            sizeof(it.destination));
    it.source_port = forward ? f->sp : f->dp;
    it.destination_port = forward ? f->dp : f->sp;
    it.encapsulation = wrapping(f->vlan_id, f->vlan_idx);
    thread->failed = !went_well(
            "stream", wormsift_worker_stream(thread->worker, &it, bytes, length));
    tick(thread, it.time_ns);
    return 0;
}

static TmEcode ThreadInit(ThreadVars *tv, const void *initdata, void **data)
{
    (void)tv;
    (void)initdata;
    struct thread *thread = calloc(1, sizeof(*thread));
    *data = thread;
    if (thread == NULL)
        return TM_ECODE_OK; /* without data nothing is logged */
    thread->failed =
            !went_well("worker", wormsift_worker_new(plugin.engine, &thread->worker));
    atomic_fetch_add(&plugin.threads, 1);
    return TM_ECODE_OK;
}

static void finish(void)
{
    if (went_well("engine", wormsift_engine_finish(plugin.engine)))
        write_findings();
    if (plugin.state != NULL)
        went_well("state", wormsift_engine_save(plugin.engine, plugin.state));
    wormsift_engine_free(plugin.engine);
    plugin.engine = NULL;
    fclose(plugin.output);
    rules_close();
    free(plugin.state);
    plugin.state = NULL;
}

static TmEcode ThreadDeinit(ThreadVars *tv, void *data)
{
    (void)tv;
    struct thread *thread = data;
    if (thread == NULL)
        return TM_ECODE_OK;
    wormsift_worker_free(thread->worker);
    free(thread);
    if (atomic_fetch_sub(&plugin.threads, 1) == 1)
        finish(); /* the last one: nobody else is left to take the mutex */
    return TM_ECODE_OK;
}

/* A list as TOML has it. */
static bool list_of(const SCConfNode *node, char *text, size_t room)
{
    size_t used = (size_t)snprintf(text, room, "[");
    const SCConfNode *child;
    TAILQ_FOREACH (child, &node->head, next) {
        if (used < room && child->val != NULL)
            used += (size_t)snprintf(text + used, room - used, "\"%s\",", child->val);
    }
    if (used < room)
        used += (size_t)snprintf(text + used, room - used, "]");
    return used < room;
}

static bool set(wormsift_config *config, const char *name, const char *value)
{
    wormsift_status status = wormsift_config_set(config, name, value);
    if (status < 0)
        SCLogError("wormsift: %s", wormsift_last_error());
    return status >= 0;
}

/* By the name of a node: Suricata's loader makes each `_` in a key a `-`, and none of the
 * engine's names has a `-`. */
static bool set_by(wormsift_config *config, const char *node, const char *value)
{
    char name[64];
    if (snprintf(name, sizeof(name), "%s", node) >= (int)sizeof(name)) {
        SCLogError("wormsift: %s: no such setting", node);
        return false;
    }
    for (char *dash = name; (dash = strchr(dash, '-')) != NULL;)
        *dash = '_';
    return set(config, name, value);
}

/* A key that nobody can know, unless one is given. */
static bool set_random_key(wormsift_config *config)
{
    unsigned char bytes[16];
    char text[33];
    FILE *source = fopen("/dev/urandom", "rb");
    bool read = source != NULL && fread(bytes, 1, sizeof(bytes), source) == sizeof(bytes);
    if (source != NULL)
        fclose(source);
    for (size_t i = 0; read && i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return read && set(config, "key", text);
}

/* The plugin's own settings, but for `stream`. */
struct paths {
    const char *output, *rules, *state, *baseline;
    bool has_key;
};

/* Reads the node `wormsift:`; every key that is not the plugin's own is the engine's. */
static bool configure(wormsift_config *config, struct paths *paths)
{
    const SCConfNode *node = SCConfGetNode("wormsift");
    if (node == NULL)
        return true;
    const SCConfNode *child;
    TAILQ_FOREACH (child, &node->head, next) {
        char list[4096];
        const char *value = child->val;
        if (strcmp(child->name, "stream") == 0) {
            plugin.stream = value == NULL || SCConfValIsTrue(value);
        } else if (strcmp(child->name, "output") == 0) {
            paths->output = value;
        } else if (strcmp(child->name, "rules") == 0) {
            paths->rules = value;
        } else if (strcmp(child->name, "state") == 0) {
            paths->state = value;
        } else if (strcmp(child->name, "baseline") == 0) {
            paths->baseline = value;
        } else {
            paths->has_key |= strcmp(child->name, "key") == 0;
            if (value == NULL || !TAILQ_EMPTY(&child->head)) {
                if (!list_of(child, list, sizeof(list))) {
                    SCLogError("wormsift: %s: the list is too long", child->name);
                    return false;
                }
                value = list;
            }
            if (!set_by(config, child->name, value))
                return false;
        }
    }
    return true;
}

static wormsift_engine *engine_of(wormsift_config *config, const struct paths *paths)
{
    wormsift_engine *engine = NULL;
    const char *state = paths->state, *baseline = paths->baseline;
    if (state != NULL && access(state, F_OK) == 0) {
        if (wormsift_engine_restore(config, state, &engine) == WORMSIFT_OK) {
            SCLogNotice("wormsift: goes on from %s%s", state,
                    baseline != NULL ? ", with the baseline that is in it" : "");
            return engine;
        }
        SCLogWarning("wormsift: %s is not used: %s", state, wormsift_last_error());
    }
    /* Only now: a saved state has its key in it. */
    if (!paths->has_key && !set_random_key(config))
        return NULL;
    wormsift_status status = baseline != NULL
        ? wormsift_engine_new_with_baseline(config, baseline, &engine)
        : wormsift_engine_new(config, &engine);
    return went_well("engine", status) ? engine : NULL;
}

static void Init(void)
{
    struct paths paths = { 0 };
    char in_log_dir[4096];
    if (wormsift_abi_version() != WORMSIFT_ABI_VERSION) {
        SCLogError("wormsift: built for interface %d of libwormsift, found %u",
                WORMSIFT_ABI_VERSION, (unsigned)wormsift_abi_version());
        return;
    }
    wormsift_config *config = NULL;
    if (!went_well("settings", wormsift_config_new(&config)))
        return;
    if (configure(config, &paths)) {
        plugin.engine = engine_of(config, &paths);
        plugin.state = paths.state != NULL ? strdup(paths.state) : NULL;
    }
    wormsift_config_free(config);
    if (plugin.engine == NULL) {
        SCLogError("wormsift: not active");
        return;
    }
    const char *output = paths.output;
    if (output == NULL) {
        const char *folder = NULL;
        if (SCConfGet("default-log-dir", &folder) != 1 || folder == NULL)
            folder = ".";
        snprintf(in_log_dir, sizeof(in_log_dir), "%s/wormsift.jsonl", folder);
        output = in_log_dir;
    }
    plugin.output = fopen(output, "ae");
    plugin.rules = plugin.output != NULL && paths.rules != NULL;
    if (plugin.output == NULL || (plugin.rules && !rules_open(paths.rules))) {
        SCLogError("wormsift: %s: %s; not active", plugin.rules ? paths.rules : output,
                strerror(errno));
        rules_close();
        if (plugin.output != NULL)
            fclose(plugin.output);
        free(plugin.state);
        plugin.state = NULL;
        wormsift_engine_free(plugin.engine);
        plugin.engine = NULL;
        return;
    }
    /* Here, and not when logging is ready: a streaming logger would come too late. */
    SCOutputRegisterPacketLogger(LOGGER_USER, "wormsift-packet", LogPacket, PacketCondition,
            NULL, ThreadInit, ThreadDeinit);
    if (plugin.stream)
        SCOutputRegisterStreamingLogger(LOGGER_USER, "wormsift-stream", LogStream, NULL,
                STREAMING_TCP_DATA, ThreadInit, ThreadDeinit);
    SCLogNotice("wormsift: libwormsift %s, %s, findings to %s", wormsift_version(),
            plugin.stream ? "reassembled TCP and packets" : "packets", output);
}

const SCPlugin PluginRegistration = {
    .version = SC_API_VERSION,
    .suricata_version = SC_PACKAGE_VERSION,
    .name = "wormsift",
    .plugin_version = "0.1.0",
    .author = "The wormsift developers",
    .license = "GPLv2",
    .Init = Init,
};

const SCPlugin *SCPluginRegister(void);

const SCPlugin *SCPluginRegister(void)
{
    return &PluginRegistration;
}
