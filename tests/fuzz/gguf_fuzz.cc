// Any bytes as a GGUF file: an Error or a model, and nothing else.
#include "t6/core/error.h"
#include "t6/formats/gguf.h"
#include "t6/infer/load.h"
#include "t6/numbers/dequantize.h"
#include "tests/context.h"
#include "tests/memory_file.h"

namespace {

// Models that a fuzzer makes are small; a large one would only measure the machine.
constexpr int64_t kMostNumbers = 1 << 20;

void read(const std::filesystem::path& path) {
  const t6::GgufFile file(path);
  for (const auto& [name, tensor] : file.tensors()) {
    if (t6::element_count(tensor.shape) > kMostNumbers) return;
    t6::dequantize(tensor);
  }
  t6::load_model(t6::test_context(), path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const t6::MemoryFile file({reinterpret_cast<const char*>(data), size});
  try {
    read(file.path());
  } catch (const t6::Error&) {
  }
  return 0;
}
