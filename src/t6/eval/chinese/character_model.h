// A hidden Markov model of characters in words, which cuts what a list of words does not know.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "t6/formats/json_object.h"

namespace t6 {

// A character begins a word (B), ends it (E), stands in its middle (M), or is a word by itself (S). In the order of
// their names: of states that are equally likely jieba takes the last.
class CharacterModel {
 public:
  static constexpr size_t kStates = 4;

  // Logarithms of probabilities: "start" of each state, "transition" from state to state and "emission" of characters,
  // by state. What is missing of the latter two is all but impossible. Errors, with `model`'s source: missing keys,
  // names of no state, transitions that words do not have, what is no character, numbers that are no such logarithms.
  explicit CharacterModel(const JsonObject& model);

  // Appends the words of `text` (valid UTF-8) by the likeliest states.
  void cut(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  using States = std::array<double, kStates>;

  void read_transitions(const JsonObject& model);
  void read_emissions(const JsonObject& model);
  const States& emission(char32_t character) const;
  std::vector<size_t> likeliest_states(const std::vector<char32_t>& characters) const;

  States start_;
  std::array<States, kStates> transition_;
  std::unordered_map<char32_t, States> emission_;
};

}  // namespace t6
