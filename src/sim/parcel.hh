/// A packet on its way through pipes (a parcel), its route, and the lines and the pool that move it without allocation.
///
/// A route names its pipes in order and the interface of the host at its end; whoever owns routes (a link, a path)
/// keeps them as long as the world. Packets belong to their pool, and stand in one line at most.
#pragma once
#include "base/units.hh"
#include "packet/frame.hh"

#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

namespace anabranch::sim {

class Host;
class Pipe;

struct Route {
  std::vector<Pipe*> pipes;  ///< the first one is where packets enter
  Host* to = nullptr;        ///< none: what arrives vanishes (traffic that is not TCP)
  InterfaceId interface;     ///< of `to`, where they arrive
  Host* from = nullptr;
  std::uint32_t label = 0;  ///< for a person: number of the link or path
};

/// A packet, or what stands for one that nobody reads.
struct alignas(64) Parcel {
  Parcel* behind = nullptr;      ///< in the list of those that are free
  const Route* route = nullptr;  ///< none: handed out at the end of the pipe
  Frame frame;                   ///< empty: traffic that nobody reads
};

/// A packet under way, as pipes see it: they do not look at the packet itself, which is far from the processor.
struct Transit {
  Instant at{};  ///< waiting: since when; sent: when it arrives at the end of the pipe
  Parcel* packet = nullptr;
  Pipe* const* via = nullptr;  ///< the next pipe of the route
  std::uint32_t size = 0;      ///< IP bytes
  std::uint16_t left = 0;      ///< so many pipes are still to come
  std::uint16_t cut = 0;       ///< as `frame.cut`

  /// It is about to enter the first pipe of that route.
  static Transit begin(Parcel* packet, const Route& route, std::uint32_t size) {
    packet->route = &route;
    const auto left = static_cast<std::uint16_t>(route.pipes.size() - 1);
    return {.packet = packet, .via = route.pipes.data() + 1, .size = size, .left = left};
  }
};

/// First in, first out: who waits in a pipe, or is on its way.
class TransitLine {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  Transit& operator[](std::size_t i) { return places_[(head_ + i) & mask_]; }
  const Transit& operator[](std::size_t i) const { return places_[(head_ + i) & mask_]; }
  void push(const Transit& transit) {
    if (size_ == places_.size()) { grow(); }
    places_[(head_ + size_++) & mask_] = transit;
  }
  Transit pop() {
    --size_;
    return places_[head_++ & mask_];
  }
  Transit take_last() { return places_[(head_ + --size_) & mask_]; }
  void insert(std::size_t i, const Transit& transit) {
    push(transit);
    for (std::size_t k = size_ - 1u; k > i; --k) { (*this)[k] = (*this)[k - 1]; }
    (*this)[i] = transit;
  }
  /// The one at `i` leaves the line; dear if many are before it.
  Transit remove(std::size_t i) {
    const Transit out = (*this)[i];
    for (; i > 0; --i) { (*this)[i] = (*this)[i - 1]; }
    pop();
    return out;
  }

 private:
  void grow() {
    constexpr std::size_t kFirst = 16;
    std::vector<Transit> more(places_.empty() ? kFirst : places_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) { more[i] = (*this)[i]; }
    places_ = std::move(more);
    mask_ = static_cast<std::uint32_t>(places_.size() - 1);
    head_ = 0;
  }

  std::vector<Transit> places_;  ///< a ring; its size is a power of two
  std::uint32_t mask_ = 0, head_ = 0, size_ = 0;
};

/// Packets for reuse. Outlives the pipes and must not outlive the slabs of their frames.
class ParcelPool {
 public:
  ParcelPool() = default;
  ParcelPool(const ParcelPool&) = delete;
  ParcelPool& operator=(const ParcelPool&) = delete;

  Parcel* make() {
    if (free_ == nullptr) { return &all_.emplace_back(); }
    --free_count_;
    return std::exchange(free_, free_->behind);
  }
  void give_back(Parcel* packet) {
    packet->frame.bytes.clear();
    packet->route = nullptr;
    packet->behind = std::exchange(free_, packet);
    ++free_count_;
  }
  std::size_t in_use() const { return all_.size() - free_count_; }

 private:
  std::deque<Parcel> all_;
  Parcel* free_ = nullptr;
  std::size_t free_count_ = 0;
};
}  // namespace anabranch::sim
