#include "api/stream.hh"

namespace anabranch {

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

namespace {
using mptcp::SubflowId;
using stack::ConnectionId;
using stack::Stack;
}  // namespace

Status Stream::watch_rates(Duration every) {
  return core_->steer("watch_rates",
                      [&](Stack& s, ConnectionId c, Instant now) { return s.watch_rates(c, every, now); });
}
Status Stream::open_subflow(std::optional<Address> from, const SocketAddress& to, bool backup) {
  return core_->steer("open_subflow",
                      [&](Stack& s, ConnectionId c, Instant now) { return s.open_subflow(c, from, to, backup, now); });
}
Status Stream::set_backup(SubflowId subflow, bool backup) {
  return core_->steer("set_backup",
                      [&](Stack& s, ConnectionId c, Instant now) { return s.set_backup(c, subflow, backup, now); });
}
Status Stream::close_subflow(SubflowId subflow) {
  return core_->steer("close_subflow",
                      [&](Stack& s, ConnectionId c, Instant now) { return s.close_subflow(c, subflow, now); });
}
Status Stream::announce(const SocketAddress& where) {
  return core_->steer("announce", [&](Stack& s, ConnectionId c, Instant now) { return s.announce(c, where, now); });
}
Status Stream::withdraw(const SocketAddress& where) {
  return core_->steer("withdraw", [&](Stack& s, ConnectionId c, Instant now) { return s.withdraw(c, where, now); });
}
Status Stream::set_scheduler(std::string_view name) {
  return core_->steer("set_scheduler",
                      [&](Stack& s, ConnectionId c, Instant now) { return s.set_scheduler(c, name, now); });
}
Status Stream::set_no_delay(bool on) {
  return core_->steer("set_no_delay",
                      [&](Stack& s, ConnectionId c, Instant now) { return s.set_no_delay(c, on, now); });
}
Status Stream::set_cork(bool on) {
  return core_->steer("set_cork", [&](Stack& s, ConnectionId c, Instant now) { return s.set_cork(c, on, now); });
}
}  // namespace anabranch
