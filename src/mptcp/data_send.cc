#include "mptcp/data_send.hh"

#include <algorithm>

namespace anabranch::mptcp {

DataSend::DataSend(SlabPool& pool, Bytes initial, Bytes cap)
    : packer_{pool},
      buffer_{initial},
      cap_{std::max(initial, cap)} {}

Bytes DataSend::write(std::span<const std::uint8_t> bytes) {
  const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), room().n));
  store(packer_.copy(bytes.first(take)));
  return {take};
}

Bytes DataSend::write(const Chain& bytes) {
  const Bytes take = std::min(bytes.size(), room());
  store(bytes.first(take));
  return take;
}

void DataSend::store(const Chain& bytes) {
  for (const Slice& slice : bytes.slices()) {
    if (stored_.empty() || !stored_.back().bytes.join(slice)) { stored_.push_back({end_, slice}); }
    end_ = end_ + slice.size();
  }
}

Chain DataSend::bytes(DataPos at, DataPos end) const {
  Chain out;
  auto it = std::ranges::partition_point(stored_, [at](const Stored& s) { return s.end() <= at; });
  for (; it != stored_.end() && it->at < end; ++it) {
    const std::size_t skip = at - it->at;
    const std::size_t stop = std::min<std::size_t>(it->bytes.size(), end - it->at);
    out.append(it->bytes.first(stop).after(skip));
  }
  return out;
}

DataSend::Piece DataSend::take_fresh(Bytes at_most) {
  const DataPos at = window_.next();
  const DataPos stop = at + std::min(at_most, sendable()).n;
  window_.sent(stop);
  return {at, bytes(at, stop)};
}

DataSend::Piece DataSend::take_again(Bytes at_most) {
  ANABRANCH_CHECK(!again_.empty());
  Again& first = again_.front();
  const DataPos at = first.begin;
  const DataPos stop = std::min(first.end, at + at_most.n);
  first.begin = stop;
  if (first.begin >= first.end) { again_.pop_front(); }
  queued_again_.remove_below(stop);
  return {at, bytes(at, stop)};
}

DataSend::Piece DataSend::take_copy(DataPos at, Bytes at_most) const {
  ANABRANCH_CHECK(at >= window_.una() && at < sent_up_to());
  return {at, bytes(at, std::min(sent_up_to(), at + at_most.n))};
}

Bytes DataSend::reinject(DataPos begin, DataPos end, SubflowId from) {
  begin = std::max(begin, window_.una());
  end = std::min({end, window_.next(), end_});
  Bytes queued;
  while (begin < end) {
    const auto gap = queued_again_.first_missing(begin, end);
    if (!gap) { break; }
    const auto after = std::ranges::partition_point(again_, [&](const Again& a) { return a.begin < gap->begin; });
    again_.insert(after, {gap->begin, gap->end, from});
    const bool added = queued_again_.add(gap->begin, gap->end);
    ANABRANCH_CHECK(added);  // no limit of its own: bounded by the send buffer
    queued += Bytes{gap->length()};
    begin = gap->end;
  }
  return queued;
}

stream::AckKind DataSend::on_data_ack(DataPos ack) {
  const stream::AckKind kind = window_.on_ack(ack);
  if (kind == stream::AckKind::advanced) { forget_acknowledged(); }
  return kind;
}

void DataSend::forget_acknowledged() {  // [8684-3.3.2-04 8684-3.3.6-03]
  const DataPos una = window_.una();
  while (!stored_.empty() && stored_.front().end() <= una) { stored_.pop_front(); }
  queued_again_.remove_below(una);
  while (!again_.empty() && again_.front().end <= una) { again_.pop_front(); }
  if (!again_.empty()) { again_.front().begin = std::max(again_.front().begin, una); }
}

bool DataSend::is_consistent() const {
  std::uint64_t again = 0;
  for (const Again& a : again_) {
    if (a.begin >= a.end || a.begin < window_.una() || a.end > end_) { return false; }
    again += a.end - a.begin;
  }
  return window_.is_consistent() && again == queued_again_.total() && held() <= buffer_ &&
         (stored_.empty() || stored_.back().end() == end_);
}
}  // namespace anabranch::mptcp
