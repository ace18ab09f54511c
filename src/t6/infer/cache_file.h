// A sequence's cache and its tokens as a file, to go on with later without reading the tokens again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "t6/infer/cache.h"
#include "t6/infer/model.h"

namespace t6 {

// Writes the cache's pages, and the tokens that are in it, beside, synced and renamed. Error: not as many tokens as the
// cache holds.
void save_cache(const std::filesystem::path& path, const Model& model, const FactorCache& cache,
                std::span<const int32_t> tokens);

// Replaces what `cache` holds by the file's and returns its tokens. Errors, before anything changes: the file is
// damaged, or of another model or cache type, or holds more than the cache has room for.
std::vector<int32_t> load_cache(const std::filesystem::path& path, const Model& model, FactorCache& cache);

}  // namespace t6
