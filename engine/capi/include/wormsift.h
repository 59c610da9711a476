#ifndef WORMSIFT_H
#define WORMSIFT_H

#include <stddef.h>
#include <stdint.h>

/* The interface of libwormsift, the content-sifting engine. C99 and C++11.
 *
 *   wormsift_config_new, _set      settings by name, as in the TOML file
 *   wormsift_engine_new            all tables; every call on it from any thread
 *   wormsift_worker_new            one a thread
 *   wormsift_worker_packet, _frame, _stream
 *   wormsift_engine_advance        once a second of packet time
 *   wormsift_worker_pass           packet time without a packet
 *   wormsift_engine_next           findings, until WORMSIFT_AGAIN
 *   wormsift_worker_free, wormsift_engine_finish, _free
 *
 * Calls answer with a wormsift_status, below 0 for errors; wormsift_last_error() says
 * in words what went wrong. Null pointers are answered, never followed. Compare
 * wormsift_abi_version() with WORMSIFT_ABI_VERSION at start. Before version 1.0 each
 * minor version may change the interface; the SONAME then changes, too. */


/**
 * Raised when a host that was built against an older header would break.
 */
#define WORMSIFT_ABI_VERSION 1

/**
 * What a call came to. Values never change.
 */
typedef enum {
    /**
     * Done.
     */
    WORMSIFT_OK = 0,
    /**
     * Nothing there yet; no error.
     */
    WORMSIFT_AGAIN = 1,
    /**
     * A null pointer, or a value out of its range.
     */
    WORMSIFT_ERR_INVALID_ARG = -1,
    /**
     * A setting that does not exist, is out of its range or contradicts another.
     */
    WORMSIFT_ERR_CONFIG = -2,
    /**
     * Not at this time: a call before failed inside the library, or the handle is not
     * ready for this one.
     */
    WORMSIFT_ERR_STATE = -3,
    /**
     * Too long or too many.
     */
    WORMSIFT_ERR_LIMIT = -4,
    /**
     * A struct of another version.
     */
    WORMSIFT_ERR_VERSION = -5,
    /**
     * A file could not be read or written.
     */
    WORMSIFT_ERR_IO = -6,
    /**
     * The signature gets no rule: too weak, muted, or of a kind that was not asked for; the
     * finding stands.
     */
    WORMSIFT_ERR_NO_RULE = -7,
    /**
     * A defect of the library; the handle cannot be used any more.
     */
    WORMSIFT_ERR_PANIC = -99,
} wormsift_status;

/**
 * A form that others take.
 */
typedef enum {
    /**
     * The engine's own line: everything, under a schema version.
     */
    WORMSIFT_JSON = 0,
    /**
     * A Suricata rule.
     */
    WORMSIFT_SURICATA = 1,
    /**
     * A Snort 3 rule.
     */
    WORMSIFT_SNORT3 = 2,
    /**
     * A Zeek signature.
     */
    WORMSIFT_ZEEK = 3,
    /**
     * A YARA rule.
     */
    WORMSIFT_YARA = 4,
    /**
     * An EVE alert.
     */
    WORMSIFT_EVE = 5,
} wormsift_format;

/**
 * What is said of a signature.
 */
typedef enum {
    /**
     * A content that was not known.
     */
    WORMSIFT_SIGNATURE = 0,
    /**
     * A known one changed, or alarmed again.
     */
    WORMSIFT_UPDATE = 1,
    /**
     * The last word on one, with its final counts.
     */
    WORMSIFT_SUMMARY = 2,
} wormsift_kind;

/**
 * How far to trust a signature; the JSON form says why.
 */
typedef enum {
    /**
     * There is something against it.
     */
    WORMSIFT_LOW = 0,
    /**
     * Nothing against it.
     */
    WORMSIFT_MEDIUM = 1,
    /**
     * Much for it.
     */
    WORMSIFT_HIGH = 2,
} wormsift_confidence;

/**
 * What a signature is likely to be, together with the others of its incident.
 */
