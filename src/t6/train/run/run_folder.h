// The checkpoints of a run's folder as files: a kill at any moment, even a power cut, leaves either a whole checkpoint
// or none, and the older ones as they were.
//
//   RUN/checkpoints/step-00000100/   config.json, model.safetensors, trainer.safetensors, trainer.json
//   RUN/checkpoints/*.partial        being written or removed; ignored, and cleared away at the next start
//   RUN/model                        a relative link to the newest checkpoint
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace t6 {

// One process trains in a folder: held while this lives, and gone with the process, however it ends.
class RunLock {
 public:
  // Makes the folder. Error: another process holds it.
  explicit RunLock(const std::filesystem::path& run);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

// Whether a run was begun in this folder.
bool holds_run(const std::filesystem::path& run);

// Removes all that a run and its report leave in their folder, and nothing else.
void remove_run(const std::filesystem::path& run);

struct CheckpointEntry {
  int64_t step = 0;
  std::filesystem::path path;
};

std::filesystem::path checkpoint_path(const std::filesystem::path& run, int64_t step);

// The complete checkpoints, oldest first. One that lacks a file is passed over.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& run);

// Removes what a killed process left half done, and points RUN/model at the newest checkpoint.
void recover_run_folder(const std::filesystem::path& run);

// `fill` writes the files of a new checkpoint, synced, into the folder that it is given. Then the folder gets its name,
// RUN/model points at it, and of all checkpoints the newest `keep` stay (0: all). If `fill` throws, for example because
// the disk is full, nothing of the new checkpoint stays.
void commit_checkpoint(const std::filesystem::path& run, int64_t step, int64_t keep,
                       const std::function<void(const std::filesystem::path& folder)>& fill);

}  // namespace t6
