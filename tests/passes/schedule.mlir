// RUN: fluxion-opt --fluxion-outline "--fluxion-schedule=schedule=tasks=4,backend=llvm-loops" %s | FileCheck %s
// RUN: not fluxion-opt --fluxion-outline "--fluxion-schedule=schedule=tasks" %s 2>&1 | FileCheck %s --check-prefix=BAD

// Keys given by the user are in every kernel's schedule, and its work is counted.
// CHECK-LABEL: func.func @work
// CHECK: fluxion.kernel map "add"({{.*}}) schedule <{backend = "llvm-loops", tasks = 4 : i64}>
// CHECK: fluxion.bytes = 48 : i64, fluxion.flops = 4 : i64
// BAD: error: schedule entry 'tasks' is not key=value
func.func @work(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %z = fluxion.add %x, %y : tensor<4xf32>
  return %z : tensor<4xf32>
}
