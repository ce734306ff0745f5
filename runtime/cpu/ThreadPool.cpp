// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/runtime.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace fluxion::rt {
namespace {

// Long enough to bridge the gap between two kernels of a step; short, so that on a machine with
// other work a waiting thread soon makes room for the one it waits for.
constexpr int spins = 2000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void sleepWhile(std::atomic<uint32_t> &word, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT_PRIVATE, value, nullptr,
          nullptr, 0);
}
void wakeAll(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr,
          nullptr, 0);
}

// The system may wake a thread on the core of the one that waits for it, and leave it there for
// milliseconds. Asks for any other core, once; where the thread may run stays as it was.
void leaveCore(int core) {
  cpu_set_t allowed, others;
  if (core < 0 || core >= CPU_SETSIZE || sched_getcpu() != core ||
      sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return;
  others = allowed;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof allowed, &allowed);
}

thread_local bool insideTask = false;

int defaultThreads() {
  if (const char *text = std::getenv("FLUXION_THREADS"))
    if (int count = std::atoi(text); count > 0)
      return std::min(count, 1024);
  int count = (int)std::thread::hardware_concurrency();
  return count > 0 ? count : 1;
}

} // namespace

struct ThreadPool::Shared {
  int count = 1;
  std::vector<std::thread> workers;
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  // A new generation means new work; workers report by counting `pending` down.
  alignas(64) std::atomic<uint32_t> generation{0};
  alignas(64) std::atomic<uint32_t> pending{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};
  std::atomic<int> callerCore{-1};
  fx_task_fn body = nullptr;
  void *args = nullptr;

  // A thread's own tasks, taken a piece at a time: where the system gives its core to something
  // else, the others take what is left.
  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0, piece = 1;
  };
  std::unique_ptr<Range[]> ranges;

  void split(int64_t tasks) {
    constexpr int64_t pieces = 8;
    for (int thread = 0; thread < count; ++thread) {
      int64_t begin = tasks * thread / count, end = tasks * (thread + 1) / count;
      ranges[thread].next.store(begin, std::memory_order_relaxed);
      ranges[thread].end = end;
      ranges[thread].piece = std::max<int64_t>(1, (end - begin + pieces - 1) / pieces);
    }
  }

  void share(int thread) {
    insideTask = true;
    for (int owner = thread; owner < thread + count; ++owner) {
      Range &range = ranges[owner % count];
      for (int64_t begin;
           range.next.load(std::memory_order_relaxed) < range.end &&
           (begin = range.next.fetch_add(range.piece, std::memory_order_relaxed)) < range.end;)
        body(args, begin, std::min(begin + range.piece, range.end));
    }
    insideTask = false;
  }

  uint32_t awaitWork(uint32_t seen) {
    for (int spin = 0; spin < spins; ++spin) {
      if (generation.load(std::memory_order_acquire) != seen)
        return generation.load(std::memory_order_acquire);
      pause();
    }
    sleepers.fetch_add(1);
    while (generation.load() == seen)
      sleepWhile(generation, seen);
    sleepers.fetch_sub(1);
    leaveCore(callerCore.load(std::memory_order_relaxed));
    return generation.load(std::memory_order_acquire);
  }

  void work(int thread) {
    for (uint32_t seen = 0;;) {
      seen = awaitWork(seen);
      if (stop.load(std::memory_order_acquire))
        return;
      share(thread);
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1)
        wakeAll(pending);
    }
  }
};

ThreadPool::ThreadPool(int threads) : shared(std::make_unique<Shared>()) {
  int wanted = threads > 0 ? threads : defaultThreads();
  shared->ranges = std::make_unique<Shared::Range[]>(wanted);
  // Where the system gives no more threads, fewer do the same work.
  try {
    while (shared->count < wanted) {
      int thread = shared->count;
      shared->workers.emplace_back([this, thread] { shared->work(thread); });
      ++shared->count;
    }
  } catch (const std::exception &) {
  }
}

ThreadPool::~ThreadPool() {
  shared->stop.store(true);
  shared->generation.fetch_add(1);
  wakeAll(shared->generation);
  for (std::thread &worker : shared->workers)
    worker.join();
}

int ThreadPool::threads() const { return shared->count; }

void ThreadPool::parallelFor(fx_task_fn body, void *args, int64_t tasks) {
  Shared &s = *shared;
  if (s.count == 1 || tasks <= 1 || insideTask || s.busy.test_and_set(std::memory_order_acquire)) {
    if (tasks > 0)
      body(args, 0, tasks);
    return;
  }
  s.body = body, s.args = args;
  s.split(tasks);
  s.pending.store(s.count - 1, std::memory_order_relaxed);
  s.generation.fetch_add(1);
  if (s.sleepers.load() > 0) {
    s.callerCore.store(sched_getcpu(), std::memory_order_relaxed);
    wakeAll(s.generation);
  }
  s.share(0);
  for (int spin = 0; uint32_t left = s.pending.load(std::memory_order_acquire); ++spin) {
    if (spin < 4 * spins)
      pause();
    else
      sleepWhile(s.pending, left);
  }
  s.busy.clear(std::memory_order_release);
}

} // namespace fluxion::rt
