#include "t6/train/memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>

#include "t6/train/memory/first_fit.h"

namespace t6 {
namespace {

constexpr size_t kLargeBytes = 1 << 20;
// Of blocks: lines of the cache, so that tensors of one size do not all begin at the same place of a page.
constexpr size_t kAlignment = 64;

size_t physical_memory() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Large blocks by first fit in a range of addresses, so that memory that was used before is used again before any that
// was not. What is small, and all where the system grants no such range, comes from LibTorch's own allocator.
class TensorMemory : public c10::Allocator {
 public:
  TensorMemory() : size_(physical_memory()), blocks_(size_) {
    // Addresses alone: a page becomes memory when it is first written to.
    void* range = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range != MAP_FAILED) range_ = static_cast<char*>(range);
  }

  c10::DataPtr allocate(size_t bytes) override {
    void* block = nullptr;
    if (range_ && bytes >= kLargeBytes) {
      const std::lock_guard lock(mutex_);
      const auto place = blocks_.take((bytes + kAlignment - 1) / kAlignment * kAlignment);
      if (place) block = range_ + *place;
    }
    if (!block) block = c10::GetDefaultCPUAllocator()->raw_allocate(bytes);
    return {block, block, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

  static TensorMemory& instance() {
    static auto* memory = new TensorMemory;  // outlives every tensor
    return *memory;
  }

 private:
  static void release(void* block) {
    TensorMemory& memory = instance();
    const char* at = static_cast<char*>(block);
    if (!memory.range_ || at < memory.range_ || at >= memory.range_ + memory.size_) {
      return c10::GetDefaultCPUAllocator()->raw_deallocate(block);
    }
    const std::lock_guard lock(memory.mutex_);
    memory.blocks_.give_back(static_cast<size_t>(at - memory.range_));
  }

  size_t size_;
  char* range_ = nullptr;
  std::mutex mutex_;
  FirstFit blocks_;
};

}  // namespace

void share_large_blocks() {
  constexpr uint8_t kPriority = 1;  // above that of LibTorch's own
  c10::SetCPUAllocator(&TensorMemory::instance(), kPriority);
}

}  // namespace t6
