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
#define FX_ABI_VERSION 6u

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

/* ---- Programs for a GPU: an entry point is a table of launches, not a function ----------------
 */

typedef enum fx_space {
  FX_SPACE_STATE = 0,
  FX_SPACE_ARENA = 1,
  FX_SPACE_INPUT = 2, /* slot: which of the entry point */
  FX_SPACE_OUTPUT = 3,
  FX_SPACE_CONSTANT = 4,
  FX_SPACE_NONE = 5 /* the null address */
} fx_space;

typedef struct fx_place {
  uint32_t space; /* fx_space */
  uint32_t slot;
  uint64_t offset; /* bytes */
} fx_place;

/* A CUtensorMap to be encoded once addresses are known: a dense tensor, innermost dimension first.
 */
typedef struct fx_tensor_map {
  fx_place base;
  uint32_t data_type;           /* CUtensorMapDataType */
  uint32_t rank;                /* at most 5 */
  uint64_t dims[5], strides[4]; /* elements; bytes of all dimensions but the innermost */
  uint32_t box[5];              /* elements that are copied */
  uint32_t steps[5];            /* from one of them to the next */
  uint32_t swizzle;             /* CUtensorMapSwizzle */
} fx_tensor_map;

enum {
  FX_LAUNCH_DEPENDENT = 1u /* may start before those it is after, and waits for them itself */
};

/* A product, by cuBLASLt: row-major, result[b, m, n] is the sum over k of left[b, m, k] *
 * right[b, k, n], all of it dense. */
typedef struct fx_product {
  int64_t batches, m, n, k;
  uint32_t left_transposed, right_transposed; /* in memory [b, k, m], [b, n, k] */
} fx_product;

typedef enum fx_convolution_result {
  FX_CONVOLUTION_OUTPUT = 0, /* of left: the input, right: the kernel */
  FX_CONVOLUTION_INPUT = 1,  /* its gradient, of left: that of the output, right: the kernel */
  FX_CONVOLUTION_KERNEL = 2  /* its gradient, of left: the input, right: that of the output */
} fx_convolution_result;

/* A convolution or one of its gradients, by cuDNN, all of it dense: output[b, o, y] is the sum over
 * c, k of input[b, c, y * stride + k * dilation - padding] * kernel[o, c, k]. */
typedef struct fx_convolution {
  uint32_t computes;      /* fx_convolution_result */
  uint32_t channels_last; /* tensors are [b, y, c], the kernel [o, k, c]; else [b, c, y], [o, c, k]
                           */
  uint32_t flipped;       /* the kernel runs backwards */
  uint32_t spatial;       /* dimensions of y and k: 2 or 3 */
  int32_t batch, in_features, out_features, groups;
  int32_t input[3], kernel[3], output[3]; /* spatial sizes */
  int32_t padding[3], stride[3], dilation[3];
} fx_convolution;

struct fx_launch;

/* What a library may do in place of launches. */
typedef struct fx_library_call {
  uint32_t factors, sums; /* fx_dtype of both sides, of the result */
  uint32_t tf32;          /* f32 factors may be rounded */
  uint32_t launches;      /* from the one that names it on, so many do the same */
  fx_place left, right, result, workspace;
  uint64_t workspace_bytes;
  const fx_product *product;               /* this, */
  const fx_convolution *convolution;       /* or this; the other is NULL */
  const struct fx_launch *before, *behind; /* or NULL: bring a side, or the result, into the order
                                              it needs; made with the call alone */
} fx_library_call;

/* One kernel on the device. Its parameters are the addresses `args`, then the maps by value. */
typedef struct fx_launch {
  const char *kernel; /* its name in the image */
  const char *where;  /* "zoo/vision/mlp.cpp:12:20", the model's line; "" where unknown */
  uint32_t grid[3], block[3];
  uint32_t shared_bytes; /* dynamic shared memory */
  uint32_t num_args, num_maps, num_after, flags;
  int32_t guard; /* the check whose failure makes this launch do nothing (its predicate is the last
                    address); -1: none */
  const fx_place *args;
  const fx_tensor_map *maps;
  const uint32_t *after; /* launches, all before this one, that it must see the results of or may
                            overwrite what they read; those that are implied are left out */
  const fx_library_call *call; /* or NULL */
} fx_launch;

/* Bytes to move when all launches are done. */
typedef struct fx_copy {
  fx_place from, to;
  uint64_t bytes;
} fx_copy;

/* A floating-point value that a launch completes, for whoever watches a run. */
typedef struct fx_probe {
  const char *name; /* in a user's words */
  int32_t dtype;    /* fx_dtype */
  uint32_t launch;
  fx_place place;
  int64_t count; /* elements */
} fx_probe;

typedef enum fx_image_kind { FX_IMAGE_PTX = 0, FX_IMAGE_CUBIN = 1 } fx_image_kind;

/* Code for one architecture; PTX is zero-terminated. */
typedef struct fx_image {
  const char *arch; /* "sm_90a" */
  uint32_t kind;    /* fx_image_kind */
  uint32_t reserved;
  uint64_t bytes;
  const void *data;
} fx_image;

/* ---- Descriptors ------------------------------------------------------------------------------
 */

typedef struct fx_entry {
  const char *name; /* "init", "step", "evaluate", "predict", or a function's name */
  fx_entry_fn run;  /* null in a program for a GPU, which has launches */
  uint32_t num_inputs, num_outputs, num_checks, num_kernels;
  const fx_tensor *inputs, *outputs;
  const char *const *checks; /* messages of the entry's assertions */
  uint64_t arena_bytes;
  uint32_t num_launches, num_copies;
  const fx_launch *launches;     /* in order */
  const fx_copy *copies;         /* after them, in order */
  const fx_place *check_places;  /* the byte that is 0 where the check of this number or one before
                                    it failed; null in a program with `run` */
  const int32_t *check_launches; /* the launch that writes it; -1: none does */
  uint32_t num_probes, reserved;
  const fx_probe *probes; /* in order of their launches */
} fx_entry;

typedef struct fx_program {
  uint32_t abi_version; /* FX_ABI_VERSION of the compiler */
  uint32_t num_state, num_entries, num_images;
  const char *name;   /* "vision/lenet" */
  const char *target; /* "cpu:x86-64-v4", "cuda:sm_90a" */
  const char *hash;   /* hex digest of the program and its state layout */
  uint64_t state_bytes;
  uint64_t arena_bytes; /* largest of all entries */
  const fx_tensor *state;
  const fx_entry *entries;
  const fx_image *images; /* of a program for a GPU, else null */
  const void *constants;  /* to lie in device memory, aligned to 64 bytes */
  uint64_t constant_bytes;
  const struct fx_runtime *runtime; /* what makes the launches, fx_cuda_runtime; else null */
  const struct fx_program *next;    /* the same program for another target, or null */
} fx_program;

/* Of libfluxion_rt. A program for a GPU names it, so that others are linked without it. */
extern const struct fx_runtime fx_cuda_runtime;

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
