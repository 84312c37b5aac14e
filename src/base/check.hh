/// Broken invariants stop the program, in every build. A peer's nonsense is never a broken invariant.
#pragma once

namespace anabranch {
[[noreturn]] void check_failed(const char* what, const char* file, int line);
}  // namespace anabranch

/// Always on: cheap conditions whose failure means our own code is wrong.
#define ANABRANCH_CHECK(cond) ((cond) ? void(0) : ::anabranch::check_failed(#cond, __FILE__, __LINE__))

/// On in debug and sanitizer builds, which is where tests and the simulator run: whole-object consistency.
#ifdef ANABRANCH_EXPENSIVE_CHECKS
#define ANABRANCH_EXPENSIVE_CHECK(cond) ANABRANCH_CHECK(cond)
#else
#define ANABRANCH_EXPENSIVE_CHECK(cond) void(0)
#endif
