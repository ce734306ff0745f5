/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The contract between a compiled program and whatever runs it. Plain C, no allocation, no
 * exceptions; usable from C, C++, Rust, or Python's ctypes. Everything a program exports is reached
 * from one constant `fx_program`; everything it needs from outside is declared at the end.
 */
#ifndef FLUXION_ABI_H
#define FLUXION_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a structure below changes; a runtime refuses a program of another version. */
#define FX_ABI_VERSION 2u

typedef enum fx_dtype {
  FX_F64 = 0,
  FX_F32 = 1,
  FX_BF16 = 2,
  FX_F16 = 3,
  FX_I64 = 4,
  FX_I32 = 5,
  FX_I16 = 6,
  FX_I8 = 7,
  FX_U8 = 8,
  FX_I1 = 9 /* one byte, 0 or 1 */
} fx_dtype;

typedef enum fx_role {
  FX_PARAM = 0,
  FX_BUFFER = 1,
  FX_SLOT = 2,
  FX_STEP = 3,
  FX_SEED = 4,
  FX_VALUE = 5
} fx_role;

/* A named dense tensor, row-major but where `layout` says otherwise. */
typedef struct fx_tensor {
  const char *name; /* dotted, as in checkpoints: "hidden.weight" */
  int32_t dtype;    /* fx_dtype */
  int32_t role;     /* fx_role; FX_VALUE for inputs and outputs */
  int32_t rank;
  const int64_t *dims; /* rank entries */
  uint64_t offset;     /* state items: bytes from the start of the state block; otherwise 0 */
  uint64_t bytes;
  const int64_t *layout; /* state items the compiler keeps in another order: stored dimension i is
                            dims[layout[i]]; else NULL */
} fx_tensor;

/* What the runtime lends a running entry point; NULL lends nothing. A program reads the first field
 * alone, the runtime may keep more behind it. */
typedef struct fx_context fx_context;
struct fx_context {
  /* NULL, or called with every floating-point result of a kernel as soon as it is computed, in
   * program order; `name` says in a user's words what it is. */
  void (*probe)(fx_context *context, const char *name, int32_t dtype, const void *data,
                int64_t count);
};

/* Runs one entry point. `state` and `arena` are aligned to 64 bytes; the arena's contents are
 * undefined before and after. Inputs and outputs are dense, in declaration order, and do not
 * overlap each other or the state. Returns 0, or 1 + the index in `checks` of the assertion that
 * failed, in which case no state item has been written and outputs are undefined. */
typedef int32_t (*fx_entry_fn)(fx_context *context, void *state, void *arena,
                               const void *const *inputs, void *const *outputs);

typedef struct fx_entry {
  const char *name; /* "init", "step", "evaluate", "predict", or a function's name */
  fx_entry_fn run;
  uint32_t num_inputs, num_outputs, num_checks, num_kernels;
  const fx_tensor *inputs, *outputs;
  const char *const *checks; /* messages of the entry's assertions */
  uint64_t arena_bytes;
} fx_entry;

typedef struct fx_program {
  uint32_t abi_version; /* FX_ABI_VERSION of the compiler */
  uint32_t num_state, num_entries, reserved;
  const char *name;   /* "vision/lenet" */
  const char *target; /* "cpu:x86-64-v4" */
  const char *hash;   /* hex digest of the program and its state layout */
  uint64_t state_bytes;
  uint64_t arena_bytes; /* largest of all entries */
  const fx_tensor *state;
  const fx_entry *entries;
} fx_program;

/* ---- What a compiled program calls ------------------------------------------------------------
 */

/* Work on tasks [begin, end); tasks are independent of each other. */
typedef void (*fx_task_fn)(void *args, int64_t begin, int64_t end);

/* Runs every task in [0, tasks) exactly once, on any number of threads, and returns when all are
 * done. Tasks are split statically; what a task computes must not depend on the split. */
void fx_parallel_for(fx_context *context, fx_task_fn body, void *args, int64_t tasks);

/* User context of the hooks (halide_malloc, halide_do_par_for, ...) that a kernel made by Halide
 * may call. */
typedef struct fx_halide_call {
  fx_context *context;
  void *scratch;        /* of the kernel, in the arena */
  uint64_t used, bytes; /* of it */
  const char *kernel;   /* its name, for messages */
} fx_halide_call;

#ifdef __cplusplus
}
#endif
#endif /* FLUXION_ABI_H */
