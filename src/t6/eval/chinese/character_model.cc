#include "t6/eval/chinese/character_model.h"

#include <algorithm>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

// jieba's, to the digit: beside it the other summands are lost, which is what makes states equally likely.
constexpr double kImpossible = -3.14e100;
constexpr std::array<double, CharacterModel::kStates> kNowhere = {kImpossible, kImpossible, kImpossible, kImpossible};

enum State : size_t { kBegin, kEnd, kMiddle, kSingle };
constexpr std::string_view kNames = "BEMS";
// The two states that may come before each, in their order.
constexpr std::array<std::array<size_t, 2>, CharacterModel::kStates> kBefore = {
    {{kEnd, kSingle}, {kBegin, kMiddle}, {kBegin, kMiddle}, {kEnd, kSingle}}};

size_t state_of(const std::string& name, const std::string& source) {
  const size_t found = name.size() == 1 ? kNames.find(name[0]) : std::string_view::npos;
  require(found != std::string_view::npos, "{}: \"{}\" is no state; there are B, E, M and S", source, name);
  return found;
}

double log_probability(const JsonObject& object, const std::string& key) { return object.number(key, kImpossible, 0); }

// Calls take(state, object) for each state that is a key of model[name].
template <typename Take>
void for_states(const JsonObject& model, const std::string& name, Take take) {
  const JsonObject states = model.object(name);
  for (const auto& [key, value] : states.json().items()) take(state_of(key, states.source()), states.object(key));
}

}  // namespace

CharacterModel::CharacterModel(const JsonObject& model) {
  const JsonObject start = model.object("start");
  for (const auto& [name, value] : start.json().items()) (void)state_of(name, start.source());
  for (size_t state = 0; state < kStates; ++state) start_[state] = log_probability(start, {kNames[state]});
  read_transitions(model);
  read_emissions(model);
}

void CharacterModel::read_transitions(const JsonObject& model) {
  transition_.fill(kNowhere);
  for_states(model, "transition", [&](size_t from, const JsonObject& row) {
    for (const auto& [name, value] : row.json().items()) {
      const size_t to = state_of(name, row.source());
      require(std::ranges::count(kBefore[to], from) > 0, "{}: {} does not come after {} in any word", row.source(),
              kNames[to], kNames[from]);
      transition_[from][to] = log_probability(row, name);
    }
  });
}

void CharacterModel::read_emissions(const JsonObject& model) {
  for_states(model, "emission", [&](size_t state, const JsonObject& row) {
    for (const auto& [character, value] : row.json().items()) {
      const bool is_one = !character.empty() && utf8_step(character, 0).length == character.size();
      require(is_one, "{}: \"{}\" is not one character", row.source(), character);
      emission_.try_emplace(decode_utf8(character), kNowhere).first->second[state] = log_probability(row, character);
    }
  });
}

const CharacterModel::States& CharacterModel::emission(char32_t character) const {
  const auto found = emission_.find(character);
  return found == emission_.end() ? kNowhere : found->second;
}

// Viterbi's algorithm; sums are in jieba's order.
std::vector<size_t> CharacterModel::likeliest_states(const std::vector<char32_t>& characters) const {
  std::vector<std::array<size_t, kStates>> before(characters.size());
  States row = emission(characters[0]);
  for (size_t state = 0; state < kStates; ++state) row[state] += start_[state];
  for (size_t i = 1; i < characters.size(); ++i) {
    const States above = row;
    const States& emitted = emission(characters[i]);
    for (size_t to = 0; to < kStates; ++to) {
      const auto sum = [&](size_t from) { return above[from] + transition_[from][to] + emitted[to]; };
      const auto [first, last] = kBefore[to];
      before[i][to] = sum(last) >= sum(first) ? last : first;
      row[to] = sum(before[i][to]);
    }
  }
  std::vector<size_t> states(characters.size());
  states.back() = row[kSingle] >= row[kEnd] ? kSingle : kEnd;
  for (size_t i = states.size() - 1; i > 0; --i) states[i - 1] = before[i][states[i]];
  return states;
}

void CharacterModel::cut(std::string_view text, std::vector<std::string_view>& words) const {
  if (text.empty()) return;
  std::vector<char32_t> characters;
  std::vector<size_t> ends;
  for (size_t at = 0; at < text.size(); ends.push_back(at)) {
    characters.push_back(decode_utf8(text.substr(at)));
    at += utf8_step(text, at).length;
  }
  const std::vector<size_t> states = likeliest_states(characters);
  size_t begin = 0;
  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i] != kEnd && states[i] != kSingle) continue;
    words.push_back(text.substr(begin, ends[i] - begin));
    begin = ends[i];
  }
}

}  // namespace t6
