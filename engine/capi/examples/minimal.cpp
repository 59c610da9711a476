// The least that a C++ host does: packets that it has decoded, signatures out.
//
//   c++ -std=c++11 minimal.cpp $(pkg-config --cflags --libs wormsift) -o minimal
#include <cstdio>
#include <cstring>
#include <wormsift.hpp>

int main() try {
    wormsift::config settings;
    settings.set("memory", "32MiB");
    wormsift::engine engine(settings);
    wormsift::worker worker(engine);

    // A host is infected by the one before it, and attacks three others.
    std::string body;
    for (unsigned i = 0; i < 300; i++) body.push_back(static_cast<char>(i * i % 251));
    for (unsigned step = 0; step < 30; step++) {
        wormsift_packet packet = wormsift_packet();
        packet.time_ns = step * UINT64_C(100000000);
        packet.ip_version = 4;
        packet.protocol = 17;
        packet.source_port = 5000;
        packet.destination_port = 4444;
        const unsigned char from[4] = {10, 0, 0, static_cast<unsigned char>(step / 3)};
        const unsigned char to[4] = {
            10, 0, 0, static_cast<unsigned char>(step / 3 + 1 + step % 3 * 20)};
        std::memcpy(packet.source, from, sizeof from);
        std::memcpy(packet.destination, to, sizeof to);
        worker.packet(packet, body.data(), body.size());
    }
    worker.flush();
    engine.finish();
    while (wormsift::finding finding = engine.next()) {
        const wormsift_summary it = finding.summary();
        if (it.kind != WORMSIFT_SIGNATURE) continue;
        std::printf("%s: %zu bytes to port %d, passed on by %u hosts\n",
                    finding.id().c_str(), finding.content().size(),
                    static_cast<int>(it.port), static_cast<unsigned>(it.relays));
        std::printf("%s\n", finding.render(WORMSIFT_SURICATA, 1500000).c_str());
    }
    return 0;
} catch (const wormsift::error &error) {
    std::fprintf(stderr, "minimal: %s\n", error.what());
    return 1;
}
