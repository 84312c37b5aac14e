#include "sim/passage.hh"

#include "packet/offload.hh"

namespace anabranch::sim {

Passage::Passage(SlabPool& pool, Agenda& agenda, const Instant& clock)
    : agenda_{agenda},
      clock_{&clock},
      in_agenda_{agenda.enroll(this)},
      arena_{pool} {}

void Passage::set_middlebox(std::unique_ptr<Middlebox> middlebox) {
  middlebox_ = std::move(middlebox);
  agenda_.set(in_agenda_, middlebox_ ? middlebox_->next() : Instant::never());
  watching_changed();
}

void Passage::set_tap(std::function<void(const Host&, const Frame&)> tap) {
  tap_ = std::move(tap);
  watching_changed();
}

void Passage::set_sieve(std::function<bool(const Host&, Frame&)> sieve) {
  set_middlebox(
      filter([this, sieve = std::move(sieve)](Way way, Frame& packet) { return sieve(end_of(way), packet); }));
}

void Passage::pass(Way way, const Host& from, Frame frame) {
  if (tap_) { tap_(from, frame); }
  if (!middlebox_) { return carry(way, std::move(frame)); }
  packets_.clear();
  if (!cut_frame(frame, arena_, packets_)) { packets_.push_back(std::move(frame)); }
  for (Frame& packet : packets_) { middlebox_->pass(way, std::move(packet), *clock_, sent_); }
  carry_on();
}

void Passage::on_time() {
  if (!middlebox_) { return; }
  if (middlebox_->next() <= *clock_) { middlebox_->on_time(*clock_, sent_); }
  carry_on();
}

void Passage::carry_on() {
  for (Sent& sent : sent_) { carry(sent.way, std::move(sent.frame)); }
  sent_.clear();
  packets_.clear();
  agenda_.set(in_agenda_, middlebox_->next());
}
}  // namespace anabranch::sim
