#include "t6/eval/byte_model.h"

#include <algorithm>
#include <cmath>

#include "t6/core/error.h"

namespace t6 {
namespace {

void check_symbols(std::span<const int32_t> symbols) {
  for (const int32_t symbol : symbols) {
    require(symbol >= 0 && symbol < ByteModel::kSymbols,
            "token id {} is no byte: the byte model reads ids 0 to {}, where 256 is end-of-text", symbol,
            ByteModel::kSymbols - 1);
  }
}

uint32_t context_key(std::span<const int32_t> before) {
  uint32_t key = 0;  // at most 257^3
  for (const int32_t symbol : before) key = key * ByteModel::kSymbols + static_cast<uint32_t>(symbol);
  return key;
}

}  // namespace

std::vector<int32_t> byte_symbols(const Tokenizer& tokenizer, std::span<const int32_t> tokens) {
  std::vector<int32_t> symbols;
  for (const int32_t id : tokens) {
    if (id == tokenizer.end_of_text()) {
      symbols.push_back(ByteModel::kSymbols - 1);
      continue;
    }
    for (const char byte : tokenizer.decode_bytes({&id, 1}, /*skip_special=*/true)) {
      symbols.push_back(static_cast<unsigned char>(byte));
    }
  }
  return symbols;
}

int64_t ByteModel::Followers::count(int32_t symbol) const {
  const auto found =
      std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == symbol; });
  return found == counts.end() ? 0 : found->second;
}

void ByteModel::train(std::span<const int32_t> symbols) {
  check_symbols(symbols);
  for (size_t i = 0; i < symbols.size(); ++i) {
    for (size_t order = 0; order <= std::min(i, kOrder); ++order) {
      Followers& followers = orders_[order][context_key(symbols.subspan(i - order, order))];
      ++followers.total;
      auto& counts = followers.counts;
      const auto found =
          std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == symbols[i]; });
      if (found == counts.end()) {
        counts.emplace_back(symbols[i], 1);
      } else {
        ++found->second;
      }
    }
  }
}

double ByteModel::probability(std::span<const int32_t> before, int32_t symbol) const {
  double p = 1.0 / kSymbols;
  for (size_t order = 0; order <= before.size(); ++order) {
    const auto found = orders_[order].find(context_key(before.last(order)));
    if (found == orders_[order].end()) break;  // longer contexts were not seen either
    const Followers& followers = found->second;
    const auto different = static_cast<double>(followers.counts.size());
    p = (static_cast<double>(followers.count(symbol)) + different * p) /
        (static_cast<double>(followers.total) + different);
  }
  return p;
}

double ByteModel::bits(std::span<const int32_t> symbols) const {
  check_symbols(symbols);
  double bits = 0;
  for (size_t i = 1; i < symbols.size(); ++i) {
    const size_t order = std::min(i, kOrder);
    bits -= std::log2(probability(symbols.subspan(i - order, order), symbols[i]));
  }
  return bits;
}

}  // namespace t6
