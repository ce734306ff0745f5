// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace fluxion::bench {

// Each adds the workloads of its file.
void addContractions();
void addConvolutions();
void addRows();
void addMaps();

} // namespace fluxion::bench
