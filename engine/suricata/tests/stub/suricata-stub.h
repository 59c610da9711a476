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
    SCTime_t lastts;
    void *protoctx;
} Flow;

typedef struct StreamingBufferRegion_ {
    uint8_t *buf;
    uint32_t buf_size;
    uint64_t stream_offset;
    struct StreamingBufferRegion_ *next;
} StreamingBufferRegion;
typedef struct { StreamingBufferRegion region; } StreamingBuffer;
typedef struct { StreamingBuffer sb; uint32_t log_progress_rel; } TcpStream;
typedef struct { TcpStream server, client; } TcpSession;
#define STREAM_LOG_PROGRESS(stream) ((stream)->sb.region.stream_offset + (stream)->log_progress_rel)

typedef struct Packet_ {
    StubAddress src, dst;
    union { uint16_t sp; struct { uint8_t type, code; } icmp_s; };
    uint16_t dp;
    uint8_t proto;
    uint16_t vlan_id[3];
    uint8_t vlan_idx;
    uint32_t flags;
    struct Flow_ *flow;
    SCTime_t ts;
    uint8_t *payload;
    uint16_t payload_len;
    int stub_version;
    const TCPHdr *stub_tcp;
} Packet;
#define STUB_PSEUDO 0x01
#define STUB_TUNNEL_ROOT 0x02
#define PKT_IS_PSEUDOPKT(p) ((p)->flags & STUB_PSEUDO)
static inline bool PacketIsTunnelRoot(const Packet *p) { return (p->flags & STUB_TUNNEL_ROOT) != 0; }

static inline bool PacketIsIPv4(const Packet *p) { return p->stub_version == 4; }
static inline bool PacketIsIPv6(const Packet *p) { return p->stub_version == 6; }
static inline bool PacketIsTCP(const Packet *p) { return p->stub_tcp != NULL; }
static inline bool PacketIsUDP(const Packet *p) { return p->proto == IPPROTO_UDP; }
static inline const TCPHdr *PacketGetTCP(const Packet *p) { return p->stub_tcp; }

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
