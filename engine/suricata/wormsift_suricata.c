/* A plugin for Suricata 8: its packets and reassembled TCP streams through wormsift.
 *
 * Each worker thread of Suricata has a wormsift worker, and no lock on the way in that
 * another thread holds for longer than it takes to exchange a pointer. Packets of all
 * threads are put in the order of their times by libwormsift. About once a second of
 * packet time one thread moves the engine on and writes what was found; the others never
 * wait for it. A failure is said once, and never stops Suricata.
 *
 * The file includes Suricata's headers, so what is built from it falls under the GPL,
 * version 2; wormsift itself stays under MIT or Apache-2.0, the former of which permits
 * that. */
#include "plugin.h"
#include "rules_file.h"

struct plugin plugin = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Of the thread that it is read in: both loggers, and the callbacks of flows, have it. */
static __thread struct thread *mine;

void failed(enum failure kind, const char *about, const char *why)
{
    if (!atomic_exchange(&plugin.said[kind], true))
        SCLogError("wormsift: %s: %s", about, why);
}

bool went_well(enum failure kind, const char *about, wormsift_status status)
{
    if (status < 0) {
        const char *why = wormsift_last_error();
        failed(kind, about, why[0] != 0 ? why : wormsift_status_text(status));
    }
    return status >= 0;
}

/* A live thread looks at the clock of its packets twice a second, one that reads captures
 * after so many packets. One thread, with no other waiting for it, moves the engine on.
 * Time that steps back by a minute is another time. */
#define LIVE_TICK (SECOND / 2)
#define OFFLINE_TICK 16384

static void tick(struct thread *thread)
{
    uint64_t now = thread->now;
    if (thread->since++ == 0 && thread->ticked == 0
            && !atomic_exchange(&plugin.said[FAILURES], true))
        SCLogNotice("wormsift: taking packets on %u threads", plugin.threads);
    if (plugin.offline ? thread->since < OFFLINE_TICK
                       : now < thread->ticked + LIVE_TICK && now + 60 * SECOND >= thread->ticked)
        return;
    thread->since = 0;
    thread->ticked = now;
    thread->failed |= !went_well(FAILED_WORKER, "worker", wormsift_worker_pass(thread->worker, now));
    if (pthread_mutex_trylock(&plugin.mutex) != 0)
        return;
    if (plugin.offline || now >= plugin.next || plugin.next - now > 60 * SECOND) {
        plugin.next = now + SECOND;
        went_well(FAILED_ENGINE, "engine",
                wormsift_engine_advance(plugin.engine, plugin.offline ? 0 : now));
        findings_write();
        state_save(now, false);
    }
    pthread_mutex_unlock(&plugin.mutex);
}

void give_packet(struct thread *thread, const Packet *p)
{
    wormsift_packet it = { .struct_size = sizeof(it) };
    it.time_ns = nanoseconds(p->ts);
    it.ip_version = PacketIsIPv4(p) ? 4 : 6;
    it.protocol = p->proto;
    memcpy(it.source, p->src.addr_data32, sizeof(it.source));
    memcpy(it.destination, p->dst.addr_data32, sizeof(it.destination));
    it.encapsulation = wrapping(p->vlan_id, p->vlan_idx);
    it.untrusted_tunnel = PacketIsTunnelChild(p);
    if (PacketIsTCP(p)) {
        TCPHdr tcp; /* a copy: it need not be aligned */
        memcpy(&tcp, PacketGetTCP(p), sizeof(tcp));
        it.sequence = TCP_GET_RAW_SEQ(&tcp);
        it.acknowledgement = TCP_GET_RAW_ACK(&tcp);
        it.tcp_flags = tcp.th_flags;
    }
    if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
        it.destination_port = (uint16_t)(p->icmp_s.type << 8 | p->icmp_s.code);
    } else if (PacketIsTCP(p) || PacketIsUDP(p)) {
        it.source_port = p->sp;
        it.destination_port = p->dp;
    }
    thread->failed |= !went_well(FAILED_PACKET, "packet",
            wormsift_worker_packet(thread->worker, &it, p->payload, p->payload_len));
    count(thread, COUNT_PACKETS, 1);
    count(thread, COUNT_PACKET_BYTES, p->payload_len);
}

/* Whether a packet belongs to a TCP session that comes as a stream. */
static bool is_of_stream(const Packet *p)
{
    return plugin.settings.stream && p->flow != NULL && p->flow->protoctx != NULL
        && PacketIsTCP(p);
}

static void take(struct thread *thread, const Packet *p)
{
    thread->in_tunnel = PacketIsTunnelChild(p);
    if (is_of_stream(p))
        streams_packet(thread, p);
    else
        give_packet(thread, p);
}

