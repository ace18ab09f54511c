// The logits of a model as raw float32, for scripts that compare them with other programs'.
//
//   t6_logits MODEL [float32] <ids >logits
//
// Reads token ids in decimal and writes [T, V] numbers. float32: weights become floats first, so that nothing but the
// order of sums differs from a float32 reference.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "t6/import/import.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"
#include "t6/kernels/quantize.h"
#include "t6/numbers/dequantize.h"

namespace t6 {
namespace {

std::shared_ptr<const Model> float32_model(Context& context, const std::filesystem::path& path) {
  const ImportedModel imported = import_model(context, find_model(path));
  std::map<std::string, std::vector<float>> floats;
  for (const auto& [name, tensor] : imported.tensors) floats[name] = dequantize(tensor);
  return std::make_shared<const Model>(context, imported.config,
                                       Weights(imported.config, std::move(floats), path.string()));
}

void run(const std::string& path, bool float32) {
  Context context;
  const auto model = float32 ? float32_model(context, path) : load_model(context, path).model;
  const std::vector<int32_t> ids(std::istream_iterator<int32_t>(std::cin), {});
  ForwardPass pass(context, model);
  FactorCache cache(model->config());
  const auto logits = pass.run(ids, cache, Logits::all);
  std::fwrite(logits.data(), sizeof(float), logits.size(), stdout);
}

}  // namespace
}  // namespace t6

int main(int argc, char** argv) {
  try {
    t6::run(argc > 1 ? argv[1] : "", argc > 2 && std::string(argv[2]) == "float32");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "t6_logits: %s\n", error.what());
    return 1;
  }
}
