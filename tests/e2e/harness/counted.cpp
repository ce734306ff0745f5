// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counts what compiled steps ask of the heap and of the system. Sleeping and waking are allowed;
// any other system call is trapped, counted and not carried out. With an argument every step is
// followed by one allocation and one system call, to see that they are counted.
#include "fluxion/runtime.h"
#include "program.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
std::atomic<bool> counting{false};
std::atomic<long> allocations{0}, calls{0}, lastCall{0};
constexpr int reportFile = 100; // where the result may be written

void onTrap(int, siginfo_t *info, void *) {
  calls.fetch_add(1);
  lastCall.store(info->si_syscall);
}

// The filter of every thread: waking, sleeping, choosing a core to wake on, and the report.
bool trapOtherCalls() {
  struct sigaction action = {};
  action.sa_sigaction = onTrap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  const unsigned number = offsetof(seccomp_data, nr), first = offsetof(seccomp_data, args);
#define ALLOW(call)                                                                                \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      ALLOW(SYS_futex),
      ALLOW(SYS_sched_getaffinity),
      ALLOW(SYS_sched_setaffinity),
      ALLOW(SYS_rt_sigreturn),
      ALLOW(SYS_exit_group),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, reportFile, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  sock_fprog program = {sizeof code / sizeof *code, code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}
} // namespace

extern "C" void *__libc_malloc(size_t);
extern "C" void *malloc(size_t bytes) {
  if (counting.load(std::memory_order_relaxed))
    allocations.fetch_add(1);
  return __libc_malloc(bytes);
}

int main(int argc, char **argv) {
  using namespace fluxion::rt;
  bool plant = argc > 2;
  std::unique_ptr<Instance> instance;
  auto pool = std::make_shared<ThreadPool>(argc > 1 ? std::atoi(argv[1]) : 2);
  if (Status status = Instance::create(&PROGRAM, pool, instance); !status)
    return 2;
  const fx_entry &step = *instance->entry("step");
  std::vector<float> features(step.inputs[0].bytes / 4, 0.5f);
  std::vector<int32_t> labels(step.inputs[1].bytes / 4, 3);
  std::array<float, 8> results{};
  std::array<void *, 8> out;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = &results[i];
  const void *in[] = {features.data(), labels.data()};
  std::span<void *const> outputs(out.data(), step.num_outputs);
  if (!instance->initialise(1) || !instance->run(step, in, outputs))
    return 3;
  if (dup2(STDOUT_FILENO, reportFile) < 0 || !trapOtherCalls()) {
    std::puts("no seccomp here");
    return 77;
  }
  counting = true;
  bool good = true;
  void *volatile kept = nullptr;
  for (int i = 0; i < 200; ++i) {
    good &= bool(instance->run(step, in, outputs));
    if (plant) {
      kept = malloc(16);
      free(kept);
      syscall(SYS_getppid);
    }
  }
  counting = false;
  char text[160];
  int length = std::snprintf(text, sizeof text, "allocations %ld, system calls %ld, the last %ld\n",
                             allocations.load(), calls.load(), lastCall.load());
  if (write(reportFile, text, length) != length)
    good = false;
  _exit(good ? 0 : 4);
}
