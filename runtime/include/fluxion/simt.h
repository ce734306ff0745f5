/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * GPU kernels on the host: what programs for cuda-emulated call. Every GPU thread is a fiber,
 * blocks run one at a time on each host thread, and what a GPU would leave undefined is reported.
 */
#ifndef FLUXION_SIMT_H
#define FLUXION_SIMT_H

#include "fluxion/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All symbols of this page, for a linker's table. */
#define FX_SIMT_SYMBOLS(X)                                                                         \
  X(fx_simt_launch)                                                                                \
  X(fx_simt_self)                                                                                  \
  X(fx_simt_barrier)                                                                               \
  X(fx_simt_shuffle)                                                                               \
  X(fx_simt_read)                                                                                  \
  X(fx_simt_write)                                                                                 \
  X(fx_simt_copy_async)                                                                            \
  X(fx_simt_copy_commit)                                                                           \
  X(fx_simt_copy_wait)                                                                             \
  X(fx_simt_load_matrices)                                                                         \
  X(fx_simt_tf32)                                                                                  \
  X(fx_simt_mma)                                                                                   \
  X(fx_simt_elect)                                                                                 \
  X(fx_simt_registers)                                                                             \
  X(fx_simt_proxy_fence)                                                                           \
  X(fx_simt_mbarrier_init)                                                                         \
  X(fx_simt_mbarrier_arrive)                                                                       \
  X(fx_simt_mbarrier_wait)                                                                         \
  X(fx_simt_tensor_load)                                                                           \
  X(fx_simt_tensor_store)                                                                          \
  X(fx_simt_bulk_commit)                                                                           \
  X(fx_simt_bulk_wait)                                                                             \
  X(fx_simt_store_matrices)                                                                        \
  X(fx_simt_wgmma_fence)                                                                           \
  X(fx_simt_wgmma)                                                                                 \
  X(fx_simt_wgmma_of_registers)                                                                    \
  X(fx_simt_wgmma_commit)                                                                          \
  X(fx_simt_wgmma_wait)

/* Runs `body` once in every thread of the grid. `args` are the addresses of buffers of `bytes`
 * bytes, NULL of 0. `where` is the model's source line, or NULL. Without a context all blocks run
 * on the calling thread. */
void fx_simt_launch(fx_context *context, void (*body)(void *const *args), void *const *args,
                    const int64_t *bytes, int64_t num_args, int32_t gx, int32_t gy, int32_t gz,
                    int32_t bx, int32_t by, int32_t bz, int32_t shared_bytes, const char *kernel,
                    const char *where);

/* ---- What kernels call -------------------------------------------------------------------------
 */

/* A thread's registers, as kernels read them. */
typedef struct fx_simt_thread {
  uint32_t thread[3], block[3], block_size[3], grid_size[3];
  void *shared; /* of the block: static memory, then dynamic */
} fx_simt_thread;

/* Facts of a kernel that its launches share: element bytes by which accesses are told apart, bytes
 * of static shared memory, then a number and as many flags: is the argument written to, then a
 * number and as many pairs: offset and size of a shared variable, 0 for all dynamic memory. */
typedef int64_t fx_simt_layout;

/* The calling thread; a kernel's first call. */
fx_simt_thread *fx_simt_self(const fx_simt_layout *layout);

/* Waits for `threads` threads at barrier `id`; 0 is all of the block. `site` tells places in the
 * code apart. */
void fx_simt_barrier(fx_simt_thread *self, uint32_t id, uint32_t threads, uint32_t site);

enum {
  FX_SIMT_SHUFFLE_BUTTERFLY,
  FX_SIMT_SHUFFLE_UP,
  FX_SIMT_SHUFFLE_DOWN,
  FX_SIMT_SHUFFLE_INDEX,
  FX_SIMT_WARP_BARRIER
};
/* shfl.sync of PTX; lanes of `mask` meet, but what they did to memory is in no order. As a barrier,
 * bar.warp.sync: it is, and each gets its own value. */
uint32_t fx_simt_shuffle(fx_simt_thread *self, uint32_t mask, uint32_t value, uint32_t lane,
                         uint32_t clamp, uint32_t kind, uint32_t site);

/* Before an access of `bytes` bytes, 0 for none: `region` is an argument's number, or -1 - the
 * number of a shared variable. `align` bytes divide the distance from the region's start. */
void fx_simt_read(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                  int32_t region);
void fx_simt_write(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                   int32_t region);

/* cp.async: `bytes` bytes of shared memory, of which the first `read` come from `from` and the rest
 * are 0; part of the thread's next group of copies. They may be touched once a wait for the group
 * and a barrier lie between. Regions as above. */
void fx_simt_copy_async(fx_simt_thread *self, void *to, const void *from, int32_t bytes,
                        int32_t read, int32_t to_region, int32_t from_region);
