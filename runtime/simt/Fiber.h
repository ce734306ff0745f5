// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fibers: stacks that take turns on one host thread.
#pragma once

#include <cstddef>
#include <vector>

namespace fluxion::rt::simt {

// A pool of stacks; a fiber runs until it suspends or its body returns.
class Fibers {
public:
  Fibers() = default;
  ~Fibers();
  Fibers(const Fibers &) = delete;
  Fibers &operator=(const Fibers &) = delete;

  // Fibers [0, count) are new: each will call body(data, number).
  void reset(int count, void (*body)(void *data, int number), void *data);
  // Continues fiber `number`; returns when it suspends or ends. True: it has ended.
  bool resume(int number);
  // From inside a fiber: back to whoever resumed it.
  void suspend();

private:
  struct Fiber {
    void *stack = nullptr, *saved = nullptr;
    bool ended = true;
  };
  std::vector<Fiber> fibers;
  void *resumer = nullptr;
  int current = -1;
  void (*body)(void *, int) = nullptr;
  void *data = nullptr;

  static void enter(Fibers *self);
};

} // namespace fluxion::rt::simt
