/// A phone and a server in a world, and what stories about them ask again and again. One a test.
#pragma once
#include "sim/world.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {

struct PhoneAndServer {
  explicit PhoneAndServer(std::uint64_t seed = 1) : world{seed} {}
  World world;
  Host &phone = world.host("phone"), &server = world.host("server");

  /// Within `limit`, and what was read is what was written.
  testing::AssertionResult completes(const Transfer& transfer, Duration limit) {
    if (!world.run_until([&] { return transfer.complete(); }, limit)) {
      return testing::AssertionFailure() << world.replay();
    }
    if (transfer.received_digest() != transfer.sent_digest()) {
      return testing::AssertionFailure() << "digests differ\n" << world.replay();
    }
    return testing::AssertionSuccess();
  }
  mptcp::ConnectionInfo info(const Application& end) const {
    return end.host().stack().info(*end.id(), world.now()).value_or(mptcp::ConnectionInfo{});
  }
};
}  // namespace anabranch::sim
