/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The training loop that standalone programs are made of. A training program has the entry points
 * init(seed), step(features f32[N, ...], labels i32[N]) -> loss, metrics..., and evaluate with the
 * same inputs -> loss, metrics..., count. */
#ifndef FLUXION_TRAIN_H
#define FLUXION_TRAIN_H

#include "fluxion/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parses the options (--help lists them), trains, prints. `data` names the kind of data the program
 * is for. Returns the exit status: 0, 1 for a mistake or a failure, 130 after an interrupt. */
int fx_train_main(const fx_program *program, const char *data, int argc, char **argv);

#ifdef __cplusplus
}

namespace fluxion::rt {
class Instance;
struct TrainHooks {
  /* Printed first with --json: the "compile" event of an in-process run; null: none. */
  const char *compile_event = nullptr;
};
/* The same with an instance made already; argv[0] is the name to show. */
int trainMain(Instance &instance, const char *data, int argc, char **argv, const TrainHooks &hooks);
} // namespace fluxion::rt
#endif
#endif /* FLUXION_TRAIN_H */