/* Called for every packet, and before its streams are logged. */
static bool PacketCondition(ThreadVars *tv, void *data, const Packet *p)
{
    (void)tv;
    struct thread *thread = data;
    /* What a tunnel carries comes as packets of their own. */
    if (thread == NULL || thread->failed || plugin.engine == NULL || PacketIsTunnelRoot(p)
            || !(PacketIsIPv4(p) || PacketIsIPv6(p)))
        return false;
    bool pseudo = PKT_IS_PSEUDOPKT(p) != 0;
    if (!pseudo) {
        thread->now = nanoseconds(p->ts);
        tick(thread);
    }
    return is_of_stream(p) ? streams_want(p) : !pseudo;
}

static int LogPacket(ThreadVars *tv, void *data, const Packet *p)
{
    (void)tv;
    take(data, p);
    return 0;
}

static int LogStream(ThreadVars *tv, void *data, const Flow *f, const uint8_t *bytes,
        uint32_t length, uint64_t tx_id, uint8_t flags)
{
    (void)tv;
    (void)tx_id;
    struct thread *thread = data;
    if (thread == NULL || thread->failed || plugin.engine == NULL || f->protoctx == NULL
            || bytes == NULL || length == 0)
        return 0;
    streams_piece(thread, f, bytes, length, (flags & OUTPUT_STREAMING_FLAG_TOSERVER) != 0);
    return 0;
}

/* Packets of a flow that Suricata bypasses reach no logger. */
static void on_packet_of_flow(ThreadVars *tv, Flow *f, Packet *p, void *user)
{
    (void)tv;
    (void)user;
    if (f->flow_state != FLOW_STATE_LOCAL_BYPASSED)
        return;
    struct thread *thread = mine;
    if (thread == NULL || thread->failed || plugin.engine == NULL || PacketIsTunnelRoot(p)
            || PKT_IS_PSEUDOPKT(p))
        return;
    thread->now = nanoseconds(p->ts);
    tick(thread);
    take(thread, p);
}

static void on_flow_end(ThreadVars *tv, Flow *f, void *user)
{
    (void)tv;
    (void)user;
    if (plugin.engine != NULL && plugin.settings.stream && f->proto == IPPROTO_TCP)
        streams_finish(f);
}

/* Makes the engine and opens the files. With the mutex. */
static bool begin(void)
{
    plugin.engine = engine_make(false);
    if (plugin.engine != NULL && !findings_open()) {
        wormsift_engine_free(plugin.engine);
        plugin.engine = NULL;
    }
    plugin.next = 0;
    return plugin.engine != NULL;
}

/* How many packets came late: with the mutex. */
static void count_late(void)
{
    wormsift_stats stats = { .struct_size = sizeof(stats) };
    if (plugin.engine != NULL && wormsift_engine_stats(plugin.engine, &stats) == WORMSIFT_OK)
        atomic_store(&plugin.late, stats.late);
}

/* The last thread has ended: with the mutex. */
static void finish(void)
{
    if (plugin.engine == NULL)
        return;
    if (went_well(FAILED_ENGINE, "engine", wormsift_engine_finish(plugin.engine)))
        findings_write();
    count_late();
    state_save(0, true);
    wormsift_engine_free(plugin.engine);
    plugin.engine = NULL;
    findings_close();
}

static const char *const counter_names[COUNTER_KINDS] = {
    [COUNT_PACKETS] = "wormsift.packets",
    [COUNT_PACKET_BYTES] = "wormsift.packet_bytes",
    [COUNT_PIECES] = "wormsift.stream_pieces",
    [COUNT_STREAM_BYTES] = "wormsift.stream_bytes",
    [COUNT_RELEASED] = "wormsift.released_segments",
    [COUNT_RELEASED_BYTES] = "wormsift.released_bytes",
    [COUNT_COPIES] = "wormsift.copied_bytes",
    [COUNT_REFUSED] = "wormsift.bad_checksum_bytes",
};

static TmEcode ThreadInit(ThreadVars *tv, const void *initdata, void **data)
{
    (void)initdata;
    *data = NULL;
    if (mine != NULL) {
        mine->uses++;
        *data = mine;
        return TM_ECODE_OK;
    }
    struct thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL)
        return TM_ECODE_OK; /* without data nothing is logged */
    thread->tv = tv;
    thread->uses = 1;
    for (int i = 0; i < COUNTER_KINDS; i++)
        thread->counters[i] = StatsRegisterCounter(counter_names[i], tv);
    pthread_mutex_lock(&plugin.mutex);
    /* The second capture of a process, and all those after it. */
    if (plugin.engine == NULL && plugin.threads == 0 && settings_read(&plugin.settings)) {
        plugin.settings.stream = false;
        begin();
    }
    plugin.threads++;
    pthread_mutex_unlock(&plugin.mutex);
    thread->failed = plugin.engine == NULL
        || !went_well(FAILED_WORKER, "worker",
                wormsift_worker_new(plugin.engine, &thread->worker));
    mine = thread;
    *data = thread;
    return TM_ECODE_OK;
}

