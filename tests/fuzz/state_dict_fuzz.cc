// Any bytes as a file of torch.save: an Error, or tensors whose bytes can be read.
#include <numeric>

#include "t6/core/error.h"
#include "t6/formats/state_dict.h"
#include "tests/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const t6::MemoryFile file({reinterpret_cast<const char*>(data), size});
  try {
    const t6::StateDictFile tensors(file.path());
    for (const auto& [name, tensor] : tensors.tensors()) {
      [[maybe_unused]] volatile int sum = std::accumulate(
          tensor.bytes.begin(), tensor.bytes.end(), 0, [](int so_far, std::byte byte) { return so_far ^ int(byte); });
    }
  } catch (const t6::Error&) {
  }
  return 0;
}
