// TensorBoard's event files: protobuf messages in TFRecord frames.
// This folder is a library without Torch, whose include folder carries headers of another protobuf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/core/file.h"

namespace t6 {

// CRC-32C (Castagnoli), and as TFRecord masks it: rotated right by 15, plus 0xa282ead8.
uint32_t crc32c(std::string_view bytes);
uint32_t masked_crc32c(std::string_view bytes);

// The length (uint64) and its masked CRC, `payload`, and its masked CRC.
std::string tfrecord(std::string_view payload);

// One events.out.tfevents.* file, which TensorBoard can follow while it grows. A resumed run begins another in the same
// folder: the first event tells TensorBoard to forget what it has seen from `first_step` on.
class EventFile {
 public:
  using Scalars = std::vector<std::pair<std::string, double>>;  // tag, value

  // Error: the file cannot be created.
  EventFile(const std::filesystem::path& folder, int64_t first_step);

  // Error: a full disk, with the file's name.
  void add(int64_t step, const Scalars& scalars);
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  AppendFile file_;
};

}  // namespace t6
