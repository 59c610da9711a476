/* C++11 on top of wormsift.h: handles that free themselves, errors that are thrown. */
#ifndef WORMSIFT_HPP
#define WORMSIFT_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "wormsift.h"

namespace wormsift {

/// A call that failed; `status` is below 0.
class error : public std::runtime_error {
public:
    error(wormsift_status code, const char *line)
        : std::runtime_error(line), status(code) {}
    const wormsift_status status;
};

/// Throws for errors, and hands on WORMSIFT_OK and WORMSIFT_AGAIN.
inline wormsift_status check(wormsift_status status) {
    if (status < 0) throw error(status, wormsift_last_error());
    return status;
}

namespace detail {
struct free_handle {
    void operator()(wormsift_config *it) const { wormsift_config_free(it); }
    void operator()(wormsift_engine *it) const { wormsift_engine_free(it); }
    void operator()(wormsift_worker *it) const { wormsift_worker_free(it); }
    void operator()(wormsift_finding *it) const { wormsift_finding_free(it); }
};
} // namespace detail

/// What was found; empty when there is nothing now.
class finding {
public:
    explicit finding(wormsift_finding *it = nullptr) : it_(it) {}
    explicit operator bool() const { return it_ != nullptr; }
    std::string id() const { return wormsift_finding_id(it_.get()); }
    /// The id of the signature that this one is a part of; empty for one of its own.
    std::string part_of() const {
        const char *id = wormsift_finding_part_of(it_.get());
        return id != nullptr ? id : "";
    }
    /// The id of the incident that it belongs to; empty for none.
    std::string incident() const {
        const char *id = wormsift_finding_incident(it_.get());
        return id != nullptr ? id : "";
    }
    /// Why it is muted; empty if it is not.
    std::string muted() const {
        const char *reason = wormsift_finding_muted(it_.get());
        return reason != nullptr ? reason : "";
    }
    std::string content() const {
        std::size_t length = 0;
        const std::uint8_t *data = wormsift_finding_content(it_.get(), &length);
        return std::string(reinterpret_cast<const char *>(data), length);
    }
    wormsift_summary summary() const {
        wormsift_summary summary = wormsift_summary();
        summary.struct_size = sizeof summary;
        check(wormsift_finding_summary(it_.get(), &summary));
        return summary;
    }
    std::string render(wormsift_format format, std::uint32_t sid = 1,
                       std::uint32_t rev = 1) const {
        wormsift_buffer text = wormsift_buffer();
        check(wormsift_finding_render(it_.get(), format, sid, rev, &text));
        std::string copy(text.data, text.length);
        wormsift_buffer_free(&text);
        return copy;
    }

private:
    std::unique_ptr<wormsift_finding, detail::free_handle> it_;
};

/// Settings by name, as in the TOML file.
class config {
public:
    config() {
        wormsift_config *it = nullptr;
        check(wormsift_config_new(&it));
        it_.reset(it);
    }
    config &set(const std::string &name, const std::string &value) {
        check(wormsift_config_set(it_.get(), name.c_str(), value.c_str()));
        return *this;
    }
    const wormsift_config *get() const { return it_.get(); }

private:
    std::unique_ptr<wormsift_config, detail::free_handle> it_;
};

/// All tables. Calls may come from any thread.
class engine {
public:
    explicit engine(const config &settings) {
        wormsift_engine *it = nullptr;
        check(wormsift_engine_new(settings.get(), &it));
        it_.reset(it);
    }
    void advance(std::uint64_t now_ns) { check(wormsift_engine_advance(it_.get(), now_ns)); }
    void finish() { check(wormsift_engine_finish(it_.get())); }
    finding next() {
        wormsift_finding *it = nullptr;
        check(wormsift_engine_next(it_.get(), &it));
        return finding(it);
    }
    wormsift_stats stats() const {
        wormsift_stats stats = wormsift_stats();
        stats.struct_size = sizeof stats;
        check(wormsift_engine_stats(it_.get(), &stats));
        return stats;
    }
    wormsift_engine *get() const { return it_.get(); }

private:
    std::unique_ptr<wormsift_engine, detail::free_handle> it_;
};

/// One for each thread. Its end hands over what is buffered.
class worker {
public:
    explicit worker(engine &of) {
        wormsift_worker *it = nullptr;
        check(wormsift_worker_new(of.get(), &it));
        it_.reset(it);
    }
    void packet(wormsift_packet meta, const void *payload, std::size_t length) {
        meta.struct_size = sizeof meta;
        check(wormsift_worker_packet(it_.get(), &meta, bytes(payload), length));
    }
    void frame(wormsift_frame meta, const void *data, std::size_t length) {
        meta.struct_size = sizeof meta;
        check(wormsift_worker_frame(it_.get(), &meta, bytes(data), length));
    }
    void stream(wormsift_piece meta, const void *data, std::size_t length) {
        meta.struct_size = sizeof meta;
        check(wormsift_worker_stream(it_.get(), &meta, bytes(data), length));
    }
    void flush() { check(wormsift_worker_flush(it_.get())); }

private:
    static const std::uint8_t *bytes(const void *data) {
        return static_cast<const std::uint8_t *>(data);
    }
    std::unique_ptr<wormsift_worker, detail::free_handle> it_;
};

} // namespace wormsift

#endif
