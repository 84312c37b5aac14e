/// A capture file of everything that passes the devices, in pcapng, with interface names and the stack's remarks.
///
/// Buffered; written when the buffer is full and at the end. When the file cannot be written (disk full), what follows
/// is dropped and `failed()` says so; traffic goes on.
#pragma once
#include "device/frame_tap.hh"
#include "runtime/file_descriptor.hh"
#include "runtime/options.hh"
#include "trace/pcapng.hh"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace anabranch::runtime {

class FileSink final : public trace::ByteSink {
 public:
  explicit FileSink(FileDescriptor fd) : fd_{std::move(fd)} { buffer_.reserve(kBuffer); }
  ~FileSink() override { flush(); }
  void write(std::span<const std::uint8_t> bytes) override;
  void flush();
  bool failed() const { return failed_; }

 private:
  static constexpr std::size_t kBuffer = 1 << 20;  // a capture at gigabits should not cost a system call a packet
  FileDescriptor fd_;
  std::vector<std::uint8_t> buffer_;
  bool failed_ = false;
};

class PcapngFile final : public device::FrameObserver {
 public:
  static Outcome<std::unique_ptr<PcapngFile>> create(const std::string& path);

  void on_received(const device::Device& device, const Frame& frame) override;
  void on_sent(const device::Device& device, const Frame& frame) override;
  /// Stands as a comment at the next packet.
  void remark(std::string_view text);
  void flush() { sink_.flush(); }
  bool failed() const { return sink_.failed(); }

 private:
  explicit PcapngFile(FileDescriptor fd);
  void write(const device::Device& device, const Frame& frame, trace::PacketDirection direction);

  FileSink sink_;
  trace::Pcapng format_;
  std::map<InterfaceId, std::uint32_t> numbers_;
  std::string remarks_;
};

/// Writes the connection-level events of a stack as remarks into a capture.
class RemarkTrace final : public trace::Trace {
 public:
  explicit RemarkTrace(PcapngFile& file) : Trace{true}, file_{file} {}
  void on(Instant now, const trace::Event& event) override;

 private:
  PcapngFile& file_;
};
}  // namespace anabranch::runtime
