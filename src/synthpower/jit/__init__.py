"""How a kernel is compiled, kept, loaded and called.

Importing Numba and having it look into its own cache take 0.2 s, as long as all the rest of a
small job; and that cache misses changes in other files, and races. So what is kept is the machine
code alone: llvmlite loads it and ctypes calls it, which takes 0.03 s. Numba is imported only if
something has to be compiled, on the first run of a machine.

The way of a call: `signature` checks the arguments, `kernel` finds the entry for their types,
`cache` looks for kept machine code under a key made of the `target` and the `digest` of the
kernel's code, `compiler` makes it if there is none, `loader` loads it. If any of these fails,
`compiler` gives a plain Numba function and `notices` says so, once.

`NUMBA_DISABLE_JIT`, `NUMBA_CPU_NAME`, `NUMBA_CPU_FEATURES` and `NUMBA_CACHE_DIR` mean what they
do for Numba.
"""

from synthpower.jit.cache import cache_problem
from synthpower.jit.inlined import Inlined, called, inlined, intrinsic
from synthpower.jit.kernel import Kernel, kernel, variant
from synthpower.jit.notices import on_notice

__all__ = [
    "Inlined",
    "Kernel",
    "cache_problem",
    "called",
    "inlined",
    "intrinsic",
    "kernel",
    "on_notice",
    "variant",
]