typedef enum {
    /**
     * None of the others.
     */
    WORMSIFT_UNCLEAR = 0,
    /**
     * It infects: recipients pass it on to hosts that are new to them.
     */
    WORMSIFT_OUTBREAK = 1,
    /**
     * Sent to many, and passed on by none.
     */
    WORMSIFT_SCAN_CAMPAIGN = 2,
    /**
     * Received by many from few, and passed on by none.
     */
    WORMSIFT_MASS_DELIVERY = 3,
    /**
     * Hosts of one protocol pass it on among each other.
     */
    WORMSIFT_PEER_PROTOCOL = 4,
    /**
     * Servers pass on what they receive.
     */
    WORMSIFT_FORWARDING_SERVICE = 5,
} wormsift_incident_kind;

/**
 * Whether a TCP sender gets the answers to its address. Whoever forges one does not.
 */
typedef enum {
    /**
     * Not known.
     */
    WORMSIFT_HANDSHAKE_UNKNOWN = 0,
    /**
     * It acknowledged what the other side had sent.
     */
    WORMSIFT_HANDSHAKE_ANSWERED = 1,
    /**
     * It did not.
     */
    WORMSIFT_HANDSHAKE_UNANSWERED = 2,
} wormsift_handshake;

/**
 * Settings.
 */
typedef struct wormsift_config wormsift_config;

/**
 * All tables, and what was found. Every call on it may come from any thread.
 */
typedef struct wormsift_engine wormsift_engine;

/**
 * One thing said of one signature. Read only: any number of threads may look at it.
 */
typedef struct wormsift_finding wormsift_finding;

/**
 * What one thread buffers. No locks on the way in; one thread at a time.
 */
typedef struct wormsift_worker wormsift_worker;

/**
 * Text that the library has made. It ends with a zero byte, which `length` does not
 * count. Free it with `wormsift_buffer_free`.
 */
typedef struct {
    /**
     * The text; NULL in an empty buffer.
     */
    char *data;
    /**
     * Its bytes.
     */
    size_t length;
    /**
     * The library's own.
     */
    size_t capacity;
} wormsift_buffer;

/**
 * Counters; `wormsift_engine_stats_json` has all of them.
 */
typedef struct {
    /**
     * `sizeof(wormsift_stats)`, set by the host.
     */
    size_t struct_size;
    /**
     * Packets, frames and pieces that came in.
     */
    uint64_t frames;
    /**
     * Packets that were decoded.
     */
    uint64_t packets;
    /**
     * Their payload bytes.
     */
    uint64_t payload_bytes;
    /**
     * Frames that could not be decoded, all reasons together.
     */
    uint64_t drops;
    /**
     * Sampled windows and short datagrams.
     */
    uint64_t sightings;
    /**
     * Signatures announced.
     */
    uint64_t signatures;
    /**
     * Bytes reserved for tables, samples and signatures.
     */
    uint64_t memory_bytes;
    /**
     * Times that packet time went backwards.
     */
    uint64_t time_backwards;
    /**
     * With order by time: packets that came when their time had been sifted.
     */
    uint64_t late;
    /**
     * With order by time: packets that were sifted before all workers had come to their
     * time, since more waited than there was room for.
     */
    uint64_t forced;
} wormsift_stats;

/**
 * The numbers of a finding.
 */
typedef struct {
    /**
     * `sizeof(wormsift_summary)`, set by the host.
     */
    size_t struct_size;
    /**
     * A `wormsift_kind`.
     */
    uint32_t kind;
    /**
     * A `wormsift_confidence`.
     */
    uint32_t confidence;
    /**
     * IP protocol number.
     */
    uint32_t protocol;
    /**
     * Port under the port rule; -1 under rule "none".
     */
    int32_t port;
    /**
     * Number of sources; beyond 64 an estimate, as the JSON line says.
     */
    uint32_t sources;
    /**
     * Number of destinations, likewise.
     */
    uint32_t destinations;
    /**
     * Hosts that passed the content on.
     */
    uint32_t relays;
    /**
     * Hosts that they passed it on to.
     */
    uint32_t spread;
    /**
     * Packets with one of its windows, at most.
     */
    uint64_t packets;
    /**
     * Earliest recorded sighting: nanoseconds since 1970.
     */
    uint64_t first_seen_ns;
    /**
     * Latest recorded sighting.
     */
    uint64_t last_seen_ns;
    /**
     * When it was first reported, in packet time.
     */
    uint64_t detected_at_ns;
    /**
     * A `wormsift_incident_kind`.
     */
    uint32_t incident_kind;
    /**
     * 1 if it is muted, else 0.
     */
    uint32_t muted;
    /**
     * The end of that; 0 without one.
     */
    uint64_t muted_until_ns;
} wormsift_summary;

