/// Local TCP ports that are ours: bound, never listening, kernel sockets keep the kernel and other processes off them.
///
/// Both families, all addresses. Claims vanish with the object, or with the process however it ends. A bound socket
/// does not keep the kernel from answering packets to the port: that is PortGuard's part.
#pragma once
#include "runtime/file_descriptor.hh"
#include "runtime/options.hh"

#include <cstdint>
#include <span>
#include <vector>

namespace anabranch::runtime {

class PortClaims {
 public:
  static constexpr unsigned kMaxEphemeral = 4096;

  /// Claims one port. address_in_use, naming it, when somebody has it. A port that is ours already is fine.
  Outcome<void> claim(std::uint16_t port);
  /// Claims any free port.
  Outcome<std::uint16_t> claim_any();
  /// Claims `count` free ports, neighbours if possible (then a filter needs only one comparison for them). `seed`
  /// chooses where to look first. no_ports_left, with nothing claimed, when there are not as many.
  Outcome<std::vector<std::uint16_t>> claim_block(unsigned count, std::uint64_t seed);

  bool has(std::uint16_t port) const;
  const std::vector<std::uint16_t>& ports() const { return ports_; }  ///< in the order they were claimed

 private:
  void keep(FileDescriptor fd, std::uint16_t port);

  std::vector<FileDescriptor> sockets_;
  std::vector<std::uint16_t> ports_;
};
}  // namespace anabranch::runtime
