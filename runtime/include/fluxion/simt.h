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
  X(fx_simt_write)

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
 * number and as many pairs: offset and size of a shared variable. */
typedef int64_t fx_simt_layout;

/* The calling thread; a kernel's first call. */
fx_simt_thread *fx_simt_self(const fx_simt_layout *layout);

/* Waits for `threads` threads at barrier `id`; 0 is all of the block. `site` tells places in the
 * code apart. */
void fx_simt_barrier(fx_simt_thread *self, uint32_t id, uint32_t threads, uint32_t site);

enum { FX_SIMT_SHUFFLE_BUTTERFLY, FX_SIMT_SHUFFLE_UP, FX_SIMT_SHUFFLE_DOWN, FX_SIMT_SHUFFLE_INDEX };
/* shfl.sync of PTX; lanes of `mask` meet. */
uint32_t fx_simt_shuffle(fx_simt_thread *self, uint32_t mask, uint32_t value, uint32_t lane,
                         uint32_t clamp, uint32_t kind, uint32_t site);

/* Before an access of `bytes` bytes, 0 for none: `region` is an argument's number, or -1 - the
 * number of a shared variable. `align` bytes divide the distance from the region's start. */
void fx_simt_read(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                  int32_t region);
void fx_simt_write(fx_simt_thread *self, const void *address, int64_t bytes, int32_t align,
                   int32_t region);

/* ---- For tests and tools -----------------------------------------------------------------------
 */

/* Called once a launch that goes wrong, with one line of text, in place of printing it and leaving
 * the process; the rest of the launch is then skipped. NULL restores that. */
void fx_simt_on_fault(void (*handler)(const char *message, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif /* FLUXION_SIMT_H */
