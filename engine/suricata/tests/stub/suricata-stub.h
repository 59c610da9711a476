/* A STUB, for tests only: declarations of what the plugin uses of Suricata 8.0's headers, in
 * our own words and with no more members than that. Real plugins are built against the real
 * headers, whose structs are larger. */
#ifndef SURICATA_STUB_H
#define SURICATA_STUB_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define SC_API_VERSION 0x0800
#define SC_PACKAGE_VERSION "8.0.0-stub"

typedef struct ThreadVars_ ThreadVars;
typedef enum { TM_ECODE_OK = 0, TM_ECODE_FAILED } TmEcode;
typedef TmEcode (*ThreadInitFunc)(ThreadVars *, const void *, void **);
typedef TmEcode (*ThreadDeinitFunc)(ThreadVars *, void *);

typedef struct { uint64_t secs : 44; uint64_t usecs : 20; } SCTime_t;
#define SCTIME_SECS(t) ((t).secs)
#define SCTIME_USECS(t) ((t).usecs)

typedef struct { char family; union { uint32_t addr_data32[4]; }; } StubAddress;

typedef struct {
    uint16_t th_sport, th_dport;
    uint32_t th_seq, th_ack;
    uint8_t th_offx2, th_flags;
    uint16_t th_win, th_sum, th_urp;
} __attribute__((packed)) TCPHdr;
#define TCP_GET_RAW_SEQ(tcph) ntohl((tcph)->th_seq)
#define TCP_GET_RAW_ACK(tcph) ntohl((tcph)->th_ack)

#define FLOW_DIR_REVERSED 0x01
#define STUB_FLOW_IPV4 0x02
#define FLOW_IS_IPV4(f) (((f)->flags & STUB_FLOW_IPV4) != 0)

typedef struct Flow_ {
    StubAddress src, dst;
    uint16_t sp, dp;
    uint8_t proto;
    uint16_t vlan_id[3];
    uint8_t vlan_idx;
    uint32_t flags;
    int flow_state;
    SCTime_t lastts;
    void *protoctx;
    void *stub_storage;
} Flow;
#define FLOW_STATE_LOCAL_BYPASSED 3

typedef struct StreamingBufferRegion_ {
    uint8_t *buf;
    uint32_t buf_size;
    uint64_t stream_offset;
    struct StreamingBufferRegion_ *next;
} StreamingBufferRegion;
typedef struct { StreamingBufferRegion region; } StreamingBuffer;
typedef struct { uint64_t stream_offset; uint32_t segment_len; } StreamingBufferSegment;

