#include "tcp/needless.hh"

namespace anabranch::tcp {

std::optional<Block> duplicate_report(std::span<const Block> blocks, SubPos ack, SubPos next) {
  if (blocks.empty()) { return std::nullopt; }
  const Block& first = blocks[0];
  if (first.empty() || first.begin == SubPos{} || first.end > next) { return std::nullopt; }
  if (first.begin < ack) { return first.end <= ack ? std::optional{first} : std::nullopt; }
  if (blocks.size() < 2) { return std::nullopt; }
  const bool inside = blocks[1].begin <= first.begin && first.end <= blocks[1].end;
  return inside ? std::optional{first} : std::nullopt;
}

void Needless::begin() {
  first_at_.reset();
  judged_ = false;
  repeats_.clear();
  countable_ = true;
}

void Needless::forget() {
  begin();
  countable_ = false;
  judged_ = true;
}

void Needless::on_again(SubPos from, SubPos to, bool first, Instant now) {
  if (!first_at_) {
    first_at_ = {from, now};
    judged_ |= !first;  // an answer could be one to an earlier repetition
  }
  if (!first || repeats_.intersects(from, to) || !repeats_.add(from, to)) { countable_ = false; }
}

bool Needless::by_timestamp(SubPos una, std::optional<Instant> echoed) {
  constexpr Duration kClockTick{1'000'000};
  if (!first_at_ || judged_ || una <= first_at_->at) { return false; }
  judged_ = true;
  return echoed && *echoed + kClockTick <= first_at_->when;
}

bool Needless::by_duplicate(Block duplicate) {
  if (!countable_ || repeats_.empty()) { return false; }
  if (!repeats_.remove(duplicate.begin, duplicate.end)) { countable_ = false; }
  return countable_ && repeats_.empty();
}
}  // namespace anabranch::tcp