/**
 * A packet that the host has decoded. Addresses and ports are those of the innermost IP
 * header. Begin with `= {0}` and set `struct_size`.
 */
typedef struct {
    /**
     * `sizeof(wormsift_packet)`.
     */
    size_t struct_size;
    /**
     * Place in the input, from 1 on, which decides every order; 0 for the order of
     * arrival or of time. All packets of an engine have numbers, or none has.
     */
    uint64_t number;
    /**
     * When it was captured: nanoseconds since 1970.
     */
    uint64_t time_ns;
    /**
     * 4 or 6.
     */
    uint8_t ip_version;
    /**
     * IP protocol number.
     */
    uint8_t protocol;
    /**
     * TCP flags as on the wire; 0 for other protocols.
     */
    uint8_t tcp_flags;
    /**
     * Not 0 if it came through a tunnel whose ends are not trusted: such a packet shows of no
     * address that it is not forged.
     */
    uint8_t untrusted_tunnel;
    /**
     * TCP sequence number of the first payload byte (of the SYN itself on a SYN).
     */
    uint32_t sequence;
    /**
     * TCP acknowledgement number.
     */
    uint32_t acknowledgement;
    /**
     * Source port; 0 where there is none.
     */
    uint16_t source_port;
    /**
     * Destination port; for ICMP type x 256 + code.
     */
    uint16_t destination_port;
    /**
     * Who sent it, in network order; IPv4 in the first four bytes.
     */
    uint8_t source[16];
    /**
     * Whom it was sent to.
     */
    uint8_t destination[16];
    /**
     * VLAN and tunnel ids folded to one number, 0 for none: equal addresses in different
     * wrappings are different flows.
     */
    uint64_t encapsulation;
} wormsift_packet;

/**
 * A frame as it was captured. Begin with `= {0}` and set `struct_size`.
 */
typedef struct {
    /**
     * `sizeof(wormsift_frame)`.
     */
    size_t struct_size;
    /**
     * Place in the input, from 1 on; 0 for the order of arrival.
     */
    uint64_t number;
    /**
     * When it was captured: nanoseconds since 1970.
     */
    uint64_t time_ns;
    /**
     * How it begins: a number of libpcap's list of link types, such as 1 for Ethernet.
     */
    uint32_t link_type;
    /**
     * Bytes on the wire, more than were captured where it was cut; 0 for as many.
     */
    uint32_t original_length;
} wormsift_frame;

/**
 * A piece of a TCP direction that the host has put together. Begin with `= {0}` and set
 * `struct_size`.
 */
typedef struct {
    /**
     * `sizeof(wormsift_piece)`.
     */
    size_t struct_size;
    /**
     * Place in the input, on one scale with packets; 0 for the order of arrival.
     */
    uint64_t number;
    /**
     * When its last byte was captured: nanoseconds since 1970.
     */
    uint64_t time_ns;
    /**
     * Bytes of the direction before it: one that does not continue the piece before
     * stands behind a gap.
     */
    uint64_t offset;
    /**
     * 4 or 6.
     */
    uint8_t ip_version;
    /**
     * A `wormsift_handshake`: from a piece that says answered on, the direction is.
     */
    uint8_t handshake;
    /**
     * 0.
     */
    uint8_t reserved[2];
    /**
     * Source port.
     */
    uint16_t source_port;
    /**
     * Destination port.
     */
    uint16_t destination_port;
    /**
     * Who sent it, in network order; IPv4 in the first four bytes.
     */
    uint8_t source[16];
    /**
     * Whom it was sent to.
     */
    uint8_t destination[16];
    /**
     * VLAN and tunnel ids folded to one number.
     */
    uint64_t encapsulation;
} wormsift_piece;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Frees the text of a buffer and empties it. NULL, and empty buffers, are allowed.
 *
 * # Safety
 *
 * `buffer` is null, or was filled by this library, or is zeroed.
 */
