// How well a model predicts a text by what stands before each token, as one HTML page that opens anywhere, offline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace t6 {

struct PositionPage {
  // Of tokens that were predicted from `begin` to `end` - 1 tokens before them.
  struct Part {
    int64_t begin = 0, end = 0;  // 1 <= begin < end
    int64_t tokens = 0;
    double loss = 0;  // nats per token
  };
  std::string model, text;  // what was evaluated, and on what
  double loss = 0, bits_per_byte = 0;
  int64_t tokens = 0, context = 0, stride = 0;
  std::vector<Part> parts = {};
};

// A chart and its numbers. A pure function; every text is escaped.
std::string render_position_page(const PositionPage& report);

}  // namespace t6
