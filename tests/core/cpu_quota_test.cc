#include "t6/core/cpu_quota.h"

#include <gtest/gtest.h>

#include "t6/core/file.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

TEST(CpuQuota, OfVersion2IsTheLeastOfTheGroupAndThoseAbove) {
  const TemporaryFolder root;
  EXPECT_FALSE(cpu_quota(root.path())) << "no control groups at all";
  make_folder(root / "proc/self");
  make_folder(root / "sys/fs/cgroup/a/b");
  root.write("proc/self/cgroup", "0::/a/b\n");
  EXPECT_FALSE(cpu_quota(root.path()));
  root.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_FALSE(cpu_quota(root.path()));
  root.write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpu_quota(root.path()), 1.5);
  root.write("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpu_quota(root.path()), 1.5);
  root.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cpu_quota(root.path()), 0.5);
}

TEST(CpuQuota, OfAContainerThatSeesItsOwnGroupAsTheRoot) {
  const TemporaryFolder root;
  make_folder(root / "proc/self");
  make_folder(root / "sys/fs/cgroup");
  root.write("proc/self/cgroup", "0::/../host/docker-1\n");
  root.write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_EQ(cpu_quota(root.path()), 3);
}

TEST(CpuQuota, OfVersion1) {
  const TemporaryFolder root;
  make_folder(root / "proc/self");
  root.write("proc/self/cgroup", "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\nnonsense\n");
  for (const char* mount : {"cpu", "cpu,cpuacct"}) {
    const auto group = "sys/fs/cgroup/" + std::string(mount);
    make_folder(root / group);
    root.write(group + "/cpu.cfs_period_us", "50000\n");
    root.write(group + "/cpu.cfs_quota_us", "-1\n");
    EXPECT_FALSE(cpu_quota(root.path()));
    root.write(group + "/cpu.cfs_quota_us", "100000\n");
    EXPECT_EQ(cpu_quota(root.path()), 2);
    std::filesystem::remove_all(root / group);
  }
}

}  // namespace
}  // namespace t6
