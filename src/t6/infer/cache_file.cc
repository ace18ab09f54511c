#include "t6/infer/cache_file.h"

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/formats/safetensors.h"

namespace t6 {
namespace {

constexpr char kFormat[] = "t6-cache-1";

// Tells models apart whose shapes are the same: FNV-1a over the configuration, some embeddings and the last norm.
std::string fingerprint(const Model& model) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](const void* data, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3;
    }
  };
  const ModelConfig& config = model.config();
  const std::string text = config_to_json(config).dump();
  add(text.data(), text.size());
  constexpr int64_t kRows = 16;
  std::vector<float> row(static_cast<size_t>(config.hidden_size));
  for (int64_t id = 0; id < config.vocab_size; id += 1 + config.vocab_size / kRows) {
    model.embeddings().copy_row(id, row.data());
    add(row.data(), row.size() * sizeof(float));
  }
  if (model.final_norm()) add(model.final_norm(), row.size() * sizeof(float));
  // What keys and values lack, where biases are held apart.
  for (const LayerWeights& layer : model.layers()) {
    add(layer.key_bias.features().data(), layer.key_bias.features().size_bytes());
    if (layer.value_bias) add("v", 1);
  }
  return fmt::format("{:016x}", hash);
}

void expect(const SafetensorsFile& file, const std::string& key, const std::string& wanted) {
  const auto found = file.metadata().find(key);
  const std::string value = found == file.metadata().end() ? "nothing" : "\"" + found->second + "\"";
  require(value == "\"" + wanted + "\"", "{}: the saved cache's {} is {}, wanted is \"{}\"", file.path().string(), key,
          value, wanted);
}

}  // namespace

void save_cache(const std::filesystem::path& path, const Model& model, const FactorCache& cache,
                std::span<const int32_t> tokens, const CacheNotes& notes) {
  require(static_cast<int64_t>(tokens.size()) == cache.size(), "the cache holds {} tokens, {} were given to save",
          cache.size(), tokens.size());
  const int64_t count = pages_of(cache.size()), page = cache.page_bytes();
  std::vector<std::span<const std::byte>> pages;
  for (int64_t i = 0; i < count; ++i) pages.emplace_back(cache.pages()[i], static_cast<size_t>(page));
  const std::vector<NamedTensor> tensors = {{"pages", {NumberType::u8, {count, page}, {}}, std::move(pages)},
                                            {"tokens", {NumberType::i32, {cache.size()}, std::as_bytes(tokens)}}};
  std::map<std::string, std::string> metadata = {
      {"format", kFormat}, {"cache_type", std::string(cache_type_name(cache.type()))}, {"model", fingerprint(model)}};
  for (const auto& [name, text] : notes) metadata["note." + name] = text;
  write_safetensors(path, tensors, metadata);
}

std::vector<int32_t> load_cache(const std::filesystem::path& path, const Model& model, FactorCache& cache) {
  const SafetensorsFile file(path);
  expect(file, "format", kFormat);
  expect(file, "model", fingerprint(model));
  expect(file, "cache_type", std::string(cache_type_name(cache.type())));
  const TensorView& ids = file.at("tokens");
  const int64_t size = ids.shape.size() == 1 && ids.type == NumberType::i32 ? ids.shape[0] : -1;
  require(size >= 0, "{}: tensor \"tokens\" is {} {}, wanted is one row of I32", path.string(),
          number_type_name(ids.type), format_shape(ids.shape));
  require(size <= cache.limit(), "{}: the saved cache holds {} tokens, there is room for {}", path.string(), size,
          cache.limit());
  const int64_t count = pages_of(size), page = cache.page_bytes();
  const TensorView& pages = file.at("pages", {count, page});
  require(pages.type == NumberType::u8, "{}: tensor \"pages\" is {}, wanted is U8", path.string(),
          number_type_name(pages.type));
  std::vector<int32_t> tokens(static_cast<size_t>(size));
  if (size > 0) std::memcpy(tokens.data(), ids.bytes.data(), ids.bytes.size());
  for (const int32_t id : tokens) {
    require(id >= 0 && id < model.config().vocab_size, "{}: token id {} is outside the model's vocabulary of {}",
            path.string(), id, model.config().vocab_size);
  }
  FactorCache loaded = cache.fork();
  loaded.clear();
  loaded.reserve(size);
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(loaded.page(i), pages.bytes.data() + i * page, static_cast<size_t>(page));
  }
  loaded.advance(size);
  cache = std::move(loaded);
  return tokens;
}

std::string load_cache_note(const std::filesystem::path& path, const std::string& name) {
  const SafetensorsFile file(path);
  expect(file, "format", kFormat);
  const auto found = file.metadata().find("note." + name);
  require(found != file.metadata().end(), "{}: the saved cache holds no {}", path.string(), name);
  return found->second;
}

}  // namespace t6
