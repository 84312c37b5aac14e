#include "runtime/pcapng_file.hh"

#include "runtime/clock.hh"
#include "trace/text.hh"

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace anabranch::runtime {

void FileSink::write(std::span<const std::uint8_t> bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) { flush(); }
  if (!failed_) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
}

void FileSink::flush() {
  std::span<const std::uint8_t> left{buffer_};
  while (!left.empty() && !failed_) {
    const ssize_t n = ::write(fd_.get(), left.data(), left.size());
    if (n > 0) {
      left = left.subspan(static_cast<std::size_t>(n));
    } else {
      failed_ = errno != EINTR;
    }
  }
  buffer_.clear();
}

Outcome<std::unique_ptr<PcapngFile>> PcapngFile::create(const std::string& path) {
  FileDescriptor fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (!fd) { return failure(Errc::bad_argument, "cannot write " + path + ": " + std::strerror(errno)); }
  return std::unique_ptr<PcapngFile>{new PcapngFile{std::move(fd)}};
}

PcapngFile::PcapngFile(FileDescriptor fd) : sink_{std::move(fd)}, format_{sink_, wall_clock_at_zero()} {}

void PcapngFile::on_received(const device::Device& device, const Frame& frame) {
  write(device, frame, trace::PacketDirection::inbound);
}
void PcapngFile::on_sent(const device::Device& device, const Frame& frame) {
  write(device, frame, trace::PacketDirection::outbound);
}

void PcapngFile::remark(std::string_view text) {
  constexpr std::size_t kMost = 4096;  // of remarks at one packet; an option's length is 16 bits
  if (remarks_.size() + text.size() > kMost) { return; }
  if (!remarks_.empty()) { remarks_ += '\n'; }
  remarks_ += text;
}

void PcapngFile::write(const device::Device& device, const Frame& frame, trace::PacketDirection direction) {
  const InterfaceId id = device.traits().interface;
  auto number = numbers_.find(id);
  if (number == numbers_.end()) { number = numbers_.emplace(id, format_.add_interface(device.name())).first; }
  format_.packet({.interface = number->second, .at = monotonic_now(), .direction = direction, .comment = remarks_},
                 frame.bytes);
  remarks_.clear();
}

void RemarkTrace::on(Instant now, const trace::Event& event) {
  const bool about_connections = std::visit(
      [](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        return std::is_same_v<E, trace::SubflowOpened> || std::is_same_v<E, trace::SubflowClosed> ||
               std::is_same_v<E, trace::ConnectionOpened> || std::is_same_v<E, trace::ConnectionClosed> ||
               std::is_same_v<E, trace::Fallback> || std::is_same_v<E, trace::RtoFired> ||
               std::is_same_v<E, trace::Reinjected>;
      },
      event.what);
  if (about_connections) { file_.remark(trace::to_text(now, event)); }
}
}  // namespace anabranch::runtime
