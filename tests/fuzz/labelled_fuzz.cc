// Any bytes as a file of documents with labels: Errors or documents. The input: a byte that chooses the format, the
// file.
#include "t6/core/error.h"
#include "t6/labelled/formats/readers.h"
#include "tests/memory_file.h"

namespace {

void read(size_t choice, const std::filesystem::path& path) {
  const auto& formats = t6::labelled_formats();
  const size_t index = choice % (formats.size() + 1);
  if (index == formats.size()) {
    (void)t6::read_pgm(path);
    return;
  }
  formats[index].read(path, [](t6::LabelledDocument&& document, const std::string&) {
    if (document.texts.empty() || document.texts.size() > 2) __builtin_trap();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const t6::MemoryFile file({reinterpret_cast<const char*>(data) + 1, size - 1});
  try {
    read(data[0], file.path());
  } catch (const t6::Error&) {
  }
  return 0;
}
