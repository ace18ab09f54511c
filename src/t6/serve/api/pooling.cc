#include "t6/serve/api/pooling.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace t6 {

void PooledStates::add(std::span<const float> rows) {
  for (size_t row = 0; row < rows.size(); row += sum_.size()) {
    for (size_t i = 0; i < sum_.size(); ++i) {
      sum_[i] = (pooling_ == Pooling::mean ? sum_[i] : 0) + static_cast<double>(rows[row + i]);
    }
  }
}

// The mean has the direction of the sum.
std::vector<float> PooledStates::vector() const {
  double squares = 0;
  for (const double x : sum_) squares += x * x;
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> vector;
  for (const double x : sum_) vector.push_back(static_cast<float>(x * scale));
  return vector;
}

std::string base64(std::span<const float> numbers) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  for (const float x : numbers) {
    const auto bits = std::bit_cast<uint32_t>(x);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xff);
  }
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t at) { return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u; };
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (const int shift : {18, 12, 6, 0}) text += kDigits[group >> shift & 63];
    for (size_t missing = bytes.size() - i; missing < 3; ++missing) text[text.size() - 3 + missing] = '=';
  }
  return text;
}

}  // namespace t6
