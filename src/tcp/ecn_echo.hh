/// The receiving half of ECN: a mark is echoed with every acknowledgment until the peer says that it has slowed down.
///
/// RFC 3168 §6.1.3. Owned by the receiver; only for connections that agreed on ECN.
#pragma once

namespace anabranch::tcp {

class EcnEcho {
 public:
  /// A segment with payload came, marked by a router or not; `reduced`: with CWR. True: the answer shall not wait, for
  /// the peer's window may be a single packet.
  bool on_segment(bool marked, bool reduced) {
    const bool before = echoes_;
    echoes_ = marked || (echoes_ && !reduced);
    return reduced || echoes_ != before;
  }
  bool echoes() const { return echoes_; }

 private:
  bool echoes_ = false;
};
}  // namespace anabranch::tcp
