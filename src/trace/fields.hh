/// The fields of each event, by name, in one place: what text and JSON both show.
///
/// `fields(event, f)` calls `f(name, value)` for each field in a fixed order. Values keep their types (Bytes,
/// Duration, positions, addresses), so each format decides how to write them. Internal to this floor.
#pragma once
#include "trace/event.hh"

namespace anabranch::trace {

template <class F>
void fields(const SegmentSent& e, F&& f) {
  if (e.addresses != nullptr) { f("addresses", *e.addresses); }
  if (e.interface.raw != 0) { f("interface", e.interface); }
  if (e.segment != nullptr) { f("segment", *e.segment); }
  if (e.retransmission) { f("retransmission", true); }
}
template <class F>
void fields(const SegmentReceived& e, F&& f) {
  if (e.addresses != nullptr) { f("addresses", *e.addresses); }
  if (e.interface.raw != 0) { f("interface", e.interface); }
  if (e.segment != nullptr) { f("segment", *e.segment); }
}
template <class F>
void fields(const Dropped& e, F&& f) {
  f("reason", e.reason);
  if (e.segment != nullptr) { f("segment", *e.segment); }
}
template <class F>
void fields(const Retransmission& e, F&& f) {
  f("at", e.at);
  f("bytes", e.bytes);
  f("why", e.why);
}
template <class F>
void fields(const RecoveryEntered& e, F&& f) {
  f("why", e.why);
  f("until", e.until);
  f("window", e.window);
  f("threshold", e.threshold);
}
template <class F>
void fields(const RecoveryLeft& e, F&& f) {
  f("how", e.how);
  f("window", e.window);
}
template <class F>
void fields(const RtoFired& e, F&& f) {
  f("rto", e.rto);
  f("in_a_row", std::uint64_t{e.in_a_row});
  f("in_flight", e.in_flight);
}
template <class F>
void fields(const Congestion& e, F&& f) {
  f("window", e.window);
  f("threshold", e.threshold);
  f("in_flight", e.in_flight);
  f("srtt", e.srtt);
  f("rto", e.rto);
  f("controller", e.controller);
}
template <class F>
void fields(const SubflowOpened& e, F&& f) {
  f("addresses", e.addresses);
  if (e.interface.raw != 0) { f("interface", e.interface); }
  f("we_opened", e.we_opened);
  f("backup", e.backup);
}
template <class F>
void fields(const SubflowClosed& e, F&& f) {
  f("why", e.why);
  f("code", e.code);
}
template <class F>
void fields(const ConnectionOpened& e, F&& f) {
  f("addresses", e.addresses);
  f("we_opened", e.we_opened);
  f("multipath", e.multipath);
  if (e.multipath) { f("version", std::uint64_t{e.version}); }
}
template <class F>
void fields(const ConnectionClosed& e, F&& f) {
  f("why", e.why);
  f("code", e.code);
}
template <class F>
void fields(const PhaseChanged& e, F&& f) {
  f("part", e.part);
  f("from", e.from);
  f("to", e.to);
}
template <class F>
void fields(const Fallback& e, F&& f) {
  f("verdict", e.verdict);
  f("why", e.why);
}
template <class F>
void fields(const Scheduled& e, F&& f) {
  f("at", e.at);
  f("bytes", e.bytes);
  f("scheduler", e.scheduler);
  if (e.reinjection) { f("reinjection", true); }
}
template <class F>
void fields(const SchedulerWaited& e, F&& f) {
  f("until", e.until);
  f("why", e.why);
  f("scheduler", e.scheduler);
}
template <class F>
void fields(const Reinjected& e, F&& f) {
  f("at", e.at);
  f("bytes", e.bytes);
  f("from", std::uint64_t{e.from});
  f("why", e.why);
}
template <class F>
void fields(const PathManagerRequest& e, F&& f) {
  f("what", e.what);
  f("id", e.id);
}
template <class F>
void fields(const PathManagerRefused& e, F&& f) {
  f("what", e.what);
  f("why", e.why);
  f("id", e.id);
}
template <class F>
void fields(const AddressAnnounced& e, F&& f) {
  f("id", std::uint64_t{e.id});
  f("address", e.address);
  f("by_peer", e.by_peer);
  if (e.echo) { f("echo", true); }
}
template <class F>
void fields(const AddressWithdrawn& e, F&& f) {
  f("id", std::uint64_t{e.id});
  f("by_peer", e.by_peer);
}
template <class F>
void fields(const PriorityChanged& e, F&& f) {
  f("backup", e.backup);
  f("by_peer", e.by_peer);
}
template <class F>
void fields(const LimitReached& e, F&& f) {
  f("limit", e.limit);
  f("value", e.value);
}
template <class F>
void fields(const FaultStruck& e, F&& f) {
  f("point", e.point);
}
template <class F>
void fields(const Note& e, F&& f) {
  f("text", e.text);
  f("number", e.number);
}
}  // namespace anabranch::trace
