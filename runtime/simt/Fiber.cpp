// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/simt/Fiber.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace {
// Enough for the registers of a large tile; untouched pages cost nothing.
constexpr size_t stackBytes = 256 << 10;
} // namespace

// Saves what a call must preserve, exchanges stacks, and returns on the other one.
extern "C" void fx_simt_switch(void **save, void *load);
// First entry of a fiber: moves the pointer kept in a preserved register into place.
extern "C" void fx_simt_start();

#if defined(__x86_64__)
asm(R"(
.text
.type fx_simt_switch,@function
fx_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fx_simt_switch,.-fx_simt_switch
.type fx_simt_start,@function
fx_simt_start:
  movq %r12, %rdi
  callq *%r13
  ud2
.size fx_simt_start,.-fx_simt_start
)");
#elif defined(__aarch64__)
asm(R"(
.text
.type fx_simt_switch,%function
fx_simt_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size fx_simt_switch,.-fx_simt_switch
.type fx_simt_start,%function
fx_simt_start:
  mov x0, x19
  blr x20
  brk #1
.size fx_simt_start,.-fx_simt_start
)");
#else
#error "fibers need a context switch for this architecture"
#endif

namespace fluxion::rt::simt {

Fibers::~Fibers() {
  for (Fiber &fiber : fibers)
    munmap(fiber.stack, stackBytes);
}

void Fibers::enter(Fibers *self) {
  int number = self->current;
  self->body(self->data, number);
  self->fibers[number].ended = true;
  self->suspend();
}

void Fibers::reset(int count, void (*newBody)(void *, int), void *newData) {
  body = newBody, data = newData;
  while ((int)fibers.size() < count) {
    Fiber fiber;
    fiber.stack = mmap(nullptr, stackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber.stack == MAP_FAILED) {
      std::fputs("fluxion: no memory for the stacks of emulated GPU threads\n", stderr);
      std::abort();
    }
    fibers.push_back(fiber);
  }
  for (int i = 0; i < count; ++i) {
    Fiber &fiber = fibers[i];
    fiber.ended = false;
    auto *top = reinterpret_cast<uint64_t *>((char *)fiber.stack + stackBytes);
    // As fx_simt_switch leaves a stack, with the first entry as the place to return to.
#if defined(__x86_64__)
    top -= 9;            // at the first call the stack is aligned to 16 bytes
    top[0] = top[1] = 0; // r15, r14
    top[2] = reinterpret_cast<uint64_t>(&Fibers::enter); // r13
    top[3] = reinterpret_cast<uint64_t>(this);           // r12
    top[4] = top[5] = 0;                                 // rbx, rbp
    top[6] = reinterpret_cast<uint64_t>(&fx_simt_start);
#else
    top -= 20;
    for (int word = 0; word < 20; ++word)
      top[word] = 0;
    top[0] = reinterpret_cast<uint64_t>(this);           // x19
    top[1] = reinterpret_cast<uint64_t>(&Fibers::enter); // x20
    top[11] = reinterpret_cast<uint64_t>(&fx_simt_start);
#endif
    fiber.saved = top;
  }
}

bool Fibers::resume(int number) {
  current = number;
  fx_simt_switch(&resumer, fibers[number].saved);
  return fibers[number].ended;
}

void Fibers::suspend() { fx_simt_switch(&fibers[current].saved, resumer); }

} // namespace fluxion::rt::simt
