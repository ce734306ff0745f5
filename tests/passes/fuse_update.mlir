// RUN: fluxion-opt --fluxion-fuse %s | FileCheck %s

// The optimiser's arithmetic on a parameter and its slot is one kernel that writes both.
fluxion.state param @w : tensor<8x8xf32>
fluxion.state slot @m : tensor<8x8xf32>
// CHECK-LABEL: func.func @step
// CHECK: %[[K:.+]]:2 = fluxion.kernel update "optimizer_update"
// CHECK-DAG: fluxion.write @m, %[[K]]#0
// CHECK-DAG: fluxion.write @w, %[[K]]#1
// CHECK-NOT: fluxion.kernel
func.func @step(%g: tensor<8x8xf32>) attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<8x8xf32>
  %m = fluxion.read @m : tensor<8x8xf32>
  %mu = fluxion.constant dense<0.9> : tensor<8x8xf32>
  %lr = fluxion.constant dense<0.1> : tensor<8x8xf32>
  %a = fluxion.mul %m, %mu : tensor<8x8xf32>
  %b = fluxion.add %a, %g : tensor<8x8xf32>
  %c = fluxion.mul %b, %lr : tensor<8x8xf32>
  %d = fluxion.sub %w, %c : tensor<8x8xf32>
  fluxion.write @m, %b : tensor<8x8xf32>
  fluxion.write @w, %d : tensor<8x8xf32>
  return
}
