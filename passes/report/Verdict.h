// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who won a kernel's measurement and by how much: what `fluxion tune` and `fluxion show --report`
// say of it.
#pragma once

#include "passes/schedule/ScheduleSource.h"

namespace fluxion::passes {

// "3.07 us", "1.20 ms": three figures.
std::string duration(double seconds);

// How many times as long as the winner the best of what lost to it takes: another backend's where
// there is one, else another schedule's; 0 where nothing was measured beside it.
double lead(llvm::ArrayRef<Measurement> fastestFirst);

// "simt 3.07 us, library 3.34 us: 1.09x (as the cost model chose)". Empty where nothing was
// measured beside the winner.
std::string verdict(llvm::ArrayRef<Measurement> fastestFirst);

} // namespace fluxion::passes
