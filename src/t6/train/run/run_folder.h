// The checkpoints of a run's folder as files: a kill at any moment, even a power cut, leaves either a whole checkpoint
// or none, and the older ones as they were.
//
//   RUN/checkpoints/step-00000100/   config.json, model.safetensors, trainer.safetensors, trainer.json
//   RUN/checkpoints/*.partial        being written or removed; ignored, and cleared away at the next start
//   RUN/checkpoints/*.damaged        could not be read at a resumption; kept for whoever wants to look
//   RUN/model                        a relative link to the newest checkpoint
//   RUN/best                         the same to the one with the lowest validation loss, when that is known
//
// What a run did not write stays: a folder is a run's only by its run.json, and of a run's folder only files with the
// names above are ever removed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
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

// Whether a run was begun in this folder: it has a run.json that is one of ours.
bool holds_run(const std::filesystem::path& run);

// Error: the folder holds something that is not of a run, under a name that a run would write to. Without a run.json of
// ours that is anything of such a name; with one, what a run cannot have left: a folder `model`, another report.html.
void require_no_foreign_files(const std::filesystem::path& run);

// Removes all that the run of run.json and its report left in their folder, and nothing else. Errors: no run, and those
// of require_no_foreign_files.
void remove_run(const std::filesystem::path& run);

struct CheckpointEntry {
  int64_t step = 0;
  std::filesystem::path path;
};

std::filesystem::path checkpoint_path(const std::filesystem::path& run, int64_t step);

enum class Completeness { complete, any };

// The checkpoints, oldest first. One that lacks a file is passed over, unless `any` is wanted.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& run,
                                              Completeness wanted = Completeness::complete);

// Error: the checkpoint lacks a file.
void require_complete(const std::filesystem::path& checkpoint);

// Removes what a killed process left half done.
void recover_run_folder(const std::filesystem::path& run);

// Points RUN/model at the newest checkpoint, and RUN/best at that of `best`, or nowhere when that is not there.
void link_checkpoints(const std::filesystem::path& run, std::optional<int64_t> best);

// Renames a checkpoint that cannot be read to NAME.damaged, or NAME.damaged-2, ...; returns the new name.
std::filesystem::path set_aside(const std::filesystem::path& checkpoint);

// Which checkpoints stay when another is made.
struct KeptCheckpoints {
  int64_t newest = 0;                // so many; 0: all
  std::optional<int64_t> best = {};  // and that of this step
};

// `fill` writes the files of a new checkpoint, synced, into the folder that it is given. Then the folder gets its name,
// the links are set, and checkpoints that need not be kept are removed. If `fill` throws, for example because the disk
// is full, nothing of the new checkpoint stays.
void commit_checkpoint(const std::filesystem::path& run, int64_t step, const KeptCheckpoints& kept,
                       const std::function<void(const std::filesystem::path& folder)>& fill);

}  // namespace t6
