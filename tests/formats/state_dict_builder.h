// Writes what torch.save would of tensors, and archives with anything else in them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/formats/safetensors.h"

namespace t6 {

// The bytes of a number, little end first.
template <typename Number>
std::string raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// A zip archive of files as they are, in this order; wide: with numbers of 64 bits, as for archives beyond 4 GiB.
inline std::string zip_file(const std::vector<std::pair<std::string, std::string>>& files, uint16_t method = 0,
                            bool wide = false) {
  const auto size32 = [&](size_t size) { return raw(wide ? ~uint32_t{0} : static_cast<uint32_t>(size)); };
  std::string data, directory;
  for (const auto& [name, content] : files) {
    const uint64_t size = content.size(), position = data.size();
    const std::string extra =
        wide ? raw(uint16_t{1}) + raw(uint16_t{24}) + raw(size) + raw(size) + raw(position) : std::string();
    const std::string before_sizes = raw(uint16_t{0}) + raw(method) + std::string(8, '\0');
    const std::string name_size = raw(static_cast<uint16_t>(name.size()));
    directory += "PK\x01\x02" + std::string(4, '\0') + before_sizes + size32(size) + size32(size) + name_size +
                 raw(static_cast<uint16_t>(extra.size())) + std::string(10, '\0') + size32(position) + name + extra;
    data += "PK\x03\x04" + std::string(2, '\0') + before_sizes + size32(size) + size32(size) + name_size +
            raw(uint16_t{0}) + name + content;
  }
  const uint64_t begin = data.size(), end = begin + directory.size(), count = files.size();
  std::string out = data + directory;
  if (wide) {
    out += "PK\x06\x06" + raw(uint64_t{44}) + std::string(12, '\0') + raw(count) + raw(count) +
           raw(uint64_t{directory.size()}) + raw(begin) + "PK\x06\x07" + std::string(4, '\0') + raw(end) +
           raw(uint32_t{1});
  }
  const std::string count16 = raw(wide ? uint16_t{0xffff} : static_cast<uint16_t>(count));
  return out + "PK\x05\x06" + std::string(4, '\0') + count16 + count16 + size32(directory.size()) + size32(begin) +
         raw(uint16_t{0});
}

inline std::string pickled(std::string_view text) {
  return "X" + raw(static_cast<uint32_t>(text.size())) + std::string(text);
}
inline std::string pickled(int64_t value) { return "\x8a\x08" + raw(value); }
inline std::string pickled(const std::vector<int64_t>& sizes) {
  std::string out = "(";
  for (const int64_t size : sizes) out += pickled(size);
  return out + "t";
}

struct PickledTensor {
  std::string storage;  // "torch\nFloatStorage\n"
  std::string key;      // of the storage's file
  int64_t offset = 0;
  Shape shape, strides;

  std::string pickle() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled(std::string_view("storage")) + "c" + storage +
           pickled(key) + pickled(std::string_view("cpu")) + pickled(int64_t{0}) + "tQ" + pickled(offset) +
           pickled(shape) + pickled(strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
  }
};

inline std::string pickled_dict(const std::vector<std::pair<std::string, std::string>>& values) {
  std::string out = "\x80\x02}(";
  for (const auto& [name, value] : values) out += pickled(name) + value;
  return out + "u.";
}

// Of float32, float16 or bfloat16 tensors.
inline std::string state_dict_file(const std::vector<NamedTensor>& tensors) {
  std::vector<std::pair<std::string, std::string>> values, files;
  for (const NamedTensor& tensor : tensors) {
    PickledTensor out;
    out.storage = tensor.view.type == NumberType::f32   ? "torch\nFloatStorage\n"
                  : tensor.view.type == NumberType::f16 ? "torch\nHalfStorage\n"
                                                        : "torch\nBFloat16Storage\n";
    out.key = std::to_string(values.size());
    out.shape = out.strides = tensor.view.shape;
    int64_t stride = 1;
    for (size_t i = out.shape.size(); i-- > 0; stride *= out.shape[i]) out.strides[i] = stride;
    files.emplace_back("archive/data/" + out.key,
                       std::string(reinterpret_cast<const char*>(tensor.view.bytes.data()), tensor.view.bytes.size()));
    values.emplace_back(tensor.name, out.pickle());
  }
  files.insert(files.begin(), {"archive/data.pkl", pickled_dict(values)});
  return zip_file(files);
}

}  // namespace t6
