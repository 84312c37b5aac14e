#include "packet/slab.hh"

#include <algorithm>
#include <new>

namespace anabranch {

void SlabRef::release(Slab* slab) { slab->pool->take_back(slab); }

SlabPool::~SlabPool() {
  ANABRANCH_CHECK(in_use_ == 0);  // a view that outlives its pool would dangle
  for (Slab* slab : free_) { ::operator delete(slab); }
}

SlabRef SlabPool::get() {
  Slab* slab = nullptr;
  if (free_.empty()) {
    slab = new (::operator new(sizeof(Slab) + kSlabBytes)) Slab{this, 0, kSlabBytes, 0};
  } else {
    slab = free_.back();
    free_.pop_back();
    slab->used = 0;
  }
  ++in_use_;
  return SlabRef{slab};
}

SlabRef SlabPool::get_exact(std::uint32_t bytes) {
  ++in_use_;
  return SlabRef{new (::operator new(sizeof(Slab) + bytes)) Slab{this, 0, bytes, 0}};
}

void SlabPool::take_back(Slab* slab) {
  --in_use_;
  if (slab->capacity == kSlabBytes && free_.size() < kKeptSlabs) {
    free_.push_back(slab);
  } else {
    ::operator delete(slab);
  }
}

void Chain::append(Slice slice) {
  if (slice.empty()) { return; }
  size_ += slice.size();
  if (slices_.empty() || !slices_.back().join(slice)) { slices_.push_back(std::move(slice)); }
}

void Chain::append(const Chain& other) {
  for (const Slice& slice : other.slices_) { append(slice); }
}

void Chain::append(Chain&& other) {
  if (empty()) {
    slices_ = std::move(other.slices_);
    size_ = other.size_;
  } else {
    append(other);
  }
  other.clear();
}

Chain Chain::part(Bytes from, Bytes length) const {
  Chain out;
  std::size_t skip = from.n, left = length.n;
  for (const Slice& slice : slices_) {
    if (left == 0) { break; }
    const std::size_t size = slice.size();
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const std::size_t taken = std::min(size - skip, left);
    out.append(Slice{slice.slab(), slice.bytes().subspan(skip, taken)});
    left -= taken;
    skip = 0;
  }
  return out;
}

void Chain::drop_front(Bytes n) {
  std::size_t left = std::min<std::size_t>(n.n, size_);
  size_ -= left;
  auto it = slices_.begin();
  while (left != 0 && left >= it->size()) { left -= (it++)->size(); }
  slices_.erase(slices_.begin(), it);
  if (left != 0) { slices_.front() = slices_.front().after(left); }
}

std::size_t Chain::copy_to(std::span<std::uint8_t> out) const {
  std::size_t done = 0;
  for (const Slice& slice : slices_) {
    const std::size_t n = std::min(slice.size(), out.size() - done);
    std::memcpy(out.data() + done, slice.bytes().data(), n);
    done += n;
    if (done == out.size()) { break; }
  }
  return done;
}

std::vector<std::uint8_t> Chain::to_vector() const {
  std::vector<std::uint8_t> out(size_);
  copy_to(out);
  return out;
}

Chain Packer::copy(std::span<const std::uint8_t> bytes) {
  Chain out;
  while (!bytes.empty()) {
    if (!open_ || open_->used == open_->capacity) { open_ = pool_->get(); }
    const std::size_t n = std::min<std::size_t>(bytes.size(), open_->capacity - open_->used);
    std::uint8_t* at = open_->data() + open_->used;
    std::memcpy(at, bytes.data(), n);
    open_->used += static_cast<std::uint32_t>(n);
    out.append(Slice{open_, {at, n}});
    bytes = bytes.subspan(n);
  }
  return out;
}

Chain exact_copy(const Chain& from) {
  if (from.empty()) { return {}; }
  const auto size = static_cast<std::uint32_t>(from.size().n);
  SlabRef slab = from.slices().front().slab()->pool->get_exact(size);
  from.copy_to({slab->data(), size});
  slab->used = size;
  return Chain{Slice{slab, {slab->data(), size}}};
}

std::uint64_t digest(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  for (const std::uint8_t b : bytes) { seed = (seed ^ b) * 0x100000001b3u; }
  return seed;
}
}  // namespace anabranch
