// What a folder of token shards says about its tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace t6 {

// What a data folder says about its tokens, where it says so: 't6 prepare' writes data.json and tokenizer.json, others'
// shards come alone.
struct DataFacts {
  std::optional<int64_t> vocab_size;
  std::optional<double> bytes_per_token;  // of the validation split
  std::filesystem::path tokenizer;        // empty: none
};
DataFacts read_data_facts(const std::filesystem::path& path);

}  // namespace t6
