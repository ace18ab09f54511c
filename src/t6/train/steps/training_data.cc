#include "t6/train/steps/training_data.h"

namespace t6 {

std::unique_ptr<TrainingData> open_training_data(RunConfig& config) {
  return config.is_task() ? open_labelled(config) : open_shards(config);
}

}  // namespace t6
