// Package relax makes ggml's threads give their core away while they wait for each other.
//
// ggml's barrier spins on _mm_pause without end. When one of its threads has lost its core to another program, the
// others spin through whole time slices, hundreds of times a token: one busy program on two cores took
// generation from some 150 tokens/s to 0.3. Here waiting threads yield now and then, and the thread that they
// wait for gets a core; generation then stayed at 47. A barrier between threads that all run takes far fewer
// pauses than it takes to yield, so it costs nothing.
//
// The Makefile's CGO_CFLAGS turn the calls of _mm_pause() in C files into calls of kakeya_pause_(), defined here. The
// flag is -D_mm_pause(...)=kakeya_pause_##__VA_ARGS__(): where a header declares _mm_pause(void) it becomes
// kakeya_pause_void(), which nobody calls. Every package that links llama.cpp imports this one.
package relax

// #include <sched.h>
//
// #if defined(__x86_64__)
// #define PAUSE() __builtin_ia32_pause()
// #else
// #define PAUSE() ((void) 0)
// #endif
//
// enum { SPINS = 256 }; // pauses between two yields
//
// void kakeya_pause_(void);
//
// void kakeya_pause_(void) {
//     static __thread unsigned spins;
//     PAUSE();
//     if (++spins % SPINS == 0) {
//         sched_yield();
//     }
// }
import "C"
