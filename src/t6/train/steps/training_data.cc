#include "t6/train/steps/training_data.h"

#include <utility>

#include "t6/core/error.h"

namespace t6 {

std::unique_ptr<TrainingData> open_training_data(RunConfig& config, std::shared_ptr<Ranks> ranks) {
  const int64_t batch = config.train.batch_size, size = ranks->size();
  require(
      batch % size == 0,
      "train: \"batch_size\" is {}; it has to be a multiple of the {} processes that its sequences are divided over",
      batch, size);
  return config.is_task() ? open_labelled(config, std::move(ranks)) : open_shards(config, std::move(ranks));
}

}  // namespace t6