void wormsift_buffer_free(wormsift_buffer *buffer);

/**
 * New settings, all at their defaults. Free them with `wormsift_config_free`; engines
 * keep a copy.
 *
 * # Safety
 *
 * `out` is null or points to a pointer.
 */
wormsift_status wormsift_config_new(wormsift_config **out);

/**
 * Sets one setting by its name in the TOML file, such as "memory" to "64MiB". Settings
 * are checked one by one, those that depend on each other when an engine is made.
 *
 * Four belong to this interface alone. "threads": the threads that an engine sifts on
 * (1). "ordered": what decides in which order packets of several workers are sifted; 0,
 * the default, their arrival; 1, their numbers (see `wormsift_worker_flush`); "time",
 * their times, for hosts that have several capture threads and number nothing: the answer
 * is then that of one thread wherever times differ. "hold": with "time", how long a
 * worker that is silent holds the others up, in packet time (2s); "none", for captures
 * that are read as fast as can be, until 32 MiB wait. What comes later than that counts
 * at the time that has been reached, and as `late`. "rule_kinds": the kinds of incidents
 * whose signatures have rules, names between commas or "all" (outbreak, unclear,
 * scan_campaign: not what hosts pass on by trade or deliver to many).
 *
 * Booleans are yes, no, on, off, true or false.
 *
 * # Safety
 *
 * `config` is null or a handle of this library; texts are null or end with a zero byte.
 */
wormsift_status wormsift_config_set(wormsift_config *config,
                                    const char *name,
                                    const char *value);

/**
 * Takes settings from the text of a TOML file; those that it does not name stay as they
 * are.
 *
 * # Safety
 *
 * As `wormsift_config_set`.
 */
wormsift_status wormsift_config_toml(wormsift_config *config, const char *toml);

/**
 * Frees settings. NULL is allowed.
 *
 * # Safety
 *
 * `config` is null or a handle that was not freed.
 */
void wormsift_config_free(wormsift_config *config);

/**
 * A new engine, with all its tables.
 *
 * # Safety
 *
 * `config` is null or a handle of this library; `out` is null or points to a pointer.
 */
wormsift_status wormsift_engine_new(const wormsift_config *config,
                                    wormsift_engine **out);

/**
 * The same with what `wormsift learn` wrote, under the same key and parameters: content
 * that is known to be good raises no alarm.
 *
 * # Safety
 *
 * As `wormsift_engine_new`; `path` is null or ends with a zero byte.
 */
wormsift_status wormsift_engine_new_with_baseline(const wormsift_config *config,
                                                  const char *path,
                                                  wormsift_engine **out);

/**
 * An engine that goes on where the saved one was. The settings must be the saved ones;
 * without a key in them, the saved key is used.
 *
 * # Safety
 *
 * As `wormsift_engine_new_with_baseline`.
 */
wormsift_status wormsift_engine_restore(const wormsift_config *config,
                                        const char *path,
                                        wormsift_engine **out);

/**
 * Frees an engine. NULL is allowed. Workers that are left stay valid, and what they find
 * is lost.
 *
 * # Safety
 *
 * `engine` is null or a handle that was not freed, and in no call.
 */
void wormsift_engine_free(wormsift_engine *engine);

/**
 * Sifts what ordered workers have handed over, and moves packet time to `now_ns`, if
 * that is later: findings come out although no packet does. Nanoseconds since 1970; 0
 * leaves time to the packets. Call it about once a second of packet time.
 *
 * With "ordered" = "time" it takes what all workers have buffered, whether or not they
 * were flushed, sifts what is settled, and `now_ns` says how far the fastest thread has
 * come: silent workers hold nothing up for longer than "hold".
 *
 * # Safety
 *
 * `engine` is null or a handle of this library.
 */
wormsift_status wormsift_engine_advance(wormsift_engine *engine, uint64_t now_ns);

