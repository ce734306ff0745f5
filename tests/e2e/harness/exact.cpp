// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs every entry point under AddressSanitizer with state, arena, inputs and outputs in heap
// blocks of exactly their sizes, and with the gaps between state items poisoned. With an argument,
// a block of that kind is 64 bytes short, to see that this is found.
#include "fluxion/runtime.h"
#include "program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sanitizer/asan_interface.h>

namespace {

const char *shortened = "";

struct Block {
  Block(const char *kind, uint64_t bytes)
      : bytes(std::strcmp(kind, shortened) ? bytes
              : bytes > 64                 ? bytes - 64
                                           : 0) {
    if (posix_memalign(&data, 64, this->bytes))
      std::abort();
    std::memset(data, 0, this->bytes);
  }
  Block(const Block &) = delete;
  ~Block() { free(data); }
  void *data = nullptr;
  uint64_t bytes;
};

// Leaves the state items alone accessible.
void poisonGaps(const Block &state) {
  __asan_poison_memory_region(state.data, state.bytes);
  for (uint32_t i = 0; i < PROGRAM.num_state; ++i)
    if (const fx_tensor &item = PROGRAM.state[i]; item.offset < state.bytes)
      __asan_unpoison_memory_region(static_cast<char *>(state.data) + item.offset,
                                    std::min(item.bytes, state.bytes - item.offset));
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 1)
    shortened = argv[1];
  Block state("state", PROGRAM.state_bytes);
  poisonGaps(state);
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e) {
    const fx_entry &entry = PROGRAM.entries[e];
    Block arena("arena", entry.arena_bytes);
    std::vector<std::unique_ptr<Block>> blocks;
    std::vector<const void *> in;
    std::vector<void *> out;
    for (uint32_t i = 0; i < entry.num_inputs; ++i)
      in.push_back(blocks.emplace_back(new Block("input", entry.inputs[i].bytes))->data);
    for (uint32_t i = 0; i < entry.num_outputs; ++i)
      out.push_back(blocks.emplace_back(new Block("output", entry.outputs[i].bytes))->data);
    for (int run = 0; run < 2; ++run)
      if (entry.run(nullptr, state.data, arena.data, in.data(), out.data()) != 0)
        return 2;
    std::printf("%s: clean\n", entry.name);
  }
}
