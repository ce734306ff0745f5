/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Plain C that runs a compiled function: no compiler, no C++ in sight. */
#include "filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const fx_program *program = &fx_filter_program;
  if (program->abi_version != FX_ABI_VERSION)
    return 2;
  const fx_entry *entry = &program->entries[FX_FILTER_MAIN];
  void *arena = aligned_alloc(64, (entry->arena_bytes + 63) / 64 * 64 + 64);

  float signal[256], smooth[254], level = 0, largest = 0;
  double squares = 0;
  for (int i = 0; i < 256; ++i)
    signal[i] = sinf(0.1f * (float)i) + (i % 2 ? 0.25f : -0.25f);
  const void *inputs[] = {signal};
  void *outputs[] = {smooth, &level};
  int32_t failed = entry->run(NULL, NULL, arena, inputs, outputs);
  free(arena);
  if (failed)
    return 3;

  for (int i = 0; i < 254; ++i) {
    float expected = (signal[i] + signal[i + 1] + signal[i + 2]) / 3;
    largest = fmaxf(largest, fabsf(smooth[i] - expected));
    squares += (double)expected * expected;
  }
  printf("%s for %s: level %.5f, largest difference %.1e\n", program->name, program->target, level,
         largest);
  return largest < 1e-6f && fabs(level - sqrt(squares / 254)) < 1e-6 ? 0 : 1;
}
