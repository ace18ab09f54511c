#include "t6/eval/tasks/shots.h"

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr uint32_t kSeed = 1234;  // the harness's own

void require_enough(size_t found, size_t wanted, const std::string& source) {
  require(found >= wanted, "{}: {} shots are wanted, and there are {} documents to take them from", source, wanted,
          found);
}

}  // namespace

Shots::Shots(const std::vector<TaskLine>& pool, ShotChoice choice, int64_t count)
    : pool_(pool), choice_(choice), count_(static_cast<size_t>(count)), random_(kSeed) {}

std::string Shots::before(const TaskLine& line, const std::string& source) {
  std::string text = line.description;
  if (count_ == 0) return text;
  for (const size_t index : choose(line, source)) text += pool_[index].shot;
  return text;
}

std::vector<size_t> Shots::choose(const TaskLine& line, const std::string& source) {
  if (choice_ == ShotChoice::without_itself) return draw_without(line.key, source);
  if (choice_ == ShotChoice::drawn) {
    require_enough(pool_.size(), count_, source);
    return random_.sample(pool_.size(), count_);
  }
  std::vector<size_t> chosen;
  for (size_t i = 0; i < pool_.size() && chosen.size() < count_; ++i) {
    if (pool_[i].group == line.group) chosen.push_back(i);
  }
  require_enough(chosen.size(), count_, source);
  return chosen;
}

// Documents that are equal to this one may take more than the one place that was drawn for it; then all are drawn anew
// from those that are not.
std::vector<size_t> Shots::draw_without(const std::string& key, const std::string& source) {
  require_enough(pool_.size() - 1, count_, source);
  std::vector<size_t> chosen = random_.sample(pool_.size(), count_ + 1);
  std::erase_if(chosen, [&](size_t i) { return pool_[i].key == key; });
  if (chosen.size() >= count_) {
    chosen.resize(count_);
    return chosen;
  }
  std::vector<size_t> others;
  for (size_t i = 0; i < pool_.size(); ++i) {
    if (pool_[i].key != key) others.push_back(i);
  }
  require_enough(others.size(), count_, source);
  chosen = random_.sample(others.size(), count_);
  for (size_t& each : chosen) each = others[each];
  return chosen;
}

}  // namespace t6
