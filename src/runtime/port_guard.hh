/// Keeps the kernel from answering packets to our ports: an nftables table that drops them after we have seen them.
///
/// Packet sockets tap before the `prerouting` hook, so the stack gets every packet and the kernel none. The table has
/// the `owner` flag: it belongs to this object's netlink socket and vanishes with it, also when the process is killed.
/// Loopback is left alone: local programs that connect to our ports get their refusal at once. Needs CAP_NET_ADMIN.
#pragma once
#include "runtime/options.hh"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct nft_ctx;

namespace anabranch::runtime {

class PortGuard {
 public:
  static Outcome<PortGuard> open(std::span<const std::uint16_t> ports);
  PortGuard(PortGuard&&) noexcept = default;
  PortGuard& operator=(PortGuard&&) noexcept = default;

  /// Guards these as well.
  Outcome<void> add(std::span<const std::uint16_t> ports);
  const std::string& table() const { return table_; }  ///< its name in `table inet`

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  using Context = std::unique_ptr<nft_ctx, Free>;
  PortGuard(Context context, std::string table) : context_{std::move(context)}, table_{std::move(table)} {}
  static Outcome<void> run(nft_ctx* context, const std::string& commands);

  Context context_;
  std::string table_;
};
}  // namespace anabranch::runtime
