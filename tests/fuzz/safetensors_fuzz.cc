// Any bytes as a safetensors file, as a model's weights and as a checkpoint of the paper's code.
#include <vector>

#include "t6/core/error.h"
#include "t6/import/import.h"
#include "t6/model/weight_file.h"
#include "tests/memory_file.h"

namespace {

void read_tensors(const std::filesystem::path& path) {
  const t6::SafetensorsFile file(path);
  for (const auto& [name, tensor] : file.tensors()) {
    std::vector<float> numbers(static_cast<size_t>(t6::element_count(tensor.shape)));
    t6::copy_as_float(tensor, name, numbers);
  }
}

template <typename Read>
void attempt(Read&& read) {
  try {
    read();
  } catch (const t6::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const t6::MemoryFile file({reinterpret_cast<const char*>(data), size});
  attempt([&] { read_tensors(file.path()); });
  attempt([&] { t6::WeightFile weights(file.path()); });
  attempt([&] { t6::import_paper(file.path()); });
  return 0;
}
