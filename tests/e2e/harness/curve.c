/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Plain C that trains: steps of a compiled object on batches from a file, in this thread alone;
 * prints the losses as the trainer does. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PROGRAM
#error "-DPROGRAM=the descriptor of program.h"
#endif

static const fx_entry *find(const char *name) {
  for (uint32_t e = 0; e < PROGRAM.num_entries; ++e)
    if (!strcmp(PROGRAM.entries[e].name, name))
      return &PROGRAM.entries[e];
  exit(3);
}

static void *block(uint64_t bytes) { return aligned_alloc(64, (bytes + 64) / 64 * 64); }

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!file || PROGRAM.abi_version != FX_ABI_VERSION)
    return 2;
  const fx_entry *init = find("init"), *step = find("step");
  void *state = block(PROGRAM.state_bytes), *arena = block(PROGRAM.arena_bytes);
  void *features = block(step->inputs[0].bytes), *labels = block(step->inputs[1].bytes);
  float results[8] = {0};
  void *outputs[8];
  for (int i = 0; i < 8; ++i)
    outputs[i] = &results[i];
  int64_t seed = 1;
  const void *seeds[] = {&seed}, *inputs[] = {features, labels};
  if (init->run(NULL, state, arena, seeds, NULL))
    return 4;
  while (fread(features, step->inputs[0].bytes, 1, file) == 1 &&
         fread(labels, step->inputs[1].bytes, 1, file) == 1) {
    if (step->run(NULL, state, arena, inputs, outputs))
      return 5;
    printf("%.9g\n", results[0]);
  }
  fclose(file);
  free(labels), free(features), free(arena), free(state);
  return 0;
}
