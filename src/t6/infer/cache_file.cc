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

// "pages" of the first group of layers, "pages.1" of the next.
std::string pages_name(size_t group) { return group == 0 ? "pages" : fmt::format("pages.{}", group); }

NamedTensor held_pages(const FactorCache& cache, size_t group) {
  const int64_t bytes = cache.groups()[group].bytes;
  std::vector<std::span<const std::byte>> pages;
  for (int64_t i = 0; i < pages_of(cache.size()); ++i) {
    if (const std::byte* page = cache.page_data(group, i)) pages.emplace_back(page, static_cast<size_t>(bytes));
  }
  const Shape shape = {std::ssize(pages), bytes};
  return {pages_name(group), {NumberType::u8, shape, {}}, std::move(pages)};
}

// The saved pages of a group, those that a cache of so many tokens holds.
std::span<const std::byte> saved_pages(const SafetensorsFile& file, const FactorCache& cache, size_t group,
                                       int64_t size) {
  const PageGroup& shape = cache.groups()[group];
  const std::string name = pages_name(group);
  const TensorView& pages = file.at(name, {shape.held_pages(size), shape.bytes});
  require(pages.type == NumberType::u8, "{}: tensor \"{}\" is {}, wanted is U8", file.path().string(), name,
          number_type_name(pages.type));
  return pages.bytes;
}

}  // namespace

void save_cache(const std::filesystem::path& path, const Model& model, const FactorCache& cache,
                std::span<const int32_t> tokens, const CacheNotes& notes) {
  require(static_cast<int64_t>(tokens.size()) == cache.size(), "the cache holds {} tokens, {} were given to save",
          cache.size(), tokens.size());
  std::vector<NamedTensor> tensors;
  for (size_t group = 0; group < cache.groups().size(); ++group) tensors.push_back(held_pages(cache, group));
  tensors.push_back({"tokens", {NumberType::i32, {cache.size()}, std::as_bytes(tokens)}});
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
  std::vector<std::span<const std::byte>> saved;
  for (size_t group = 0; group < cache.groups().size(); ++group) saved.push_back(saved_pages(file, cache, group, size));
  std::vector<int32_t> tokens(static_cast<size_t>(size));
  if (size > 0) std::memcpy(tokens.data(), ids.bytes.data(), ids.bytes.size());
  for (const int32_t id : tokens) {
    require(id >= 0 && id < model.config().vocab_size, "{}: token id {} is outside the model's vocabulary of {}",
            path.string(), id, model.config().vocab_size);
  }
  FactorCache loaded = cache.fork();
  loaded.fill(size);
  for (size_t group = 0; group < saved.size(); ++group) {
    const std::byte* from = saved[group].data();
    for (int64_t i = 0; i < pages_of(size); ++i) {
      if (!loaded.page_data(group, i)) continue;
      const int64_t bytes = cache.groups()[group].bytes;
      std::memcpy(loaded.page(i, group), from, static_cast<size_t>(bytes));
      from += bytes;
    }
  }
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
