// RUN: fluxion-opt --fluxion-outline "--fluxion-schedule=schedule=tile_vectors=1,backend=llvm-loops" %s | FileCheck %s
// RUN: not fluxion-opt --fluxion-outline "--fluxion-schedule=schedule=tasks" %s 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not fluxion-opt --fluxion-outline "--fluxion-schedule=schedule=tile_row=2" %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// Keys given by the user are in the schedule of every kernel that has them, beside what was decided, and its work is counted.
// CHECK-LABEL: func.func @work
// CHECK: fluxion.kernel map "add"({{.*}}) schedule <{backend = "llvm-loops"}>
// CHECK: fluxion.bytes = 48 : i64, fluxion.flops = 4 : i64
// UNKNOWN: error: unknown schedule key "tile_row"; did you mean tile_rows?
// BAD: error: schedule entry 'tasks' is not key=value
func.func @work(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %z = fluxion.add %x, %y : tensor<4xf32>
  return %z : tensor<4xf32>
}

// CHECK-LABEL: func.func @product
// CHECK: fluxion.kernel contract "matmul"({{.*}}) schedule <{backend = "llvm-loops", {{.*}}tile_rows = {{[0-9]+}} : i64, tile_vectors = 1 : i64,
func.func @product(%x: tensor<8x16xf32>, %y: tensor<16x32xf32>) -> tensor<8x32xf32> attributes {fluxion.entry} {
  %z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<8x16xf32>, tensor<16x32xf32>) -> tensor<8x32xf32>
  return %z : tensor<8x32xf32>
}