void fx_simt_copy_commit(fx_simt_thread *self);
/* Until at most `groups` of the thread's groups of copies are on their way. */
void fx_simt_copy_wait(fx_simt_thread *self, uint32_t groups);

/* ldmatrix: lane i of the warp holds the address of row i % 8 of matrix i / 8. */
void fx_simt_load_matrices(fx_simt_thread *self, const void *row, uint32_t *words, uint32_t count,
                           uint32_t transposed, int32_t region, uint32_t site);
enum { FX_SIMT_BF16, FX_SIMT_F16, FX_SIMT_TF32 };
/* cvt.rna.tf32: to the nearest, ties away from zero; cvt.rn.tf32: to even. */
uint32_t fx_simt_tf32(uint32_t bits, uint32_t ties_to_even);
/* mma.sync of 16 x 8 x 32 bytes with the fragments of PTX; adds to the thread's four sums. */
void fx_simt_mma(fx_simt_thread *self, const uint32_t *left, const uint32_t *right, float *sums,
                 uint32_t type, uint32_t site);

/* ---- What works beside the threads (sm_90a) ----------------------------------------------------
 * `site` tells places in the code apart. */

/* True in one thread of a warp. */
uint32_t fx_simt_elect(fx_simt_thread *self);
/* setmaxnreg: the warpgroup has `count` registers a thread from now on. */
void fx_simt_registers(fx_simt_thread *self, uint32_t count);
/* What this thread wrote to shared memory is visible to copies and products from now on. */
void fx_simt_proxy_fence(fx_simt_thread *self);

void fx_simt_mbarrier_init(fx_simt_thread *self, void *barrier, uint32_t count);
/* `bytes` more will come in this phase; then one arrival. Nothing where `active` is 0. */
void fx_simt_mbarrier_arrive(fx_simt_thread *self, void *barrier, uint32_t bytes, uint32_t active);
/* Until the phase of this parity is complete. */
void fx_simt_mbarrier_wait(fx_simt_thread *self, void *barrier, uint32_t parity);

/* A tensor in memory as a launch describes it (CUtensorMap), innermost dimension first. */
typedef struct fx_simt_map {
  uint32_t argument;            /* of the launch: where it starts */
  uint32_t data_type, rank;     /* CUtensorMapDataType */
  uint32_t swizzle;             /* CUtensorMapSwizzle */
  uint64_t dims[5], strides[4]; /* elements; bytes of all dimensions but the innermost */
  uint32_t box[5], steps[5];    /* elements that are copied; from one of them to the next */
} fx_simt_map;
/* The box at `at` (rank entries), 0 beyond the tensor, into shared memory; its bytes count for the
 * barrier. */
void fx_simt_tensor_load(fx_simt_thread *self, void *to, const fx_simt_map *map, void *barrier,
                         const int32_t *at);
/* The other way, nothing beyond the tensor; part of the thread's next group of copies. */
void fx_simt_tensor_store(fx_simt_thread *self, const fx_simt_map *map, const void *from,
                          const int32_t *at);
void fx_simt_bulk_commit(fx_simt_thread *self);
/* Until at most `groups` of the thread's groups of copies have not read their source. */
void fx_simt_bulk_wait(fx_simt_thread *self, uint32_t groups);

/* stmatrix: lane i of the warp holds the address of row i % 8 of matrix i / 8. */
void fx_simt_store_matrices(fx_simt_thread *self, void *row, const uint32_t *words, uint32_t count,
                            uint32_t transposed, uint32_t site);

/* One product of a warpgroup, 64 x n x 32 bytes, both sides in shared memory as the descriptors
 * say; `sums`: the thread's n / 2 sums, added to where `adds`. */
typedef struct fx_simt_product {
  uint32_t n, type;
  uint32_t a_summed_last, b_summed_last; /* K-major; else along m or n */
  uint32_t adds, site;
} fx_simt_product;
void fx_simt_wgmma_fence(fx_simt_thread *self);
void fx_simt_wgmma(fx_simt_thread *self, uint64_t a, uint64_t b, float *sums,
                   const fx_simt_product *product);
/* The left side from registers: the thread's four words of tf32, as PTX has the fragment. */
void fx_simt_wgmma_of_registers(fx_simt_thread *self, const uint32_t *left, uint64_t b, float *sums,
                                const fx_simt_product *product);
void fx_simt_wgmma_commit(fx_simt_thread *self);
/* Until at most `groups` of the warpgroup's groups of products are in flight. */
void fx_simt_wgmma_wait(fx_simt_thread *self, uint32_t groups);

/* ---- For tests and tools -----------------------------------------------------------------------
 */

/* Called once a launch that goes wrong, with one line of text, in place of printing it and leaving
 * the process; the rest of the launch is then skipped. NULL restores that. */
void fx_simt_on_fault(void (*handler)(const char *message, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif /* FLUXION_SIMT_H */
