/// Congestion controllers by name: what configuration, command line and tests use.
#pragma once
#include "cc/controller.hh"

#include <memory>
#include <span>
#include <string_view>

namespace anabranch::cc {

inline constexpr std::string_view kDefaultController = "cubic";

/// A controller for a flow with segments of `segment` payload bytes; nothing for a name not in `controller_names()`.
std::unique_ptr<Controller> make_controller(std::string_view name, Bytes segment);

/// All names, sorted.
std::span<const std::string_view> controller_names();
}  // namespace anabranch::cc
