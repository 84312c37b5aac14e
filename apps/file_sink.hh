/// A trace's bytes into a file that is there whole or not at all.
#pragma once
#include "apps/http_file.hh"
#include "trace/sinks.hh"

#include <string>

namespace anabranch::apps {

class FileSink final : public trace::ByteSink {
 public:
  explicit FileSink(const std::string& path) : file_{path} {}
  void write(std::span<const std::uint8_t> bytes) override {
    file_.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void commit() { file_.commit(); }

 private:
  PartFile file_;
};

inline void save_file(const std::string& path, std::string_view text) {
  PartFile file{path};
  file.write(text);
  file.commit();
}
}  // namespace anabranch::apps