/**
 * The end of the traffic: what is pending comes out, then one summary a signature.
 * Workers should have been flushed or freed. Packets may follow.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library.
 */
wormsift_status wormsift_engine_finish(wormsift_engine *engine);

/**
 * Takes the next finding, in order: `WORMSIFT_AGAIN`, and NULL, if there is none now.
 * Free it with `wormsift_finding_free`.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `out` is null or points to a pointer.
 */
wormsift_status wormsift_engine_next(wormsift_engine *engine, wormsift_finding **out);

/**
 * Mutes what a file of `wormsift mute` names, among the findings that are taken from now on:
 * they come as before, say so (`wormsift_finding_muted`), and have no rules. Takes the place
 * of an earlier file. A line that cannot be read is told as a warning, and the others are
 * used. `WORMSIFT_ERR_IO` if there is no such file; nothing is changed then.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `path` is null or ends with a zero byte.
 */
wormsift_status wormsift_engine_mute(wormsift_engine *engine,
                                     const char *path);

/**
 * Takes the next thing that the engine has to say about itself, such as overload:
 * `WORMSIFT_AGAIN`, and an empty buffer, if there is none.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `out` is null or points to a buffer.
 */
wormsift_status wormsift_engine_next_warning(wormsift_engine *engine,
                                             wormsift_buffer *out);

/**
 * Fills in counters. Set `struct_size` before.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `out` is null or points to as many bytes
 * as its `struct_size` says.
 */
wormsift_status wormsift_engine_stats(const wormsift_engine *engine,
                                      wormsift_stats *out);

/**
 * All counters and gauges as JSON: an object of sections, each one of names and numbers.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `out` is null or points to a buffer.
 */
wormsift_status wormsift_engine_stats_json(const wormsift_engine *engine,
                                           wormsift_buffer *out);

/**
 * Saves all that is known to a file, which is replaced at once or not at all. Not in it:
 * what workers have buffered, what waits for its turn in an order by time, and findings
 * that were not taken.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `path` is null or ends with a zero byte.
 */
wormsift_status wormsift_engine_save(wormsift_engine *engine,
                                     const char *path);

/**
 * The id of the signature: 32 hex digits, the same for the same content on every sensor.
 * Valid as long as the finding; NULL for NULL.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library.
 */
const char *wormsift_finding_id(const wormsift_finding *finding);

/**
 * The id of the older signature that this one was found to be a part of, in its last
 * word: the other carries on both, and this one should have no rule any more. Valid as
 * long as the finding; NULL for a content of its own, and for NULL.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library.
 */
const char *wormsift_finding_part_of(const wormsift_finding *finding);

/**
 * The id of the incident that the signature belongs to: 32 hex digits. Valid as long as the
 * finding; NULL for none, and for NULL.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library.
 */
const char *wormsift_finding_incident(const wormsift_finding *finding);

/**
 * Why the signature is muted: the reason that the entry in the file of mutes gives. Valid as
 * long as the finding; NULL for one that is not muted, and for NULL.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library.
 */
const char *wormsift_finding_muted(const wormsift_finding *finding);

/**
 * The bytes that repeat, and how many they are. Valid as long as the finding; NULL for
 * NULL.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library; `length` is null or may be written.
 */
const uint8_t *wormsift_finding_content(const wormsift_finding *finding,
                                        size_t *length);

/**
 * Fills in a finding's numbers. Set `struct_size` before.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library; `out` is null or points to as many bytes
 * as its `struct_size` says.
 */
wormsift_status wormsift_finding_summary(const wormsift_finding *finding,
                                         wormsift_summary *out);

/**
 * Writes a finding in a form that others take, a `wormsift_format`. Rules need a number
 * of the host's choice (`sid`, from 1 on) and its revision; the other forms take no
 * notice of both. `WORMSIFT_ERR_NO_RULE` if the content is too weak to be deployed, if the
 * setting "rule_kinds" does not name the kind of its incident, or if it is muted; a rule
 * that it had before should then go.
 *
 * # Safety
 *
 * `finding` is null or a handle of this library; `out` is null or points to a buffer.
 */
