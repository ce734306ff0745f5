// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/runtime.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <thread>

using fluxion::rt::ThreadPool;

namespace {

struct Counts {
  std::vector<std::atomic<int>> hits;
  ThreadPool *pool = nullptr;
};

void hit(void *args, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; ++task)
    static_cast<Counts *>(args)->hits[task].fetch_add(1);
}

void expectOnce(ThreadPool &pool, int64_t tasks) {
  Counts counts{std::vector<std::atomic<int>>(tasks)};
  pool.parallelFor(hit, &counts, tasks);
  for (int64_t task = 0; task < tasks; ++task)
    EXPECT_EQ(counts.hits[task].load(), 1) << "task " << task << " of " << tasks;
}

} // namespace

TEST(ThreadPool, everyTaskRunsOnce) {
  for (int threads : {1, 2, 3, 4, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int64_t tasks : {0, 1, 2, 3, 6, 7, 8, 1000})
      expectOnce(pool, tasks);
  }
}

TEST(ThreadPool, manyCallsInARowAndAfterSleep) {
  ThreadPool pool(3);
  for (int call = 0; call < 3000; ++call) {
    expectOnce(pool, 5);
    if (call % 1000 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// Tasks of a thread that is held up are done by the others.
TEST(ThreadPool, whoIsDoneTakesWhatIsLeft) {
  struct Work {
    std::thread::id caller = std::this_thread::get_id();
    std::atomic<int64_t> done{0};
    int64_t piece = 0, doneByOthers = 0;
  } work;
  constexpr int64_t tasks = 64;
  ThreadPool pool(2);
  pool.parallelFor(
      [](void *args, int64_t begin, int64_t end) {
        auto *work = static_cast<Work *>(args);
        if (std::this_thread::get_id() == work->caller && work->piece == 0) {
          work->piece = end - begin;
          for (int wait = 0; wait < 5000 && work->done.load() < tasks - work->piece; ++wait)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          work->doneByOthers = work->done.load();
        }
        work->done.fetch_add(end - begin);
      },
      &work, tasks);
  EXPECT_EQ(work.done.load(), tasks);
  EXPECT_LT(work.piece, tasks / 2);
  EXPECT_EQ(work.doneByOthers, tasks - work.piece);
}

TEST(ThreadPool, nestedCallsRunInline) {
  ThreadPool pool(3);
  Counts counts{std::vector<std::atomic<int>>(12), &pool};
  pool.parallelFor(
      [](void *args, int64_t begin, int64_t end) {
        auto *outer = static_cast<Counts *>(args);
        for (int64_t task = begin; task < end; ++task)
          outer->pool->parallelFor(hit, outer, 12);
      },
      &counts, 6);
  for (auto &hits : counts.hits)
    EXPECT_EQ(hits.load(), 6);
}

TEST(ThreadPool, callsFromSeveralThreads) {
  ThreadPool pool(2);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&] {
      for (int call = 0; call < 500; ++call)
        expectOnce(pool, 9);
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST(ThreadPool, environmentGivesTheCount) {
  setenv("FLUXION_THREADS", "3", 1);
  EXPECT_EQ(ThreadPool().threads(), 3);
  EXPECT_EQ(ThreadPool(2).threads(), 2);
  setenv("FLUXION_THREADS", "many", 1);
  EXPECT_GE(ThreadPool().threads(), 1);
  unsetenv("FLUXION_THREADS");
}
