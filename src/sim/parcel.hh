/// A packet on its way through pipes (a parcel), its route, and the lists and the pool that move it without allocation.
///
/// A route names its pipes in order and the interface of the host at its end; whoever owns routes (a link, a path)
/// keeps them as long as the world. Packets belong to their pool; a list holds them, and each is in one list at most.
#pragma once
#include "base/units.hh"
#include "packet/frame.hh"

#include <cstdint>
#include <deque>
#include <string_view>
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

/// What a pipe looks at lies in one line of the cache; what is in the packet is looked at by hosts only.
struct alignas(64) Parcel {
  Parcel* behind = nullptr;      ///< in its list
  Instant at{};                  ///< waiting: since when; sent: when it arrives at the end of the pipe
  const Route* route = nullptr;  ///< none: handed out at the end of the pipe
  std::uint32_t size = 0;        ///< IP bytes
  std::uint32_t hop = 0;         ///< which pipe of the route it is in
  std::uint32_t cut = 0;         ///< as `frame.cut`
  Frame frame;                   ///< empty: traffic that nobody reads
};

/// First in, first out.
class ParcelList {
 public:
  bool empty() const { return front_ == nullptr; }
  std::size_t size() const { return size_; }
  Parcel* front() const { return front_; }
  Parcel* back() const { return back_; }
  void push(Parcel* packet) {
    packet->behind = nullptr;
    (back_ != nullptr ? back_->behind : front_) = packet;
    back_ = packet;
    ++size_;
  }
  Parcel* pop() {
    Parcel* out = front_;
    front_ = out->behind;
    if (front_ == nullptr) { back_ = nullptr; }
    --size_;
    return out;
  }

 private:
  Parcel *front_ = nullptr, *back_ = nullptr;
  std::size_t size_ = 0;
};

/// Packets for reuse. Outlives the pipes and must not outlive the slabs of their frames.
class ParcelPool {
 public:
  ParcelPool() = default;
  ParcelPool(const ParcelPool&) = delete;
  ParcelPool& operator=(const ParcelPool&) = delete;

  Parcel* make() {
    if (free_.empty()) { return &all_.emplace_back(); }
    return free_.pop();
  }
  void give_back(Parcel* packet) {
    packet->frame.bytes.clear();
    packet->route = nullptr;
    packet->hop = packet->cut = 0;
    free_.push(packet);
  }
  std::size_t in_use() const { return all_.size() - free_.size(); }

 private:
  std::deque<Parcel> all_;
  ParcelList free_;
};
}  // namespace anabranch::sim