wormsift_status wormsift_finding_render(const wormsift_finding *finding,
                                        uint32_t format,
                                        uint32_t sid,
                                        uint32_t rev,
                                        wormsift_buffer *out);

/**
 * Frees a finding. NULL is allowed.
 *
 * # Safety
 *
 * `finding` is null or a handle that was not freed.
 */
void wormsift_finding_free(wormsift_finding *finding);

/**
 * The version of the interface that the library has: compare with
 * `WORMSIFT_ABI_VERSION` of the header.
 */
uint32_t wormsift_abi_version(void);

/**
 * The library's version, such as "0.1.0". Static.
 */
const char *wormsift_version(void);

/**
 * A status in words. Static; any number is allowed.
 */
const char *wormsift_status_text(int32_t status);

/**
 * Why the last call that failed on this thread did so: one line, never NULL, empty if
 * none failed. Valid until the next call on this thread.
 */
const char *wormsift_last_error(void);

/**
 * A new worker: one for each thread that has packets. Any thread may make it; one at a
 * time may use it.
 *
 * # Safety
 *
 * `engine` is null or a handle of this library; `out` is null or points to a pointer.
 */
wormsift_status wormsift_worker_new(wormsift_engine *engine, wormsift_worker **out);

/**
 * Frees a worker; what it has buffered is handed over first. NULL is allowed.
 *
 * # Safety
 *
 * `worker` is null or a handle that was not freed, and in no call.
 */
void wormsift_worker_free(wormsift_worker *worker);

/**
 * Takes a packet that the host has decoded, with its transport payload, which is copied.
 * From time to time, after a megabyte, this call hands over what is buffered. With
 * "ordered" = "time" it goes on meanwhile, unless the engine's threads are behind; else
 * it then takes some milliseconds.
 *
 * # Safety
 *
 * `worker` is null or a handle of this library; `packet` is null or points to as many
 * bytes as its `struct_size` says; `payload` is null or points to `length` bytes.
 */
wormsift_status wormsift_worker_packet(wormsift_worker *worker,
                                       const wormsift_packet *packet,
                                       const uint8_t *payload,
                                       size_t length);

/**
 * Takes a frame as it was captured. One that cannot be decoded is no error: it is
 * counted by reason (`drops` in the statistics).
 *
 * # Safety
 *
 * As `wormsift_worker_packet`.
 */
wormsift_status wormsift_worker_frame(wormsift_worker *worker,
                                      const wormsift_frame *frame,
                                      const uint8_t *data,
                                      size_t length);

/**
 * Takes the next piece of a TCP direction that the host has put together; it is copied.
 * A flow comes in pieces or in packets, not in both, or its content counts twice. A piece
 * of more than 64 KiB is taken in parts of that, one after the other.
 *
 * # Safety
 *
 * As `wormsift_worker_packet`.
 */
wormsift_status wormsift_worker_stream(wormsift_worker *worker,
                                       const wormsift_piece *piece,
                                       const uint8_t *data,
                                       size_t length);

/**
 * Says that this worker's thread has come to a packet time, in nanoseconds since 1970,
 * without a packet for it: nothing earlier will follow through it, and with "ordered" =
 * "time" it holds no other worker up that far. Each packet says the same of its own time.
 *
 * # Safety
 *
 * `worker` is null or a handle of this library.
 */
wormsift_status wormsift_worker_pass(wormsift_worker *worker,
                                     uint64_t now_ns);

/**
 * Hands over what is buffered.
 *
 * With "ordered" = "0" it is sifted at once, in the order of hand-overs. With "1" it waits
 * for `wormsift_engine_advance` or `_finish`, which sift what all workers have handed
 * over in the order of packet numbers. The answer is then the same however packets were
 * spread over workers, if at each such call all workers have been flushed and all
 * packets up to some number, and none beyond, have been given. With "time" all that is
 * settled is sifted, in the order of packet time (see `wormsift_config_set`); there is no
 * need to call it.
 *
 * # Safety
 *
 * `worker` is null or a handle of this library.
 */
wormsift_status wormsift_worker_flush(wormsift_worker *worker);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WORMSIFT_H */
