#include "t6/core/error.h"
#include "t6/labelled/formats/readers.h"

namespace t6 {
namespace {

std::string listops_symbols(std::string_view source) {
  std::string symbols;
  for (size_t begin = 0; begin < source.size();) {
    const size_t end = std::min(source.find(' ', begin), source.size());
    const std::string_view symbol = source.substr(begin, end - begin);
    begin = end + 1;
    if (symbol.empty() || symbol == "(" || symbol == ")") continue;
    if (!symbols.empty()) symbols += ' ';
    symbols += symbol == "]" ? "X" : symbol;
  }
  return symbols;
}

// "1.0" is what the arena's own file has.
std::string whole_label(std::string label, const std::string& place) {
  if (label.ends_with(".0")) label.resize(label.size() - 2);
  require(label == "0" || label == "1", "{}: the label is \"{}\", wanted is 0 or 1", place, label);
  return label;
}

}  // namespace

void read_labelled_listops(const std::filesystem::path& path, const TakeLabelled& take) {
  each_line(path, [&](std::string&& line, const std::string& place) {
    std::vector<std::string> parts = between_tabs(line);
    require(parts.size() == 2, "{}: wanted are an expression and its value with a tab between them, found {} parts",
            place, parts.size());
    if (parts[0] == "Source" && parts[1] == "Target") return;
    const bool digit = parts[1].size() == 1 && parts[1][0] >= '0' && parts[1][0] <= '9';
    require(digit, "{}: the value is \"{}\", wanted is a digit", place, parts[1]);
    take({{listops_symbols(parts[0])}, parts[1], {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}}, place);
  });
}

void read_labelled_retrieval(const std::filesystem::path& path, const TakeLabelled& take) {
  each_line(path, [&](std::string&& line, const std::string& place) {
    std::vector<std::string> parts = between_tabs(line);
    require(parts.size() == 5, "{}: wanted are a label, two ids and two texts with tabs between them, found {} parts",
            place, parts.size());
    take({{std::move(parts[3]), std::move(parts[4])}, whole_label(parts[0], place), {"0", "1"}}, place);
  });
}

}  // namespace t6