static TmEcode ThreadDeinit(ThreadVars *tv, void *data)
{
    (void)tv;
    struct thread *thread = data;
    if (thread == NULL || --thread->uses > 0)
        return TM_ECODE_OK;
    wormsift_worker_free(thread->worker);
    if (mine == thread)
        mine = NULL;
    free(thread);
    pthread_mutex_lock(&plugin.mutex);
    if (--plugin.threads == 0) {
        finish();
        settings_free(&plugin.settings);
        plugin.registered = false;
    }
    pthread_mutex_unlock(&plugin.mutex);
    return TM_ECODE_OK;
}

static uint64_t lost_bytes(void) { return atomic_load(&plugin.lost); }
static uint64_t findings(void) { return atomic_load(&plugin.findings); }
static uint64_t parts(void) { return atomic_load(&plugin.parts); }
static uint64_t muted(void) { return atomic_load(&plugin.muted); }

/* All statistics of the engine take some time: only when Suricata asks. */
static uint64_t late_packets(void)
{
    if (pthread_mutex_trylock(&plugin.mutex) == 0) {
        count_late();
        pthread_mutex_unlock(&plugin.mutex);
    }
    return atomic_load(&plugin.late);
}

/* Only now is there somewhere to register them. */
static void register_counters(void *user)
{
    (void)user;
    StatsRegisterGlobalCounter("wormsift.lost_bytes", lost_bytes);
    StatsRegisterGlobalCounter("wormsift.findings", findings);
    StatsRegisterGlobalCounter("wormsift.parts", parts);
    StatsRegisterGlobalCounter("wormsift.muted", muted);
    StatsRegisterGlobalCounter("wormsift.late_packets", late_packets);
}

/* With a socket Suricata forgets its loggers after each capture. One that is registered when
 * the threads of the next are made is in time for packets, but not for streams. */
static void on_new_thread(ThreadVars *tv, void *user)
{
    (void)tv;
    (void)user;
    pthread_mutex_lock(&plugin.mutex);
    if (!plugin.registered)
        SCOutputRegisterPacketLogger(LOGGER_USER, "wormsift-packet", LogPacket, PacketCondition,
                NULL, ThreadInit, ThreadDeinit);
    plugin.registered = true;
    pthread_mutex_unlock(&plugin.mutex);
}

static void Init(void)
{
    int mode = SCRunmodeGet();
    plugin.offline = mode == RUNMODE_PCAP_FILE || mode == RUNMODE_ERF_FILE
        || mode == RUNMODE_UNIX_SOCKET;
    if (wormsift_abi_version() != WORMSIFT_ABI_VERSION) {
        SCLogError("wormsift: built for interface %d of libwormsift, found %u",
                WORMSIFT_ABI_VERSION, (unsigned)wormsift_abi_version());
        return;
    }
    if (!settings_read(&plugin.settings)) {
        settings_free(&plugin.settings);
        SCLogError("wormsift: not active");
        return;
    }
    if (mode == RUNMODE_CONF_TEST) {
        /* Looks at everything and changes nothing. */
        wormsift_engine *engine = engine_make(true);
        if (engine == NULL
                || (plugin.settings.rules != NULL && !rules_open(plugin.settings.rules, false)))
            SCLogError("wormsift: it would not be active");
        rules_close();
        wormsift_engine_free(engine);
        settings_free(&plugin.settings);
        return;
    }
    SCFlowRegisterUpdateCallback(on_packet_of_flow, NULL);
    if (mode == RUNMODE_UNIX_SOCKET) {
        /* Each capture has its own folder, and its own engine. */
        SCLogNotice("wormsift: with a socket TCP comes packet by packet");
        settings_free(&plugin.settings);
        SCThreadRegisterInitCallback(on_new_thread, NULL);
        return;
    }
    if (!begin()) {
        settings_free(&plugin.settings);
        return;
    }
    SCRegisterOnLoggingReady(register_counters, NULL);
    /* Here, and not when logging is ready: a streaming logger would come too late. */
    SCOutputRegisterPacketLogger(LOGGER_USER, "wormsift-packet", LogPacket, PacketCondition,
            NULL, ThreadInit, ThreadDeinit);
    if (!plugin.settings.stream)
        return;
    plugin.flows = FlowStorageRegister("wormsift", sizeof(void *), NULL, streams_free);
    SCFlowRegisterFinishCallback(on_flow_end, NULL);
    SCOutputRegisterStreamingLogger(LOGGER_USER, "wormsift-stream", LogStream, NULL,
            STREAMING_TCP_DATA, ThreadInit, ThreadDeinit);
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
