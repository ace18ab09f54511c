#include "t6/tasks/make/haystack.h"

#include <algorithm>
#include <array>

namespace t6 {
namespace {

constexpr std::array<std::string_view, 5> kNoise = {"The grass is green.", "The sky is blue.", "The sun is yellow.",
                                                    "Here we go.", "There and back again."};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = text.find_first_not_of(kWhiteSpace); at < text.size();
       at = text.find_first_not_of(kWhiteSpace, at)) {
    const size_t end = std::min(text.find_first_of(kWhiteSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace

std::vector<std::string> noise_lines(int64_t sentences) {
  std::vector<std::string> lines;
  for (int64_t i = 0; i < sentences; ++i) {
    const auto place = static_cast<size_t>(i) % kNoise.size();
    if (place == 0) {
      lines.emplace_back(kNoise[0]);
    } else {
      lines.back().append(" ").append(kNoise[place]);
    }
  }
  return lines;
}

std::vector<std::string> text_sentences(std::string_view text, int64_t words) {
  const std::string noise = noise_lines(kNoise.size())[0];
  std::vector<std::string_view> source = words_of(text);
  if (source.empty()) source = words_of(noise);
  std::vector<std::string> sentences;
  bool begins = true;
  for (int64_t i = 0; i < words; ++i) {
    const std::string_view word = source[static_cast<size_t>(i) % source.size()];
    if (begins) {
      sentences.emplace_back(word);
    } else {
      sentences.back().append(" ").append(word);
    }
    begins = word.ends_with('.') || word.ends_with('!') || word.ends_with('?');
  }
  return sentences;
}

void hide(std::vector<std::string>& pieces, const std::vector<std::string>& needles, std::optional<int64_t> depth,
          Random& random) {
  const uint64_t count = pieces.size();
  std::vector<uint64_t> places;
  for (size_t i = 0; i < needles.size(); ++i) places.push_back(random.below(count + 1));
  if (depth) places.assign(1, (count * static_cast<uint64_t>(*depth) + 50) / 100);
  std::sort(places.begin(), places.end());
  std::vector<std::string> all;
  all.reserve(pieces.size() + needles.size());
  for (size_t i = 0, next = 0; i <= pieces.size(); ++i) {
    for (; next < places.size() && places[next] == i; ++next) all.push_back(needles[next]);
    if (i < pieces.size()) all.push_back(std::move(pieces[i]));
  }
  pieces = std::move(all);
}

}  // namespace t6
