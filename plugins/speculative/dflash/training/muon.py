"""Muon (Keller Jordan et al. 2024) over stacks of equal shapes: a few large kernels where torch.optim.Muon starts a thousand small ones."""

import torch

COEFFICIENTS, STEPS = (3.4445, -4.7750, 2.0315), 5


def orthogonal(x):
    """Newton-Schulz: of matrices x [n, rows, columns], rows <= columns, about the nearest with orthonormal rows."""
    a, b, c = COEFFICIENTS
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        g = x @ x.mT
        x = a * x + (b * g + c * (g @ g)) @ x
    return x


class Muon(torch.optim.Optimizer):
    """Updates have the size that AdamW's usually have (Liu et al. 2025), so that rates carry over."""

    def __init__(self, matrices, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for (rows, columns), same in shapes.items():
                gradient = torch.stack([p.grad for p in same])
                state = self.state[same[0]]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(gradient)
                state["momentum"].lerp_(gradient, 1 - group["momentum"])
                update = gradient.lerp(state["momentum"], group["momentum"]).bfloat16()
                update = orthogonal(update.mT).mT if rows > columns else orthogonal(update)
                scale = -group["lr"] * 0.2 * max(rows, columns) ** 0.5
                torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(same, list(update.float().unbind()), alpha=scale)