/* What the real one keeps in a tree is a list here. */
typedef struct TcpSegment {
    uint16_t payload_len;
    uint32_t seq;
    StreamingBufferSegment sbseg;
    const uint8_t *stub_bytes;
    struct TcpSegment *stub_next;
} TcpSegment;
struct TCPSEG { TcpSegment *stub_first; };
TcpSegment *TCPSEG_RB_MINMAX(struct TCPSEG *, int);
TcpSegment *TCPSEG_RB_NEXT(TcpSegment *);
TcpSegment *TCPSEG_RB_NFIND(struct TCPSEG *, TcpSegment *);
#define RB_FOREACH(x, name, head) \
    for ((x) = name##_RB_MINMAX(head, -1); (x) != NULL; (x) = name##_RB_NEXT(x))
#define RB_EMPTY(head) ((head)->stub_first == NULL)
#define TCP_SEG_LEN(seg) (seg)->payload_len
void StreamingBufferSegmentGetData(const StreamingBuffer *, const StreamingBufferSegment *,
        const uint8_t **, uint32_t *);

typedef struct {
    uint16_t flags;
    uint32_t isn, next_seq, last_ack, base_seq, log_progress_rel, segs_right_edge;
    StreamingBuffer sb;
    struct TCPSEG seg_tree;
} TcpStream;
typedef struct { uint32_t flags; TcpStream server, client; } TcpSession;
#define STREAMTCP_FLAG_MIDSTREAM (1 << 0)
#define STREAMTCP_FLAG_ASYNC (1 << 6)
#define STREAMTCP_FLAG_APP_LAYER_DISABLED (1 << 13)
#define STREAMTCP_STREAM_FLAG_NOREASSEMBLY (1 << 1)
#define STREAMTCP_STREAM_FLAG_DEPTH_REACHED (1 << 3)
#define STREAMTCP_STREAM_FLAG_DISABLE_RAW (1 << 10)
#define STREAM_BASE_OFFSET(stream) ((stream)->sb.region.stream_offset)
#define STREAM_SEQ_RIGHT_EDGE(stream) (stream)->segs_right_edge
#define SEQ_LT(a, b) ((int32_t)((a) - (b)) < 0)
#define SEQ_LEQ(a, b) ((int32_t)((a) - (b)) <= 0)
#define SEQ_GT(a, b) ((int32_t)((a) - (b)) > 0)
#define SEQ_MIN(a, b) (SEQ_LT((a), (b)) ? (a) : (b))
#define SEQ_MAX(a, b) (SEQ_GT((a), (b)) ? (a) : (b))
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_ACK 0x10
#define STREAM_LOG_PROGRESS(stream) ((stream)->sb.region.stream_offset + (stream)->log_progress_rel)

typedef struct Packet_ {
    StubAddress src, dst;
    union { uint16_t sp; struct { uint8_t type, code; } icmp_s; };
    uint16_t dp;
    uint8_t proto;
    uint16_t vlan_id[3];
    uint8_t vlan_idx;
    uint32_t flags;
    uint8_t flowflags;
    struct { bool csum_set; uint16_t csum; } l4;
    struct Flow_ *flow;
    SCTime_t ts;
    uint8_t *payload;
    uint16_t payload_len;
    int stub_version;
    const TCPHdr *stub_tcp;
} Packet;
#define STUB_PSEUDO 0x01
#define STUB_TUNNEL_ROOT 0x02
#define PKT_STREAM_ADD 0x20
#define PKT_IGNORE_CHECKSUM 0x40
#define PKT_IS_TOSERVER(p) ((p)->flowflags & 1)
#define PKT_IS_PSEUDOPKT(p) ((p)->flags & STUB_PSEUDO)
static inline bool PacketIsTunnelChild(const Packet *p) { (void)p; return false; }
static inline bool PacketIsTunnelRoot(const Packet *p) { return (p->flags & STUB_TUNNEL_ROOT) != 0; }

static inline bool PacketIsIPv4(const Packet *p) { return p->stub_version == 4; }
static inline bool PacketIsIPv6(const Packet *p) { return p->stub_version == 6; }
static inline bool PacketIsTCP(const Packet *p) { return p->stub_tcp != NULL; }
static inline bool PacketIsUDP(const Packet *p) { return p->proto == IPPROTO_UDP; }
static inline const TCPHdr *PacketGetTCP(const Packet *p) { return p->stub_tcp; }

typedef void (*SCFlowUpdateCallbackFn)(ThreadVars *, Flow *, Packet *, void *);
typedef void (*SCFlowFinishCallbackFn)(ThreadVars *, Flow *, void *);
bool SCFlowRegisterUpdateCallback(SCFlowUpdateCallbackFn, void *);
bool SCFlowRegisterFinishCallback(SCFlowFinishCallbackFn, void *);

typedef unsigned LoggerId;
#define LOGGER_USER 27
typedef int (*PacketLogger)(ThreadVars *, void *thread_data, const Packet *);
typedef bool (*PacketLogCondition)(ThreadVars *, void *thread_data, const Packet *);
int SCOutputRegisterPacketLogger(LoggerId, const char *name, PacketLogger,
        PacketLogCondition, void *initdata, ThreadInitFunc, ThreadDeinitFunc);

#define OUTPUT_STREAMING_FLAG_OPEN 0x01
#define OUTPUT_STREAMING_FLAG_CLOSE 0x02
#define OUTPUT_STREAMING_FLAG_TOSERVER 0x04
#define OUTPUT_STREAMING_FLAG_TOCLIENT 0x08
enum SCOutputStreamingType { STREAMING_TCP_DATA, STREAMING_HTTP_BODIES };
typedef int (*SCStreamingLogger)(ThreadVars *, void *thread_data, const Flow *f,
        const uint8_t *data, uint32_t data_len, uint64_t tx_id, uint8_t flags);
int SCOutputRegisterStreamingLogger(LoggerId, const char *name, SCStreamingLogger,
        void *initdata, enum SCOutputStreamingType, ThreadInitFunc, ThreadDeinitFunc);

typedef struct SCConfNode_ {
    char *name;
    char *val;
    TAILQ_HEAD(, SCConfNode_) head;
    TAILQ_ENTRY(SCConfNode_) next;
} SCConfNode;
SCConfNode *SCConfGetNode(const char *key);
int SCConfGet(const char *name, const char **value);
int SCConfValIsTrue(const char *value);
int SCConfValIsFalse(const char *value);

enum { RUNMODE_PCAP_FILE = 2, RUNMODE_ERF_FILE = 6, RUNMODE_AFP_DEV = 8, RUNMODE_UNIX_SOCKET = 12,
    RUNMODE_CONF_TEST = 23 };
int SCRunmodeGet(void);

uint16_t StatsRegisterCounter(const char *, ThreadVars *);
uint16_t StatsRegisterGlobalCounter(const char *, uint64_t (*)(void));
void StatsAddUI64(ThreadVars *, uint16_t, uint64_t);
bool SCThreadRegisterInitCallback(void (*)(ThreadVars *, void *), void *);
int SCRegisterOnLoggingReady(void (*)(void *), void *);
void OutputRegisterFileRotationFlag(int *);
void OutputUnregisterFileRotationFlag(int *);

typedef struct { int id; } FlowStorageId;
FlowStorageId FlowStorageRegister(const char *, unsigned, void *(*)(unsigned), void (*)(void *));
void *FlowGetStorageById(const Flow *, FlowStorageId);
int FlowSetStorageById(Flow *, FlowStorageId, void *);

/* As the real header has it: who builds a plugin must define the name. */
static const char *const stub_module __attribute__((unused)) = __SCFILENAME__;
void StubLog(const char *level, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
#define SCLogError(...) StubLog("error", __VA_ARGS__)
#define SCLogWarning(...) StubLog("warning", __VA_ARGS__)
#define SCLogNotice(...) StubLog("notice", __VA_ARGS__)

typedef struct SCPlugin_ {
    uint64_t version;
    const char *suricata_version;
    const char *name;
    const char *plugin_version;
    const char *license;
    const char *author;
    void (*Init)(void);
} SCPlugin;
typedef const SCPlugin *(*SCPluginRegisterFunc)(void);

#endif
