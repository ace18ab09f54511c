// A sequence's cache and its tokens as a file, to go on with later without reading the tokens again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "t6/infer/cache.h"
#include "t6/infer/model.h"

namespace t6 {

// What else a file is to keep, by name.
using CacheNotes = std::map<std::string, std::string>;

// Writes the cache's pages, and the tokens that are in it, beside, synced and renamed. Error: not as many tokens as the
// cache holds.
void save_cache(const std::filesystem::path& path, const Model& model, const FactorCache& cache,
                std::span<const int32_t> tokens, const CacheNotes& notes = {});

// Replaces what `cache` holds by the file's and returns its tokens. Errors, before anything changes: the file is
// damaged, or of another model or cache type, or holds more than the cache has room for.
std::vector<int32_t> load_cache(const std::filesystem::path& path, const Model& model, FactorCache& cache);

// The note of this name in such a file. Error: the file is damaged or has none.
std::string load_cache_note(const std::filesystem::path& path, const std::string& name);

}  // namespace t6
