#include "t6/train/events/event_file.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "events.pb.h"
#include "t6/core/error.h"
#include "t6/formats/run_files.h"

namespace t6 {
namespace {

static_assert(std::endian::native == std::endian::little, "TFRecord numbers are written as they lie in memory");

constexpr std::array<uint32_t, 256> crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    // 0x82f63b78: the Castagnoli polynomial 0x1edc6f41, bits reversed.
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ (remainder & 1 ? 0x82f63b78u : 0);
    table[byte] = remainder;
  }
  return table;
}

template <typename T>
void append_bytes(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::filesystem::path unused_path(const std::filesystem::path& folder) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') std::strcpy(host.data(), "localhost");
  // TensorBoard reads a folder's files in the order of their names; a run resumed within a second needs another name.
  for (auto second = static_cast<int64_t>(now());; ++second) {
    const auto path = folder / fmt::format("{}{}.{}", kEventFilePrefix, second, host.data());
    if (!std::filesystem::exists(path)) return path;
  }
}

events::Event event_at(int64_t step) {
  events::Event event;
  event.set_wall_time(now());
  event.set_step(step);
  return event;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = crc32c_table();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

std::string tfrecord(std::string_view payload) {
  std::string frame;
  append_bytes(frame, static_cast<uint64_t>(payload.size()));
  append_bytes(frame, masked_crc32c(frame));
  frame += payload;
  append_bytes(frame, masked_crc32c(payload));
  return frame;
}

EventFile::EventFile(const std::filesystem::path& folder, int64_t first_step) : file_(unused_path(folder)) {
  events::Event version = event_at(0);
  version.set_file_version("brain.Event:2");
  file_.append(tfrecord(version.SerializeAsString()));
  events::Event start = event_at(first_step);
  start.mutable_session_log()->set_status(events::SessionLog::START);
  file_.append(tfrecord(start.SerializeAsString()));
}

void EventFile::add(int64_t step, const Scalars& scalars) {
  events::Event event = event_at(step);
  for (const auto& [tag, value] : scalars) {
    events::Summary::Value* entry = event.mutable_summary()->add_value();
    entry->set_tag(tag);
    entry->set_simple_value(static_cast<float>(value));
  }
  file_.append(tfrecord(event.SerializeAsString()));
}

}  // namespace t6
