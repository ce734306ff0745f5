/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * entry NAME IN OUT: runs an entry point of a compiled object once, its inputs from a file, its
 * results to another, one after the other in both. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PROGRAM
#error "-DPROGRAM=the descriptor of program.h"
#endif

static void *block(uint64_t bytes) { return aligned_alloc(64, (bytes + 64) / 64 * 64); }

int main(int argc, char **argv) {
  FILE *in = argc == 4 ? fopen(argv[2], "rb") : NULL,
       *out = argc == 4 ? fopen(argv[3], "wb") : NULL;
  if (!in || !out || PROGRAM.abi_version != FX_ABI_VERSION)
    return 2;
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e) {
    const fx_entry *entry = &PROGRAM.entries[e];
    if (strcmp(entry->name, argv[1]))
      continue;
    const void *inputs[8];
    void *outputs[8];
    for (uint32_t i = 0; i < entry->num_inputs; ++i) {
      void *data = block(entry->inputs[i].bytes);
      if (fread(data, entry->inputs[i].bytes, 1, in) != 1)
        return 3;
      inputs[i] = data;
    }
    for (uint32_t i = 0; i < entry->num_outputs; ++i)
      outputs[i] = block(entry->outputs[i].bytes);
    if (entry->run(NULL, block(PROGRAM.state_bytes), block(PROGRAM.arena_bytes), inputs, outputs))
      return 4;
    for (uint32_t i = 0; i < entry->num_outputs; ++i)
      if (fwrite(outputs[i], entry->outputs[i].bytes, 1, out) != 1)
        return 5;
    return fclose(out);
  }
  return 6;
}
