/// Pooled storage for bytes on their way: slabs, immutable views that keep them alive, chains of views.
///
/// A slab is written once, front to back, by one owner (`Slab::append`); views of what is written never change.
/// Reference counts are plain integers: a stack, its devices and its applications live in one thread. Slabs go
/// back to their pool when the last view is gone; the pool keeps a bounded number for reuse and must outlive them.
#pragma once
#include "base/check.hh"
#include "base/units.hh"

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace anabranch {

class SlabPool;

/// Header of a block of `capacity` bytes that follow it in memory.
struct Slab {
  SlabPool* pool = nullptr;
  std::uint32_t references = 0;
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

class SlabRef {
 public:
  SlabRef() = default;
  explicit SlabRef(Slab* slab) : slab_{slab} {
    if (slab_) { ++slab_->references; }
  }
  SlabRef(const SlabRef& other) : SlabRef{other.slab_} {}
  SlabRef(SlabRef&& other) noexcept : slab_{std::exchange(other.slab_, nullptr)} {}
  SlabRef& operator=(SlabRef other) noexcept {
    std::swap(slab_, other.slab_);
    return *this;
  }
  ~SlabRef() {
    if (slab_ && --slab_->references == 0) { release(slab_); }
  }
  Slab* get() const { return slab_; }
  Slab* operator->() const { return slab_; }
  explicit operator bool() const { return slab_ != nullptr; }

 private:
  static void release(Slab*);
  Slab* slab_ = nullptr;
};

class SlabPool {
 public:
  static constexpr std::uint32_t kSlabBytes = 68 * 1024;  ///< a 64 KiB packet with its headers and headroom
  static constexpr std::size_t kKeptSlabs = 512;          ///< free slabs kept for reuse: 34 MiB

  SlabPool() = default;
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;
  ~SlabPool();
  SlabRef get();  ///< an empty slab of kSlabBytes
  /// One just as large, not kept for reuse: for what shall not hold more memory than it has bytes.
  SlabRef get_exact(std::uint32_t bytes);
  std::size_t in_use() const { return in_use_; }

 private:
  friend class SlabRef;
  void take_back(Slab*);
  std::vector<Slab*> free_;
  std::size_t in_use_ = 0;
};

/// An immutable view that keeps its slab alive.
class Slice {
 public:
  Slice() = default;
  Slice(SlabRef slab, std::span<const std::uint8_t> view) : slab_{std::move(slab)}, view_{view} {}
  std::span<const std::uint8_t> bytes() const { return view_; }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  Slice first(std::size_t n) const { return {slab_, view_.first(n)}; }
  Slice after(std::size_t n) const { return {slab_, view_.subspan(n)}; }
  /// Grows over the bytes that directly follow in the same slab; false (and unchanged) when `next` is not those.
  bool join(const Slice& next) {
    if (slab_.get() != next.slab_.get() || view_.data() + view_.size() != next.view_.data()) { return false; }
    view_ = {view_.data(), view_.size() + next.view_.size()};
    return true;
  }
  const SlabRef& slab() const { return slab_; }

 private:
  SlabRef slab_;
  std::span<const std::uint8_t> view_;
};

/// Bytes as a sequence of slices. Neighbours in one slab are joined.
class Chain {
 public:
  Chain() = default;
  explicit Chain(Slice slice) { append(std::move(slice)); }
  Bytes size() const { return {size_}; }
  bool empty() const { return size_ == 0; }
  const auto& slices() const { return slices_; }
  void clear() {
    slices_.clear();
    size_ = 0;
  }

  void append(Slice slice);
  void append(const Chain& other);
  void append(Chain&& other);
  Chain first(Bytes n) const { return part({}, n); }      ///< at most the first n bytes
  Chain after(Bytes n) const { return part(n, size()); }  ///< what follows the first n bytes
  Chain part(Bytes from, Bytes length) const;
  void drop_front(Bytes n);                                ///< removes up to n bytes from the front
  std::size_t copy_to(std::span<std::uint8_t> out) const;  ///< as much as fits; returns how much
  std::vector<std::uint8_t> to_vector() const;

 private:
  /// A header and its payload, or a payload across two slabs: chains are many and small.
  static constexpr std::size_t kInline = 2;
  std::size_t size_ = 0;
  boost::container::small_vector<Slice, kInline> slices_;
};

/// Copies small pieces one behind the other into slabs, so that a 100-byte payload does not hold 64 KiB.
class Packer {
 public:
  explicit Packer(SlabPool& pool) : pool_{&pool} {}
  Chain copy(std::span<const std::uint8_t> bytes);

 private:
  SlabPool* pool_;
  SlabRef open_;
};

/// The same bytes in a slab of their own, just as large; at most 4 GiB.
Chain exact_copy(const Chain& from);

/// FNV-1a over the bytes, for digests in tests and the simulator; not for tables fed by peers.
std::uint64_t digest(std::span<const std::uint8_t> bytes, std::uint64_t seed = 0xcbf29ce484222325u);
}  // namespace anabranch
