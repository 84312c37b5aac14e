/// Results: a value, or the reason there is none.
///
/// Three kinds of failure, three answers. A peer's bad input is a `Drop` (counted, traced, never an error). A
/// caller's impossible request or a failed system call is an `Error` in a `Result`. A broken invariant is an
/// `ANABRANCH_CHECK`, on in every build. The core throws nothing.
#pragma once
#include "base/names.hh"

#include <expected>
#include <string_view>

namespace anabranch {

enum class Errc {
  would_block,
  closed,
  reset_by_peer,
  timed_out,
  refused,
  unreachable,
  no_such_path,
  no_ports_left,
  limit_reached,
  address_in_use,
  bad_argument,
};
template <>
struct Names<Errc> {
  static constexpr std::string_view list[] = {"would_block",   "closed",         "reset_by_peer", "timed_out",
                                              "refused",       "unreachable",    "no_such_path",  "no_ports_left",
                                              "limit_reached", "address_in_use", "bad_argument"};
};

struct Error {
  Errc code{};
  std::string_view what;  ///< a literal: it names the operation, never the data
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;
constexpr std::unexpected<Error> fail(Errc code, std::string_view what) { return std::unexpected(Error{code, what}); }

/// A visitor from lambdas: `std::visit(Overloaded{...}, variant)`.
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;
}  // namespace anabranch
