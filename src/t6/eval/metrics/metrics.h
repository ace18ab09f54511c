// The metrics of the table in answer_metrics.cc, for one right answer each where not said otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "t6/eval/answer_metrics.h"
#include "t6/eval/chinese_words.h"

namespace t6 {

// Lower case, without ASCII punctuation and the words "a", "an" and "the", words separated by one space: what SQuAD
// compares.
std::string normalized_answer(std::string_view text);

// The harmonic mean of the shares of the words on each side that the other has, too, each as often as it stands there.
double words_f1(const std::vector<std::string_view>& left, const std::vector<std::string_view>& right);

double token_f1(std::string_view written, std::string_view right);
double rouge_l(std::string_view written, std::string_view right);
double code_similarity(std::string_view written, std::string_view right);

// The same of Chinese words: F1 of those that are more than punctuation, in lower case, and ROUGE-L.
double chinese_f1(const ChineseWords& words, std::string_view written, std::string_view right);
double chinese_rouge_l(const ChineseWords& words, std::string_view written, std::string_view right);

// The share of numbers written that are the right one: `right` itself, or the number that follows `mark` in it.
double number_share(std::string_view written, std::string_view right);
double marked_number_share(std::string_view written, std::string_view right, std::string_view mark);

double classification(std::string_view written, std::string_view right, const std::vector<std::string>& classes);

// The share of the answers that are found in what was written, in any case of letters.
double share_contained(std::string_view written, const std::vector<std::string>& answers);

// "The correct answer is (B)", as LongBench v2 reads it: "B"; empty where there is none.
std::string chosen_letter(std::string_view written);

}  // namespace t6
